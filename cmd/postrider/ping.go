package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/probe"
	"github.com/postrider-mq/postrider/internal/client"
)

func newPing() *cobra.Command {
	var o nodeOptions
	var count int
	var interval time.Duration
	cmd := &cobra.Command{
		Use:   "ping TARGET",
		Short: "Ask whether a target is there, and how fast it answers",
		Long: text(`
			Connect to a peer, or to the broker of a mailbox, log in, and time how long it takes to answer.
			Nothing is sent to the target and nothing is left there. A mailbox must exist, and how
			many messages and consumers it has is printed, too.`),
		Example: examples(`
			postrider ping mailbox:jobs
			postrider ping peer:bob --peer bob=127.0.0.1:5681 --count 10 --interval 100ms
			postrider ping amqp://127.0.0.1:5681 --json`),
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if count < 1 {
				return usagef("--count %d: want 1 or more", count)
			}
			p, err := newPinger(cmd, &o, args[0])
			if err != nil {
				return err
			}
			return p.run(cmd.Context(), count, interval)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.brokers, "broker", nil, "`URL` of the broker with the mailboxes (default $"+brokerVariable+" or "+defaultBroker+")")
	f.StringArrayVar(&o.peers, "peer", nil, "`NAME=HOST:PORT` or NAME=URL of a node; may be repeated")
	f.DurationVar(&o.timeout, "timeout", 5*time.Second, "`duration` to wait for each answer, as in 1.5s")
	f.StringVar(&o.tlsCA, "tls-ca", "", "`file` with the certificates to trust, PEM (default the system's)")
	f.BoolVar(&o.json, "json", false, "print a JSON object in place of the lines")
	f.IntVar(&count, "count", 4, "`number` of round trips")
	f.DurationVar(&interval, "interval", time.Second, "`duration` from one round trip to the next")
	return cmd
}

// pinger asks one server.
type pinger struct {
	options *nodeOptions
	at      client.Address
	trust   *tls.Config
	mailbox string // "" for a peer
	out     io.Writer
}

func newPinger(cmd *cobra.Command, o *nodeOptions, target string) (*pinger, error) {
	t, err := parseTarget(target)
	if err == nil {
		err = t.sendable(o)
	}
	if err != nil {
		return nil, err
	}
	p := &pinger{options: o, out: cmd.OutOrStdout()}
	if p.trust, err = clientTLS(o.tlsCA); err != nil {
		return nil, err
	}
	url, err := t.where(o)
	if err != nil {
		return nil, err
	}
	if p.at, err = client.ParseURL(url); err != nil {
		return nil, usageError{err}
	}
	switch t.kind {
	case toMailbox:
		p.mailbox = t.name
	default:
		p.at.VHost = "/"
	}
	return p, nil
}

// where is the URL of the server that has the target.
func (t targetName) where(o *nodeOptions) (string, error) {
	switch t.kind {
	case toMailbox:
		return o.brokerURLs()[0], nil
	case toURL:
		return t.name, nil
	}
	peers, err := parsePeers(o.peers)
	where := peers[t.name]
	if err != nil || strings.Contains(where, "://") {
		return where, err
	}
	if _, _, err := net.SplitHostPort(where); err != nil {
		return "", usagef("--peer %s=%s: want NAME=HOST:PORT", t.name, where)
	}
	return "amqp://" + where, nil
}

// pingReport is what --json prints. Times are in microseconds.
type pingReport struct {
	Address   string    `json:"address"`
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

func (p *pinger) run(ctx context.Context, count int, interval time.Duration) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	began := time.Now()
	l, err := p.dial(ctx)
	if err != nil {
		return unreachable(p.at.String(), err)
	}
	defer l.Close()
	r := p.introduce(l, time.Since(began))
	if err := p.look(ctx, l, &r); err != nil {
		return err
	}
	for i := range count {
		if i > 0 && !wait(ctx, interval) {
			break
		}
		if err := p.trip(ctx, l, &r); err != nil {
			return fmt.Errorf("%s does not answer any more: %w", p.at, err)
		}
	}
	return p.conclude(r)
}

// dial connects within the timeout; the line then lives as long as ctx.
func (p *pinger) dial(ctx context.Context) (*probe.Line, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	late := time.AfterFunc(p.options.timeout, func() { cancel(timedOut(p.options.timeout)) })
	l, err := probe.Dial(ctx, p.at, p.trust)
	late.Stop()
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return l, err
}

// introduce tells who answered.
func (p *pinger) introduce(l *probe.Line, login time.Duration) pingReport {
	s := l.Server()
	r := pingReport{Address: p.at.String(), Name: s.Name, Product: s.Product, Version: s.Version, Mailbox: p.mailbox, LoginUS: micros(login)}
	p.say("%s is %s (%s %s), connected and logged in in %s\n", r.Address, s.Name, s.Product, s.Version, rounded(login))
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
		return fmt.Errorf("there is no mailbox %s at %s; it is made when it is first used", p.mailbox, p.at)
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

func (p *pinger) conclude(r pingReport) error {
	if len(r.TripsUS) == 0 {
		return errInterrupted
	}
	r.MinUS, r.MaxUS = r.TripsUS[0], r.TripsUS[0]
	for _, t := range r.TripsUS {
		r.MinUS, r.MaxUS = min(r.MinUS, t), max(r.MaxUS, t)
		r.AvgUS += t / float64(len(r.TripsUS))
	}
	if p.options.json {
		return json.NewEncoder(p.out).Encode(r)
	}
	p.say("round trips %d, min/avg/max %.0f/%.0f/%.0f µs\n", len(r.TripsUS), r.MinUS, r.AvgUS, r.MaxUS)
	return nil
}

// say prints a line for people.
func (p *pinger) say(format string, args ...any) {
	if !p.options.json {
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
