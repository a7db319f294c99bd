package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/postrider-mq/postrider"
)

// postWindow is how many posted messages may be unconfirmed before post stops reading.
const postWindow = 1 << 14

func newPost() *cobra.Command {
	var o nodeOptions
	var m messageOptions
	cmd := &cobra.Command{
		Use:   "post " + messageUsage,
		Short: "Send messages without waiting for one before the next",
		Long: text(`
			Send MESSAGE, or each line of stdin as a message, without waiting for one to arrive before
			the next is sent. It ends when all have arrived; those that have not within --timeout,
			counted from the last one, make it fail.`),
		Example: examples(`
			postrider post mailbox:jobs "resize photo 7"
			seq 1000000 | postrider post mailbox:jobs
			postrider post peer:bob hello --peer bob=127.0.0.1:5681 --json
			postrider post mailbox:orders --partitions 8 --key customer-7 < orders.txt`),
		ValidArgsFunction: completeTargets("peer:", "mailbox:", "topic:", "amqp://", "amqps://"),
		Args:              cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := newSender(cmd, &o, &m, args)
			if err != nil {
				return err
			}
			defer s.node.Close()
			p := poster{sender: s}
			for body, err := range bodies(cmd.Context(), args[1:], m.file, cmd.InOrStdin()) {
				if err == nil {
					err = p.post(cmd.Context(), body)
				}
				if err != nil {
					return s.explain(cmd.Context(), p.posted, errors.Join(err, p.finish(cmd.Context())))
				}
			}
			return s.explain(cmd.Context(), 0, p.finish(cmd.Context()))
		},
	}
	o.flags(cmd.Flags(), sendTimeout, "`duration` to wait for the last messages, as in 1.5s; 0 is for ever")
	m.carried(cmd.Flags())
	m.kept(cmd.Flags())
	return cmd
}

// poster posts messages and keeps the receipts that are open, oldest first.
type poster struct {
	*sender
	posted int
	failed int
	first  error // of those that failed
	open   []*postrider.Receipt
}

// post posts one message. When too many are open, or the outbox is full, it waits for the oldest.
func (p *poster) post(ctx context.Context, body string) error {
	p.posted++
	for len(p.open) > 0 && (len(p.open) >= postWindow || p.open[0].Grade() != postrider.Pending) {
		if err := p.settle(ctx); err != nil {
			return err
		}
	}
	_, options := p.message.of(p.posted, p.lines)
	for {
		rc, err := p.target.Post(ctx, typed(body), options...)
		if err == nil {
			p.open = append(p.open, rc)
		}
		if !errors.Is(err, postrider.ErrFull) || len(p.open) == 0 {
			return err
		}
		if err := p.settle(ctx); err != nil { // makes room
			return err
		}
	}
}

// settle waits for the fate of the oldest message. Its error says that the waiting ended.
func (p *poster) settle(ctx context.Context) error {
	ctx, cancel := p.options.within(ctx)
	defer cancel()
	rc := p.open[0]
	grade, err := rc.Wait(ctx)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	p.open = p.open[1:]
	return p.record(rc, grade, err)
}

func (p *poster) record(rc *postrider.Receipt, grade postrider.Grade, err error) error {
	r := result{ID: rc.ID()}
	if err == nil {
		r.Grade = grade.String()
	} else {
		p.failed++
		p.first = cmpOr(p.first, p.plainly(err))
	}
	return p.print(r, err)
}

// finish waits until the node has delivered what was posted, and records the fate of all that is open.
func (p *poster) finish(ctx context.Context) error {
	ctx, cancel := p.options.within(ctx)
	defer cancel()
	defer p.telling()()
	if p.message.until != 0 { // a node that shuts down waits no longer than until its messages have arrived
		for _, rc := range p.open {
			_, _ = rc.Wait(ctx)
		}
	}
	why := p.node.Shutdown(ctx)
	for _, rc := range p.open {
		grade, err := rc.Wait(context.Background()) // decided: the node is closed
		if errors.Is(err, postrider.ErrClosed) && why != nil {
			err = errors.Join(err, why)
			if p.first == nil {
				p.first = p.plainly(why)
			}
		}
		if err := p.record(rc, grade, err); err != nil {
			return err
		}
	}
	p.open = nil
	switch {
	case p.failed == 0:
		return nil
	case p.posted == 1:
		return p.first
	}
	return fmt.Errorf("%d of %d messages failed, the first one: %w", p.failed, p.posted, p.first)
}

func cmpOr(a, b error) error {
	if a != nil {
		return a
	}
	return b
}
