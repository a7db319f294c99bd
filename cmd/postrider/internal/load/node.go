package load

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/child"
)

// nodeProcess is a process of a load.
type nodeProcess struct {
	node     *postrider.Node
	parent   *child.Parent[order, report]
	sending  sending
	receiver atomic.Pointer[receiver] // made by the first order
}

// Node is the life of a process of a load: it carries out the orders that come in, and ends when there are no more, or with ctx.
// read reads the files of keys.
func Node(ctx context.Context, in io.Reader, out, log io.Writer, read func(Keys) (*tls.Config, error)) error {
	p := &nodeProcess{parent: child.NewParent[order, report](in, out)}
	var s setup
	err := p.parent.Setup(&s)
	if err != nil {
		return err
	}
	cfg := postrider.Config{
		Name: s.Name, Listen: s.Listen, Dir: s.Dir, Brokers: s.Brokers, Peers: s.Peers, Login: s.Keys.Login,
		Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelError})),
	}
	if cfg.TLS, err = read(s.Keys); err != nil {
		return err
	}
	if p.node, err = postrider.Start(ctx, cfg); err != nil {
		return err
	}
	defer p.node.Close()
	if err := p.parent.Serve(ctx, p.do); err != nil {
		return err
	}
	return p.leave()
}

// leave ends the node in good order: what was handled is acknowledged.
func (p *nodeProcess) leave() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := p.node.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

func (p *nodeProcess) do(ctx context.Context, o order) (report, error) {
	switch {
	case o.Receive != nil:
		return report{}, p.receive(ctx, *o.Receive)
	case o.Prepare != nil:
		return report{}, p.prepare(ctx, *o.Prepare)
	case o.Send != nil:
		return p.sending.send(ctx, *o.Send, p.target(*o.Send))
	case o.Progress:
		return report{Progress: p.progress()}, nil
	case o.Audit:
		if r := p.receiver.Load(); r != nil {
			a, err := r.audit()
			return report{Audit: a}, err
		}
	}
	return report{}, errors.New("an order that makes no sense")
}

func (p *nodeProcess) target(o sendOrder) *postrider.Target {
	if o.Peer != "" {
		return p.node.Peer(o.Peer)
	}
	return p.node.Mailbox(o.Mailbox)
}

// prepare opens the way to the target, so that what follows is not measured with it.
func (p *nodeProcess) prepare(ctx context.Context, o sendOrder) error {
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	body := newBody(LeastBody)
	mark{Run: o.Run, Due: hello}.write(body)
	if err := p.target(o).Send(ctx, body); err != nil {
		return fmt.Errorf("cannot send to the target: %w", err)
	}
	return nil
}

func (p *nodeProcess) receive(ctx context.Context, o receiveOrder) error {
	from := p.node.Inbox()
	if o.Mailbox != "" {
		from = p.node.Mailbox(o.Mailbox)
	}
	r := newReceiver(o, p.parent.Tell)
	p.receiver.Store(r)
	options := []postrider.HandleOption{postrider.Workers(o.Workers)}
	if o.Prefetch > 0 {
		options = append(options, postrider.Prefetch(o.Prefetch))
	}
	return p.node.Handle(ctx, from, r.handle, options...)
}

func (p *nodeProcess) progress() *progress {
	g := &progress{Sent: p.sending.sent.Load(), Confirmed: p.sending.confirmed.Load(), Failed: p.sending.failed.Load()}
	if r := p.receiver.Load(); r != nil {
		r.mu.Lock()
		g.Got = r.got
		r.mu.Unlock()
	}
	return g
}
