package postrider

import (
	"context"
	"fmt"
	"iter"

	"github.com/postrider-mq/postrider/internal/client"
)

// Messages receives in a loop, from this node's inbox unless [Of] names a mailbox or a topic:
//
//	for m, err := range n.Messages(ctx) {
//		if err != nil {
//			return err
//		}
//		… m.Ack()
//	}
//
// Each message is for the loop to settle, within it or after. The loop ends by itself with an
// error: the context's, [ErrClosed], or with [From] of a peer of [Config.Peers], [ErrPeerDown] when
// the connection to that peer breaks or cannot be made while there is nothing from it here.
func (n *Node) Messages(ctx context.Context, opts ...MessagesOption) iter.Seq2[*Message, error] {
	return func(yield func(*Message, error) bool) {
		if err := n.eachMessage(ctx, opts, yield); err != nil {
			yield(nil, err)
		}
	}
}

// eachMessage returns nil when the loop was left.
func (n *Node) eachMessage(ctx context.Context, opts []MessagesOption, yield func(*Message, error) bool) error {
	o := messagesOptions{of: n.Inbox()}
	applyAll(&o, opts)
	if o.wrong != nil {
		return fmt.Errorf("postrider: receiving: %w", o.wrong)
	}
	if err := o.of.receivable(n); err != nil {
		return err
	}
	if o.from != "" && o.of.way != outlet(n.inbox) {
		return fmt.Errorf("postrider: From chooses from the inbox, not from %s", o.of)
	}
	t, err := n.openTap(o.of, 1, defaultPrefetch, o.from)
	if err != nil {
		return err
	}
	defer t.leave()
	if err := t.begun(ctx); err != nil {
		return err
	}
	waiting, cancel := n.watch(ctx, o.from)
	defer cancel(nil)
	var press press
	hand := t.newHand()
	for {
		m, ok := t.next(waiting, &press)
		switch {
		case ok:
			m.observed(StepDelivered, nil)
			hand.holds(m)
			if !yield(m, nil) {
				return nil
			}
		case n.ctx.Err() != nil || waiting.Err() == nil:
			return ErrClosed
		default:
			return context.Cause(waiting)
		}
	}
}

// watch returns a context that also ends when the node closes, or with ErrPeerDown when the peer is down.
func (n *Node) watch(ctx context.Context, peer string) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	detach := context.AfterFunc(n.ctx, func() { cancel(ErrClosed) })
	context.AfterFunc(ctx, func() { detach() })
	conn := n.peerConn(peer)
	if conn == nil || !n.begin(1) {
		return ctx, cancel
	}
	go func() {
		defer n.workers.Done()
		if err := downOf(ctx, conn); err != nil {
			cancel(also{fmt.Errorf("postrider: waiting for a message from %s: %w", shown(peer), err), []error{ErrPeerDown}})
		}
	}()
	return ctx, cancel
}

// downOf waits until the connection is down and returns why; nil when ctx ended first.
func downOf(ctx context.Context, conn *client.Conn) error {
	for {
		state, changed := conn.State()
		if state.Err != nil {
			return state.Err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}
