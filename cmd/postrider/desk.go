package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/probe"
	"github.com/postrider-mq/postrider/internal/client"
)

// desk is where verbs work on the mailboxes of one broker, one step at a time.
type desk struct {
	options nodeOptions
	at      client.Address
	line    *probe.Line
	channel *probe.Channel
	out     io.Writer
	notes   io.Writer

	counts bool // the queue that was looked into counts how often a message was delivered
}

func (o *nodeOptions) deskFlags(f *pflag.FlagSet) {
	f.StringArrayVar(&o.brokers, "broker", nil, "`URL` of the broker with the mailboxes (default $"+brokerVariable+" or "+defaultBroker()+")")
	f.DurationVar(&o.timeout, "timeout", 30*time.Second, "`duration` to wait for each answer, as in 1.5s")
	o.tlsFlags(f)
	f.StringVar(&o.name, "name", "", "`name` whose certificate is taken from --keys")
	f.BoolVar(&o.json, "json", false, "print a JSON object a line")
}

// deskVerb is a verb that works at a desk.
func deskVerb(cmd *cobra.Command, do func(ctx context.Context, d *desk, args []string) error) *cobra.Command {
	o := new(nodeOptions)
	o.deskFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if name, ok := strings.CutPrefix(args[0], "mailbox:"); ok {
			return usagef("%q: here a mailbox is named without mailbox: before it, as %s", args[0], name)
		}
		d := &desk{options: *o, out: cmd.OutOrStdout(), notes: cmd.ErrOrStderr()}
		if err := d.open(cmd.Context()); err != nil {
			return stopped(cmd.Context(), err)
		}
		defer d.line.Close()
		return d.explain(stopped(cmd.Context(), do(cmd.Context(), d, args)))
	}
	return cmd
}

// stopped is err, or that it was interrupted if that is why a step was not done.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && (errors.Is(err, context.Cause(ctx)) || errors.Is(err, ctx.Err())) {
		return errInterrupted
	}
	return err
}

func (d *desk) open(ctx context.Context) (err error) {
	if d.at, err = client.ParseURL(d.options.brokerURLs()[0]); err != nil {
		return usagef("--broker: %w", err)
	}
	if d.line, err = d.options.dial(ctx, d.at); err != nil {
		return unreachable(d.at.String(), err)
	}
	return d.patiently(func() error {
		d.channel, err = d.line.Channel(ctx)
		return err
	})
}

// patiently bounds one answer.
func (d *desk) patiently(step func() error) error {
	late := time.AfterFunc(d.options.timeout, d.line.Abort)
	err := step()
	if late.Stop() || err == nil {
		return err
	}
	err = timedOut(d.options.timeout)
	if why := d.line.Blocked(); why != "" {
		err = fmt.Errorf("%w: %w", blocked(why), err)
	}
	return err
}

// explain puts a broker's refusal into words.
func (d *desk) explain(err error) error {
	var refused *amqp.Error
	if isNotFound(err) && errors.As(err, &refused) {
		return remedied{fmt.Errorf("%s at %s", refused.Text, d.at), seeNames + "; a mailbox is made when it is first used, or with: postrider mailbox create"}
	}
	return err
}

// seeNames is what to do about a mailbox that is not there.
const seeNames = "see the name: postrider mailbox ls lists those of a broker of this machine"

func isNotFound(err error) bool { return hasCode(err, amqp.NotFound) }

func hasCode(err error, code uint16) bool {
	var refused *amqp.Error
	return errors.As(err, &refused) && refused.Code == code
}

func (d *desk) get(ctx context.Context, queue string) (m *probe.Message, err error) {
	err = d.patiently(func() error {
		m, err = d.channel.Get(ctx, queue)
		return err
	})
	return m, err
}

// each takes up to limit messages of a queue in turn; 0 is no limit. What do does not acknowledge is back in its
// place when each returns.
func (d *desk) each(ctx context.Context, queue string, limit int, do func(*probe.Message) error) error {
	for n := 0; limit == 0 || n < limit; n++ {
		m, err := d.get(ctx, queue)
		if err != nil || m == nil {
			return err
		}
		d.counts = d.counts || m.Counted()
		if err := do(m); err != nil {
			return err
		}
	}
	return nil
}

// looked tells who has looked into a queue, and taken nothing, if that may have done something to it all the same.
func (d *desk) looked(ctx context.Context, queue string) {
	if !d.counts || d.patiently(func() error { return d.line.Alike(ctx, queue, true, client.Mailbox("").OnRabbitMQ) }) == nil {
		return // the limit of those that nodes make is beyond counting
	}
	fmt.Fprintf(d.notes, "postrider: note: %s counts each look at a message as a delivery: if it has a delivery limit, what was looked at more often is lost, or a dead letter\n", printable(queue))
}

// say prints a line for people. What is text may be a stranger's.
func (d *desk) say(format string, args ...any) {
	if d.options.json {
		return
	}
	for i, arg := range args {
		switch v := arg.(type) {
		case string:
			args[i] = printable(v)
		case paragraph:
			args[i] = strings.ReplaceAll(tamed(string(v), inText(unseen)), "\n", "\n               ")
		case fmt.Stringer:
			args[i] = printable(v.String())
		}
	}
	fmt.Fprintf(d.out, format, args...)
}

// paragraph is text that may have several lines: those after the first stand below it, and do not look like anything else.
type paragraph string
