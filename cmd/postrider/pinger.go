package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/probe"
	"github.com/postrider-mq/postrider/internal/client"
)

// pinger asks one server.
type pinger struct {
	options *nodeOptions
	target  targetName
	quiet   bool
	out     io.Writer

	places  []client.Address // tried in turn
	at      client.Address   // the one that answered, or was tried last
	mailbox string           // "" for a peer
}

// locate finds out where the server is that has the target.
func (p *pinger) locate(cmd *cobra.Command) error {
	o, t := p.options, p.target
	if err := o.useKeys(); err != nil {
		return err
	}
	var url string
	switch t.kind {
	case toMailbox:
		p.mailbox, url = t.name, o.brokerURLs()[0]
	case toURL:
		var err error
		if url, err = o.enter(t.name); err != nil {
			return err
		}
	default:
		var err error
		if url, err = o.peerURL(t.name); err != nil {
			return err
		}
		if url == "" {
			p.places, err = findPeer(cmd, o, t.name)
			return err
		}
	}
	at, err := client.ParseURL(url)
	if err != nil {
		return usageError{err}
	}
	if t.kind != toMailbox {
		at.VHost = "/"
	}
	p.places = []client.Address{at}
	return nil
}

// pingReport is what --json prints. Times are in microseconds.
type pingReport struct {
	Target    string    `json:"target,omitempty"` // of several
	Error     string    `json:"error,omitempty"`
	Advice    string    `json:"advice,omitempty"`
	Address   string    `json:"address,omitempty"`
	Name      string    `json:"name,omitempty"`
	Product   string    `json:"product,omitempty"`
	Version   string    `json:"version,omitempty"`
	Mailbox   string    `json:"mailbox,omitempty"`
	Messages  *int      `json:"messages,omitempty"`
	Consumers *int      `json:"consumers,omitempty"`
	LoginUS   float64   `json:"loginMicros"`
	TripsUS   []float64 `json:"roundTripMicros"`
	MinUS     float64   `json:"minMicros"`
	AvgUS     float64   `json:"avgMicros"`
	MaxUS     float64   `json:"maxMicros"`
}

func (p *pinger) run(cmd *cobra.Command, count int, interval time.Duration) (r pingReport, err error) {
	if err := p.locate(cmd); err != nil {
		return r, err
	}
	ctx, end := context.WithCancel(cmd.Context())
	defer end()
	began := time.Now()
	l, err := p.dial(ctx)
	if err != nil {
		return r, unreachable(p.at.String(), err)
	}
	defer l.Close()
	r = p.introduce(l, time.Since(began))
	if err := p.look(ctx, l, &r); err != nil {
		return r, err
	}
	for i := range count {
		if i > 0 && !wait(ctx, interval) {
			break
		}
		if err := p.trip(ctx, l, &r); err != nil {
			return r, fmt.Errorf("%s does not answer any more: %w", p.at, err)
		}
	}
	if len(r.TripsUS) == 0 {
		return r, errInterrupted
	}
	r.sum()
	return r, nil
}

// dial connects to the first place that answers, each within the timeout; the line then lives as long as ctx.
func (p *pinger) dial(ctx context.Context) (l *probe.Line, err error) {
	for _, p.at = range p.places {
		if l, err = p.options.dial(ctx, p.at); err == nil {
			return l, nil
		}
	}
	return nil, err
}

// introduce tells who answered.
func (p *pinger) introduce(l *probe.Line, login time.Duration) pingReport {
	s := l.Server()
	r := pingReport{Address: p.at.String(), Name: s.Name, Product: s.Product, Version: s.Version, Mailbox: p.mailbox, LoginUS: micros(login)}
	p.say("%s is %s (%s %s), connected and logged in in %s\n", r.Address, printable(s.Name), printable(s.Product), printable(s.Version), rounded(login))
	return r
}

// look looks at the mailbox, if it is one.
func (p *pinger) look(ctx context.Context, l *probe.Line, r *pingReport) error {
	if p.mailbox == "" {
		return nil
	}
	messages, consumers, err := l.Queue(ctx, p.mailbox)
	var refused *amqp.Error
	if errors.As(err, &refused) && refused.Code == amqp.NotFound {
		return remedied{fmt.Errorf("there is no mailbox %s at %s", p.mailbox, p.at), "see the name; a mailbox is made when it is first used, or with: postrider mailbox create " + p.mailbox}
	}
	if err != nil {
		return fmt.Errorf("mailbox %s at %s: %w", p.mailbox, p.at, err)
	}
	r.Messages, r.Consumers = &messages, &consumers
	p.say("mailbox %s: messages %d, consumers %d\n", p.mailbox, messages, consumers)
	return nil
}

func (p *pinger) trip(ctx context.Context, l *probe.Line, r *pingReport) error {
	late := time.AfterFunc(p.options.timeout, l.Abort)
	defer late.Stop()
	took, err := l.Ping(ctx)
	if err != nil {
		return err
	}
	r.TripsUS = append(r.TripsUS, micros(took))
	p.say("round trip %d: %s\n", len(r.TripsUS), rounded(took))
	return nil
}

// sum works out the least, the mean and the longest round trip.
func (r *pingReport) sum() {
	r.MinUS, r.MaxUS = slices.Min(r.TripsUS), slices.Max(r.TripsUS)
	for _, t := range r.TripsUS {
		r.AvgUS += t / float64(len(r.TripsUS))
	}
}

func (p *pinger) conclude(r pingReport) error {
	if p.options.json {
		return json.NewEncoder(p.out).Encode(r)
	}
	p.say("round trips %d, min/avg/max %.0f/%.0f/%.0f µs\n", len(r.TripsUS), r.MinUS, r.AvgUS, r.MaxUS)
	return nil
}

// say prints a line for people.
func (p *pinger) say(format string, args ...any) {
	if !p.options.json && !p.quiet {
		fmt.Fprintf(p.out, format, args...)
	}
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

func rounded(d time.Duration) time.Duration {
	if d < 10*time.Millisecond {
		return d.Round(time.Microsecond)
	}
	return d.Round(time.Millisecond)
}

// wait reports false when ctx ends first.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
