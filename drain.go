package postrider

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/postrider-mq/postrider/broker"
)

// What has been received when a node shuts down is still handled:
//
//	goodbye ──► nothing more comes in ──► handlers and loops go on ──inbox empty, nobody receives, or out of time──► they are stopped
//	                                                                                             │
//	                    what is left then: kept in Config.Dir for the next start, or lost, and counted in a LostError

// leaving is the end of an inbox. Guarded by the inbox's mu.
type leaving struct {
	left    int           // what is in the queue: with receivers, or waiting for one
	drained chan struct{} // closed when nothing is left that somebody here receives; nil before the goodbye
	told    bool          // drained is closed
}

// beginToDrain makes ready. How much is left is not known yet.
func (i *inbox) beginToDrain() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.drained == nil {
		i.drained, i.left = make(chan struct{}), math.MaxInt
		i.look()
	}
}

// remaining is told how many messages are in the queue, by the broker and under its lock.
func (i *inbox) remaining(messages int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.left = messages
	i.look()
}

// look tells, once, that nothing is left which somebody here receives. The caller holds mu.
func (i *inbox) look() {
	if i.drained != nil && !i.told && (i.left <= len(i.waiting) || len(i.takers) == 0) {
		i.told = true
		close(i.drained)
	}
}

// drain waits until what was received has been settled. What is kept for the next start may take half of the time that there is: the
// rest is for handlers to finish what they have begun.
func (n *Node) drain(ctx context.Context) error {
	if n.cfg.Dir != "" {
		return n.drainWhatIsKept(ctx)
	}
	select {
	case <-n.inbox.drained:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (n *Node) drainWhatIsKept(ctx context.Context) error {
	half := ctx
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		half, cancel = context.WithTimeout(ctx, time.Until(deadline)/2)
		defer cancel()
	}
	select {
	case <-n.inbox.drained:
	case <-half.Done():
		n.log.Info("messages stay in the inbox, for the next start")
	}
	return ctx.Err()
}

// LostError is the error of a [Node.Shutdown] which ended with received messages in memory that nobody had handled.
type LostError struct {
	Messages int      // how many
	IDs      []string // of the first of them
}

const lostIDs = 5 // that are told

func (e *LostError) Error() string {
	count, are := "1 message", "is"
	if e.Messages != 1 {
		count, are = fmt.Sprintf("%d messages", e.Messages), "are"
	}
	ids := strings.Join(e.IDs, ", ")
	if e.Messages > len(e.IDs) {
		ids += ", …"
	}
	return fmt.Sprintf("postrider: %s in the inbox %s lost, received but not handled in time (%s): set Config.Dir to keep them, or give Shutdown more time", count, are, ids)
}

// lost counts what ends with the memory of this node: what is in its inbox, and what waits to be tried again. Nobody receives any more.
func (n *Node) lost() error {
	if n.cfg.Dir != "" {
		return nil
	}
	n.inbox.giveUp()
	e := new(LostError)
	var mu sync.Mutex
	count := func(d broker.Delivery) {
		mu.Lock()
		defer mu.Unlock()
		if e.Messages++; e.Messages <= lostIDs {
			p, _ := d.Properties()
			e.IDs = append(e.IDs, p.MessageID)
		}
	}
	queues := []string{n.cfg.Name}
	for _, s := range ladder {
		queues = append(queues, s.queue(n.cfg.Name).Name)
	}
	for _, q := range queues {
		_, _ = n.local.conn.Consume(context.Background(), q, broker.ConsumeOptions{NoAck: true}, count) // most steps were never needed
	}
	mu.Lock()
	defer mu.Unlock()
	if e.Messages == 0 {
		return nil
	}
	n.log.Error("messages are lost with the memory of this node", "messages", e.Messages, "ids", e.IDs)
	return e
}

// putBackUnseen puts back what has waited for a receiver to the end, so that it is not marked after the restart.
func (n *Node) putBackUnseen() {
	if i := n.inbox; i != nil && n.cfg.Dir != "" {
		i.putBackUnseen()
	}
}

func (i *inbox) putBackUnseen() {
	i.mu.Lock()
	in := i.intake
	i.mu.Unlock()
	if in == nil {
		return
	}
	<-in.stop() // nothing comes from now on
	i.mu.Lock()
	waiting := i.waiting
	i.waiting = nil
	i.mu.Unlock()
	for _, a := range waiting {
		a.from.putBack(a.tag)
	}
}

// giveUp puts everything back that is not settled.
func (i *inbox) giveUp() {
	i.mu.Lock()
	in := i.intake
	i.mu.Unlock()
	if in != nil {
		in.release()
	}
}

// handling is the key of the node in the contexts of its handlers.
type handling struct{}

var errOwnHandler = errors.New("postrider: a handler that waits for Shutdown waits for itself: call it in a goroutine of its own")
