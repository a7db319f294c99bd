package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/probe"
	"github.com/postrider-mq/postrider/internal/client"
)

func newMailboxMove() *cobra.Command {
	var to, rename string
	var moved atomic.Int64
	cmd := deskVerb(&cobra.Command{
		Use:   "move NAME --to URL",
		Short: "Move the messages of a mailbox to another broker",
		Long: text(`
			Move all messages of a mailbox from the broker of --broker to the one of --to, ours or RabbitMQ, in their order
			and under their ids. The mailbox is made there if it is missing, as nodes make it, without other arguments that it has here; and stays,
			empty, where it was. What others have taken out and not settled is not moved. A message's time to live begins anew there.

			Of a mailbox with partitions each is moved by itself: jobs.p0, jobs.p1 and so on.

			Each message is stored on the other broker before it leaves the first: if this is interrupted, nothing is
			lost, and it can be run again. It ends when the mailbox is empty; what is sent to it meanwhile is
			moved, too.`),
		Example: examples(`
			postrider mailbox move jobs --broker amqp://127.0.0.1 --to amqp://guest:guest@rabbit:5672
			postrider mailbox move jobs --to amqp://127.0.0.1 --as old-jobs`),
		Args: cobra.ExactArgs(1),
	}, func(ctx context.Context, d *desk, args []string) error {
		m := &mover{desk: d, from: args[0], to: args[0], moved: &moved}
		if rename != "" {
			m.to = rename
		}
		return m.run(ctx, to)
	})
	cmd.PreRunE = func(*cobra.Command, []string) error {
		if to == "" {
			return usagef("--to is missing: the URL of the broker to move to")
		}
		return nil
	}
	move := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		err := move(cmd, args)
		if n := moved.Load(); errors.Is(err, errInterrupted) || err != nil && n > 0 {
			err = fmt.Errorf("%s moved so far, run it again for the rest: %w", count(int(n), "message"), err)
		}
		return err
	}
	cmd.Flags().StringVar(&to, "to", "", "`URL` of the broker to move to")
	cmd.Flags().StringVar(&rename, "as", "", "`name` of the mailbox there (default the same)")
	return cmd
}

// A mover moves one mailbox. Many messages are under way at once; each is acknowledged to the first
// broker when the other has confirmed it.
type mover struct {
	*desk
	from, to string
	target   client.Address

	source, sink *client.Conn
	queue        *client.Queue
	underWay     chan moving
	taken        atomic.Int64
	moved        *atomic.Int64
}

type moving struct {
	delivery *client.Delivery
	fate     *client.Fate
	err      error
}

var errItself = usagef("--to is the mailbox itself: name another broker, or another mailbox with --as")

// same reports whether both brokers are one, by whatever addresses: it would be moved behind itself without end. A queue of this connection's own is there on
// one broker, and another connection may not look at it. Who may not make one is not asked.
func (m *mover) same(ctx context.Context, there *probe.Line) bool {
	own, err := m.channel.DeclareOwn(ctx)
	if err != nil {
		return false
	}
	_, _, err = there.Queue(ctx, own)
	m.channel.Delete(ctx, own, false, false)
	var refused *amqp.Error
	return err == nil || errors.As(err, &refused) && refused.Code == amqp.ResourceLocked
}

// moveWindow is how many messages are under way at most.
const moveWindow = 1000

func (m *mover) run(ctx context.Context, to string) (err error) {
	if m.target, err = client.ParseURL(to); err != nil {
		return usagef("--to: %w", err)
	}
	if m.target.Host == m.at.Host && m.target.VHost == m.at.VHost && m.from == m.to {
		return errItself
	}
	total, err := m.left(ctx)
	if err != nil {
		return m.orParts(ctx, err)
	}
	if m.queue, err = m.form(ctx); err != nil {
		return err
	}
	if err := m.connect(ctx); err != nil {
		return err
	}
	defer m.source.Close()
	defer m.sink.Close()
	stop := m.progress(total)
	err = m.drain(ctx)
	stop()
	if err != nil {
		return err
	}
	if m.options.json {
		return json.NewEncoder(m.out).Encode(map[string]any{"mailbox": m.from, "to": m.to, "moved": m.moved.Load()})
	}
	m.say("%s moved\n", count(int(m.moved.Load()), "message"))
	return nil
}

// orParts is err, or what to do when the mailbox has partitions.
func (m *mover) orParts(ctx context.Context, err error) error {
	if isNotFound(err) && m.patiently(func() error { _, _, err := m.line.Queue(ctx, m.from+".partitions"); return err }) == nil {
		return remedied{fmt.Errorf("mailbox %s at %s has partitions", m.from, m.at), fmt.Sprintf("move each of them: %s.p0 and so on", m.from)}
	}
	return err
}

// form is how the mailbox is to be made where it is missing: with one active consumer at a time if that is so here, as it is of a partition. A queue that
// ends with its last consumer is none for us: the rest would be lost when we are interrupted. Who may not declare it is not told how it is.
func (m *mover) form(ctx context.Context) (*client.Queue, error) {
	alike := func(durable bool, args amqp.Table) error {
		return m.patiently(func() error { return m.line.Alike(ctx, m.from, durable, args) })
	}
	err := alike(true, nil)
	if differs(err, "durable") {
		err = alike(false, nil)
	}
	if differs(err, "auto_delete") {
		return nil, remedied{fmt.Errorf("queue %s at %s is deleted with what is in it when its last consumer goes, as this one does when it is interrupted", m.from, m.at),
			"leave it to its own consumers"}
	}
	q := client.Mailbox(m.to)
	if differs(err, "") {
		args := client.SingleActiveArgs()
		maps.Copy(args, mailboxArgs(m.line.Server().Product))
		if err = alike(true, args); err == nil {
			q.Args = client.SingleActiveArgs()
		}
	}
	var refused *amqp.Error
	if err != nil && !errors.As(err, &refused) {
		return nil, err
	}
	return q, nil
}

// differs reports whether a queue is there and declared otherwise, in that argument if one is named.
func differs(err error, arg string) bool {
	var refused *amqp.Error
	return errors.As(err, &refused) && refused.Code == amqp.PreconditionFailed && strings.Contains(refused.Text, "inequivalent arg '"+arg)
}

func (m *mover) connect(ctx context.Context) error {
	trust, err := m.options.tls()
	if err != nil {
		return err
	}
	dialing, cancel := m.options.within(ctx)
	defer cancel()
	there, err := probe.Dial(dialing, m.target, trust) // whether it answers, before anything is taken
	if err != nil {
		return unreachable(m.target.String(), err)
	}
	defer there.Close()
	if m.from == m.to && m.same(dialing, there) {
		return errItself
	}
	config := client.Config{Name: "move " + m.from, TLS: trust, Logger: slog.New(slog.DiscardHandler)}
	from, to := config, config
	from.Addresses, to.Addresses, to.Publishes = []client.Address{m.at}, []client.Address{m.target}, true
	m.source, m.sink = client.New(from), client.New(to)
	m.queue = m.sink.Ensure(m.queue)
	m.underWay = make(chan moving, moveWindow)
	return nil
}

// drain returns when the mailbox is empty and all of it is stored on the other side. What the broker has delivered and
// is still on its way here counts neither as ready nor as under way: only after a round has ended is it known to be the last.
func (m *mover) drain(ctx context.Context) error {
	for {
		if err := m.round(ctx); err != nil {
			return err
		}
		if left, err := m.left(ctx); left == 0 || err != nil {
			return err
		}
	}
}

// round moves messages until no more seem to be there, and settles all that came.
func (m *mover) round(ctx context.Context) error {
	over := make(chan struct{})
	consumer := m.source.Consume(&client.Queue{Name: m.from}, moveWindow, func(d *client.Delivery) { m.take(d, over) })
	defer func() {
		close(over)
		<-consumer.Release()
	}()
	idle := time.NewTicker(100 * time.Millisecond)
	defer idle.Stop()
	for {
		select {
		case one := <-m.underWay:
			if err := m.settle(ctx, one); err != nil {
				return err
			}
		case <-idle.C:
			if empty, err := m.empty(ctx, consumer); err != nil {
				return err
			} else if empty {
				<-consumer.Stop()
				return m.settleRest(ctx)
			}
		case <-ctx.Done():
			return errInterrupted
		}
	}
}

// settleRest settles what came before the consumer was stopped.
func (m *mover) settleRest(ctx context.Context) error {
	for len(m.underWay) > 0 {
		if err := m.settle(ctx, <-m.underWay); err != nil {
			return err
		}
	}
	return nil
}

// take is called by the connection's reader for each message. There are more than fit when a connection broke whose messages are still under way: then
// the reader waits for them, until the round is over.
func (m *mover) take(d *client.Delivery, over <-chan struct{}) {
	one := moving{delivery: d, fate: new(client.Fate)}
	one.err = m.pass(d, one.fate)
	m.taken.Add(1)
	select {
	case m.underWay <- one:
	case <-over:
	}
}

func (m *mover) pass(d *client.Delivery, f *client.Fate) error {
	var p amqp.Properties
	err := p.ParseRaw(d.Props, nil)
	if err == nil {
		p.RawHeaders, err = amqp.WithoutNames(p.RawHeaders, "CC") // whoever it names has had a copy
	}
	if err != nil {
		return err
	}
	if p.UserID != m.target.User {
		p.UserID = "" // the other broker lets nobody speak for another
	}
	e, err := client.NewEnvelope("", m.to, true, p)
	if err != nil {
		return err
	}
	return m.sink.Publisher().Post(f, e, []byte(p.MessageID), d.Body)
}

func (m *mover) settle(ctx context.Context, one moving) error {
	err := one.err
	if err == nil {
		select {
		case <-one.fate.Done():
			err = one.fate.Err()
		case <-ctx.Done():
			return errInterrupted
		}
	}
	if err != nil {
		if m.queue.Err() != nil {
			err = m.queue.Err()
		}
		return fmt.Errorf("mailbox %s at %s: %w", m.to, m.target, err)
	}
	m.moved.Add(1)
	return one.delivery.Ack()
}

// empty says whether nothing seems to be left.
func (m *mover) empty(ctx context.Context, consumer *client.Consumer) (bool, error) {
	if err := consumer.Err(); err != nil && !errors.Is(err, client.ErrBroken) {
		return false, err
	}
	left, err := m.left(ctx)
	return err == nil && left == 0 && len(m.underWay) == 0, err
}

// left asks the first broker how many messages nobody has taken.
func (m *mover) left(ctx context.Context) (n int, err error) {
	err = m.patiently(func() (err error) {
		n, _, err = m.line.Queue(ctx, m.from)
		return err
	})
	return n, err
}

// progress shows how far it is, on a terminal only, and says what is waited for, once each time that nothing moves for a while.
func (m *mover) progress(total int) (stop func()) {
	shown := !m.options.json && isTerminal(m.notes)
	wipe := func() {
		if shown {
			io.WriteString(m.notes, "\r\x1b[K")
		}
	}
	ended, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		defer wipe()
		tick := time.NewTicker(lookAtMove)
		defer tick.Stop()
		for last, still := int64(0), time.Duration(0); ; still += lookAtMove {
			select {
			case <-tick.C:
			case <-ended:
				return
			}
			switch n := m.moved.Load(); {
			case n != last:
				last, still = n, 0
			case still == moveStalls:
				wipe()
				complain(m.notes, m.waits())
			}
			if shown {
				fmt.Fprintf(m.notes, "\r%d of about %d messages", last, max(total, int(last)))
			}
		}
	}()
	return func() { close(ended); <-over }
}

const (
	lookAtMove = 200 * time.Millisecond
	moveStalls = 3 * time.Second
)

// waits says who is waited for, and why.
func (m *mover) waits() error {
	name, at, conn, why := m.from, m.at, m.source, errNoneComes
	if m.taken.Load() > m.moved.Load() {
		name, at, conn, why = m.to, m.target, m.sink, errNoAnswer
	}
	if s, _ := conn.State(); s.Err != nil {
		why = s.Err
	} else if alarm := conn.Publisher().Blocked(); alarm != "" {
		why = blocked(alarm)
	}
	return fmt.Errorf("waiting for mailbox %s at %s: %w", name, at, why)
}

var errNoneComes = errors.New("it has messages and delivers none, as where another consumer is the only one that it serves")
