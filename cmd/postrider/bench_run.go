package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/postrider-mq/postrider/cmd/postrider/internal/load"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/screen"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/ways"
	"github.com/postrider-mq/postrider/internal/client"
)

// bencher is a bench under way.
type bencher struct {
	options *benchOptions
	where   load.Where
	shape   load.Shape
	trust   *tls.Config    // of the user's broker
	broker  load.Broker    // that the user has named
	made    bool           // the mailbox did not exist
	at      client.Address // of the user's peer
	out     *screen.Screen
	status  *screen.Screen // on stderr
	cmd     *cobra.Command
}

func newBencher(cmd *cobra.Command, o *benchOptions, target string) (*bencher, error) {
	if err := o.check(cmd); err != nil {
		return nil, err
	}
	b := &bencher{options: o, cmd: cmd, where: load.Where{Brokers: o.node.brokers}}
	var err error
	if b.trust, err = o.node.tls(); err != nil {
		return nil, err
	}
	if b.where.Keys, err = o.node.loadKeys(); err != nil {
		return nil, err
	}
	b.shape = load.Shape{
		Way: ways.MailboxPost, Senders: o.senders, Receivers: o.receivers, Processes: o.processes, Body: int(o.body.sizeFlag), Rate: o.rate,
		For: o.duration, Count: o.count, InFlight: o.inFlight, Prefetch: o.prefetch, Handling: o.handling, Timeout: o.timeout,
		Quiet: o.patience, Stall: o.timeout + o.handling, Transient: o.transient, Handled: o.until == "handled",
	}
	if err := b.aim(target); err != nil {
		return nil, err
	}
	if o.verb == "send" {
		b.shape.Way--
	}
	if b.where.Program, err = os.Executable(); err != nil {
		return nil, fmt.Errorf("where this program is: %w", err)
	}
	b.out = newScreen(cmd.OutOrStdout(), os.Stdout, false)
	b.status = newScreen(cmd.ErrOrStderr(), os.Stderr, true)
	return b, nil
}

// aim understands the target.
func (b *bencher) aim(target string) error {
	switch target {
	case "":
		b.where.Mailbox = load.NewMailbox()
		return nil
	case "peer":
		b.shape.Way, b.where.Brokers = ways.DirectPost, nil
		return nil
	}
	t, err := parseTarget(target)
	if err != nil {
		return err
	}
	switch t.kind {
	case toMailbox:
		b.where.Mailbox = t.name
	case toPeer:
		return b.aimAtPeer(t)
	default:
		return usagef("target %q: want mailbox:NAME, peer, or peer:NAME", target)
	}
	return nil
}

// aimAtPeer understands the name of a node that runs already.
func (b *bencher) aimAtPeer(t targetName) error {
	o := &b.options.node
	if err := t.check(o); err != nil {
		return err
	}
	b.shape.Way, b.shape.Receivers, b.where.Peer, b.where.Brokers = ways.DirectPost, 0, t.name, nil
	if t.unknown(o) != "" {
		b.where.Brokers = o.brokerURLs()
		return nil
	}
	var err error
	b.where.PeerAt, err = o.peerURL(t.name)
	return err
}

// run leaves nothing behind before it reports: whoever reads that may go away at any time.
func (b *bencher) run(ctx context.Context) error {
	l, o, err := b.load(ctx)
	b.status.Clear()
	if err != nil {
		return err
	}
	return b.report(l, o)
}

// load runs the load, and tidies up.
func (b *bencher) load(ctx context.Context) (l *load.Load, o *load.Outcome, err error) {
	if b.where.Dir, err = os.MkdirTemp("", "postrider-bench-"); err != nil {
		return nil, nil, err
	}
	defer os.RemoveAll(b.where.Dir)
	if err := b.look(ctx); err != nil {
		return nil, nil, err
	}
	b.status.Doing("starting")
	l, err = load.Open(ctx, b.where, b.shape)
	defer b.tidy()
	defer l.Close()
	if err == nil {
		o, err = b.measure(ctx, l)
	}
	return l, o, err
}

// look makes sure that the load takes nobody's messages, and that a peer is there.
func (b *bencher) look(ctx context.Context) (err error) {
	switch {
	case b.where.Peer != "":
		b.at, err = b.lookAtPeer(ctx)
		return err
	case len(b.where.Brokers) == 0:
		return nil
	}
	var exists bool
	b.broker, exists, err = load.Look(ctx, b.where.Brokers[0], b.where.Mailbox, b.trust)
	b.made = err == nil && !exists
	return err
}

// lookAtPeer sees that a peer is there, and lets us in, and says where.
func (b *bencher) lookAtPeer(ctx context.Context) (at client.Address, err error) {
	o := &b.options.node
	var places []client.Address
	if b.where.PeerAt == "" {
		places, err = findPeer(b.cmd, o, b.where.Peer)
	} else if at, err = client.ParseURL(b.where.PeerAt); err == nil {
		places = []client.Address{at}
	}
	for _, at = range places {
		l, failed := o.dial(ctx, at)
		if failed == nil {
			l.Close()
			return at, nil
		}
		err = unreachable(at.String(), failed)
	}
	return at, err
}

// tidy removes a mailbox that was made.
func (b *bencher) tidy() {
	if !b.made {
		return
	}
	if err := load.Remove(context.Background(), b.where.Brokers[0], b.where.Mailbox, b.trust); err != nil {
		fmt.Fprintf(b.cmd.ErrOrStderr(), "postrider: mailbox %s is left behind: %s\n", b.where.Mailbox, oneLine(err))
	}
}

// measure runs the load, and tells how far it is on a terminal.
func (b *bencher) measure(ctx context.Context, l *load.Load) (*load.Outcome, error) {
	if !isLive(os.Stderr) {
		return l.Run(ctx, nil)
	}
	watching, stop := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		b.watch(watching, l)
	}()
	o, err := l.Run(ctx, nil)
	stop()
	<-watched
	return o, err
}

// watch shows progress until ctx ends.
func (b *bencher) watch(ctx context.Context, l *load.Load) {
	var last load.Progress
	began := time.Now()
	for wait(ctx, time.Second) {
		p, err := l.Progress(ctx)
		if err != nil {
			return
		}
		b.status.Doing("%s: sent %s/s, received %s/s, %s sent so far", time.Since(began).Round(time.Second),
			screen.Grouped(int(p.Sent-last.Sent)), screen.Grouped(int(p.Got-last.Got)), screen.Grouped(int(p.Sent)))
		last = p
	}
}
