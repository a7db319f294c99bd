package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/postrider-mq/postrider/cmd/postrider/internal/load"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/screen"
)

// report tells what came of it, and fails if it is not what has to be.
func (b *bencher) report(l *load.Load, o *load.Outcome) error {
	if b.options.json {
		f := struct {
			Target  string       `json:"target"`
			Broker  string       `json:"broker,omitempty"`
			Product string       `json:"product,omitempty"`
			Shape   benchShape   `json:"load"`
			Result  load.Figures `json:"result"`
		}{b.target(l), b.broker.Address, strings.TrimSpace(b.broker.Product + " " + b.broker.Version), b.shapeFigures(), o.Figures()}
		if err := json.NewEncoder(b.cmd.OutOrStdout()).Encode(f); err != nil {
			return err
		}
	} else {
		b.introduce(l)
		o.Show(b.out, b.shape.Body)
		b.out.Line("")
		b.verdict(o)
	}
	if err := o.Err(); err != nil {
		if logs := l.Logs(); logs != "" && !b.options.json {
			b.out.Line("\n%s", logs)
		}
		return err
	}
	return nil
}

// benchShape is the load, as --json prints it.
type benchShape struct {
	Verb      string  `json:"verb"`
	Senders   int     `json:"senders"`
	Receivers int     `json:"receivers"`
	Processes int     `json:"processes"`
	Body      int     `json:"bodyBytes"`
	Rate      float64 `json:"rate,omitempty"`
	InFlight  int     `json:"inFlight"`
	Transient bool    `json:"transient,omitempty"`
	Handled   bool    `json:"untilHandled,omitempty"`
}

func (b *bencher) shapeFigures() benchShape {
	s := &b.shape
	return benchShape{b.options.verb, s.Senders, s.Receivers, s.Processes, s.Body, s.Rate, s.InFlight, s.Transient, s.Handled}
}

func (b *bencher) target(l *load.Load) string {
	switch {
	case !b.shape.Way.Direct():
		return "mailbox " + l.Mailbox()
	case b.where.Peer != "":
		return "peer " + b.where.Peer
	}
	return "a peer"
}

// introduce says what was measured.
func (b *bencher) introduce(l *load.Load) {
	s, where := &b.shape, "a node of its own on this machine"
	switch {
	case b.broker.Address != "":
		where = fmt.Sprintf("%s (%s %s)", b.broker.Address, b.broker.Product, b.broker.Version)
	case !s.Way.Direct():
		where = "a broker of its own on this machine: postrider serve, " + l.Broker()
	case b.where.Peer != "":
		where = b.at.String()
	}
	kept := "persistent"
	if s.Transient {
		kept = "transient"
	}
	pace := "as fast as it goes"
	if s.Rate > 0 {
		pace = fmt.Sprintf("%s messages a second, timed from when they were due", screen.Grouped(int(s.Rate)))
	}
	flight := fmt.Sprintf("at most %s unconfirmed each", screen.Grouped(s.InFlight))
	if s.Way.Waits() {
		flight = fmt.Sprintf("%d at once each", s.InFlight)
		if s.InFlight == 1 {
			flight = "one after the other"
		}
	}
	b.out.Item("target", "%s at %s", b.target(l), where)
	b.out.Item("load", "%s: %s, %s; %s; bodies of %s bytes, %s; %s", count(s.Senders, "sender"), strings.ToUpper(b.options.verb[:1])+b.options.verb[1:], flight,
		count(s.Receivers, "receiver"), screen.Grouped(s.Body), kept, pace)
}

// verdict says what was checked.
func (b *bencher) verdict(o *load.Outcome) {
	for _, wrong := range o.Wrong() {
		b.out.Check(false, wrong)
	}
	switch {
	case len(o.Wrong()) > 0:
	case !o.Received:
		b.out.Check(true, fmt.Sprintf("all %s were confirmed; what came of them is not known here", screen.Grouped(int(o.Confirmed))))
	default:
		order := ", each sender's in order"
		if !o.Ordered {
			order = "; order is not checked where a process handles several at once"
		}
		b.out.Check(true, fmt.Sprintf("all %s confirmed messages came, undamaged%s; %s came twice",
			screen.Grouped(int(o.Confirmed)), order, screen.Grouped(int(o.Repeated))))
	}
}
