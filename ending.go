package postrider

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/postrider-mq/postrider/internal/client"
)

// Shutdown ends the node in good order:
//
//   - Its peers are told. From then on it takes nothing from them: what they post waits in their outboxes, and who waits for a message [From] this
//     node learns that it is down. It receives no more from mailboxes on brokers.
//   - What is in the inbox by then is handled, until it is empty or nobody here receives it. So is what is in mailboxes in this node's own memory.
//   - Handlers and loops are stopped; what they have begun is finished and answered.
//   - What was posted is delivered, and the node closes.
//
// ctx bounds all of it: when it ends first, the node is closed at once, and the error is ctx's; a disk that does not answer within a second of that is waited for
// no longer, as in Close. With [Config.Dir] the inbox has half of ctx's
// time to become empty; what is in it then is there after a restart, as mailboxes are. Without, some messages are lost: those that nobody handled, that
// failed and wait for another try, and dead letters. Then the error is a [*LostError]. What a broker or peer will never take, because it
// refuses the login, is not waited for; the error says so. It is [ErrClosed] when Close, or another Shutdown
// that was out of time, has ended the node first; that is not waited for any longer than Close takes.
//
// A handler must not wait for it, nor a loop over [Node.Messages]: it would wait for itself.
func (n *Node) Shutdown(ctx context.Context) error {
	if ctx.Value(handling{}) == n {
		return errOwnHandler
	}
	until, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(n.ctx, cancel)()
	err := n.finish(until)
	if n.ctx.Err() != nil && ctx.Err() == nil { // somebody else was faster
		return n.end(ctx, true, nil)
	}
	return errors.Join(err, n.end(ctx, err == nil, n.lost))
}

// finish does all that a Shutdown does before the node is closed.
func (n *Node) finish(ctx context.Context) error {
	n.resumeNow()
	n.sayBye()
	left := make(chan error, 1)
	go func() { left <- wait(ctx, func() { n.stopReceiving((*Target).away) }) }()
	err := n.drain(ctx)
	if err == nil {
		err = n.emptyMailboxes(ctx)
	}
	if e := <-left; err == nil {
		err = e
	}
	n.mu.Lock()
	n.closing = true
	n.mu.Unlock()
	if err == nil {
		err = wait(ctx, func() { n.stopReceiving(everywhere) })
	}
	if err == nil {
		err = wait(ctx, n.workers.Wait)
	}
	if err == nil {
		err = n.marker.flush(ctx)
	}
	if err == nil {
		err = n.flush(ctx)
	}
	return err
}

// sayBye, once, ends listening and lets peers know that nothing more is taken into the inbox; answers to what they have asked still come.
func (n *Node) sayBye() {
	n.mu.Lock()
	first := !n.leaving
	n.leaving = true
	n.mu.Unlock()
	n.inbox.beginToDrain()
	n.hurry()
	if !first {
		return
	}
	if err := n.local.broker.Leave(n.cfg.Name, n.inbox.remaining); err != nil {
		n.log.Warn("peers were not told that this node shuts down", "error", err)
	}
}

func everywhere(*Target) bool { return true }

// stopReceiving ends the handlers and loops at some targets.
func (n *Node) stopReceiving(at func(*Target) bool) {
	n.mu.Lock()
	taps := make([]*tap, 0, len(n.taps))
	for t := range n.taps {
		if at(t.target) {
			taps = append(taps, t)
		}
	}
	n.mu.Unlock()
	for _, t := range taps {
		t.stop()
	}
}

// begin counts workers about to start; false when the node is closing.
func (n *Node) begin(workers int) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.closing {
		n.workers.Add(workers)
	}
	return !n.closing
}

// wait waits for what cannot be told to stop.
func wait(ctx context.Context, what func()) error {
	done := make(chan struct{})
	go func() {
		what()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// flush waits until the outboxes are empty, but for those that nobody will ever take.
func (n *Node) flush(ctx context.Context) error {
	var failed error
	for _, c := range n.connections() {
		if err := c.Publisher().Flush(ctx); err != nil {
			failed = errors.Join(failed, fmt.Errorf("postrider: %s: %w", n.undelivered(c), err))
		}
	}
	return failed
}

// undelivered says what is left in the outbox of a connection.
func (n *Node) undelivered(c *client.Conn) string {
	messages, _ := c.Publisher().Pending()
	text := "1 message was not delivered"
	if messages != 1 {
		text = fmt.Sprintf("%d messages were not delivered", messages)
	}
	if n.kept != nil {
		text += "; what was posted stays in the outbox, for the next start"
	}
	return text
}

// handlerGrace is how long Close waits for handlers that do not heed their context.
const handlerGrace = time.Second

// Close ends the node at once. Sends and calls that wait fail with [ErrClosed]; what was posted and not confirmed is
// dropped, or waits in [Config.Dir] for the next start, and its receipts say [ErrClosed]; what was received and not settled goes back. The
// contexts of handlers end, and Close waits a second for them to return. It may be called again, and then
// waits for the first call; a handler should not wait for it.
//
// When the disk of Config.Dir has not answered for 30 s, Close gives up on it: the error says how much is not known to be safe, and the directory stays in
// use until the disk answers or the process ends.
//
// The log tells how many messages that were posted are dropped.
func (n *Node) Close() error {
	n.sayWhatIsDropped()
	return n.end(context.Background(), false, func() error { return nil })
}

func (n *Node) sayWhatIsDropped() {
	n.mu.Lock()
	closed := n.closed
	n.mu.Unlock()
	if closed || n.kept != nil {
		return
	}
	for _, c := range n.connections() {
		if messages := c.Publisher().Posted(); messages > 0 {
			n.log.Warn("closed before all that was posted was confirmed: that is dropped; Shutdown would have waited for it", "messages", messages, "to", c.To())
		}
	}
}

// end is Close, but for a disk that does not answer it waits no longer than a second beyond ctx. In good order the last answers still reach their callers.
// last is called when nothing is handled any more.
func (n *Node) end(ctx context.Context, orderly bool, last func() error) error {
	n.mu.Lock()
	first := !n.closed
	n.leaving, n.closing, n.closed = true, true, true
	n.stopLooking()
	if n.resuming != nil {
		n.resuming.Stop()
	}
	n.mu.Unlock()
	if !first {
		select {
		case <-n.over:
		case <-ctx.Done():
			return ctx.Err()
		}
		if orderly && !n.orderly {
			return ErrClosed
		}
		return nil
	}
	defer close(n.over)
	n.orderly = orderly
	n.cancel()
	n.asked.close()
	var closing sync.WaitGroup
	closing.Go(func() { n.stopReceiving(everywhere) })
	for _, c := range append(n.connections(), n.laneConnections()...) {
		closing.Go(c.Close)
	}
	grace, cancel := context.WithTimeout(context.Background(), handlerGrace)
	defer cancel()
	if wait(grace, n.workers.Wait) != nil {
		n.log.Warn("closed while handlers were still running", "waited", handlerGrace)
	}
	if wait(grace, n.control.wait) != nil {
		n.log.Warn("closed while control messages were still acted upon", "waited", handlerGrace)
	}
	closing.Wait()
	n.marker.stop()
	n.asked.closed()
	n.putBackUnseen()
	return errors.Join(last(), n.closeDisks(ctx, orderly))
}

// closeDisks closes all that is on a disk, and with it the embedded broker: side by side, for each may have to wait for a disk that does not answer.
func (n *Node) closeDisks(ctx context.Context, orderly bool) error {
	var marked, kept, local error
	var closing sync.WaitGroup
	closing.Go(func() { marked = n.marker.close(ctx) })
	closing.Go(func() { kept = n.kept.close(ctx) })
	closing.Go(func() { local = n.local.close(ctx, orderly) })
	closing.Wait()
	return errors.Join(marked, kept, local)
}
