package postrider

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/postrider-mq/postrider/broker"
	"github.com/postrider-mq/postrider/internal/client"
	"github.com/postrider-mq/postrider/internal/pack"
)

// What has been received when a node shuts down is still handled:
//
//	goodbye ──► nothing more comes in ──► handlers and loops go on ──inbox empty, nobody receives, or out of time──► they are stopped
//	                                                                                             │
//	                    what is left then: kept in Config.Dir for the next start, or lost, and counted in a LostError
//
// So it is with mailboxes that are in the memory of this node, see emptyMailboxes.

// leaving is the end of an inbox. Guarded by the inbox's mu.
type leaving struct {
	left    int           // what is in the queue: with receivers, or waiting for one
	drained chan struct{} // closed when nothing is left that somebody here receives; nil before the goodbye
	told    bool          // drained is closed
}

// beginToDrain makes ready. How much is left is not known yet. The caller hurries the node's runs.
func (i *inbox) beginToDrain() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.drained == nil {
		i.drained, i.left = make(chan struct{}), math.MaxInt
		i.closely.Store(true)
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
	if i.drained != nil && !i.told && (i.left <= i.idle() || len(i.takers) == 0) {
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

// LostError is the error of a [Node.Shutdown] which ended with messages in its memory that nobody had handled.
type LostError struct {
	Messages  int            // how many, in all
	Inbox     int            // of them in the inbox, or waiting to be tried again there
	Mailboxes map[string]int // and in mailboxes of this node's own, by name; their dead letters are in <name>.dead
	IDs       []string       // of the first of them
}

const lostIDs = 5 // that are told

// inInbox counts a message of the inbox.
func (e *LostError) inInbox(id []byte) {
	e.Inbox++
	e.Messages++
	e.tell(id)
}

func (e *LostError) tell(id []byte) {
	if len(e.IDs) < lostIDs {
		e.IDs = append(e.IDs, string(id))
	}
}

func (e *LostError) Error() string {
	var where []string
	if e.Inbox > 0 {
		where = append(where, fmt.Sprintf("%d in the inbox", e.Inbox))
	}
	for _, name := range slices.Sorted(maps.Keys(e.Mailboxes)) {
		where = append(where, fmt.Sprintf("%d in mailbox %s", e.Mailboxes[name], shown(name)))
	}
	var ids []string
	for _, id := range e.IDs {
		ids = append(ids, shown(id))
	}
	if e.Messages > len(e.IDs) {
		ids = append(ids, "…")
	}
	what, todo := "messages were not handled in time and", "give Shutdown more time"
	if e.onlyDead() {
		what, todo = "dead letters", "handle them, see Target.Dead"
	}
	return fmt.Sprintf("postrider: %s are lost with the memory of this node: %s (%s): set Config.Dir to keep them, or %s", what, strings.Join(where, ", "), strings.Join(ids, ", "), todo)
}

// onlyDead reports whether nothing is lost but what handlers had given up.
func (e *LostError) onlyDead() bool {
	for name := range e.Mailboxes {
		if !strings.HasSuffix(name, deadSuffix) {
			return false
		}
	}
	return e.Inbox == 0
}

// lost counts what ends with the memory of this node: what is in its inbox and its mailboxes, and what waits to be tried again. Nobody receives any more.
func (n *Node) lost() error {
	if n.cfg.Dir != "" {
		return nil
	}
	e := &LostError{Mailboxes: make(map[string]int)}
	n.inbox.unsettled(e.inInbox)
	n.local.conn.Close() // what is not settled goes back
	c, err := n.local.broker.Dial(broker.DialConfig{Name: n.cfg.Name + ", counting"})
	if err != nil { // it is closed
		return nil
	}
	for _, q := range n.leftInMemory() {
		box := n.boxOf(q.Name)
		if q.Name == n.cfg.Name {
			eachID(c, q.Name, broker.ConsumeOptions{NoAck: true}, e.inInbox)
			continue
		}
		if e.Messages += q.Ready; box == n.cfg.Name {
			e.Inbox += q.Ready
		} else {
			e.Mailboxes[box] += q.Ready
		}
		if untold := lostIDs - len(e.IDs); untold > 0 {
			eachID(c, q.Name, broker.ConsumeOptions{Prefetch: untold}, e.tell)
		}
	}
	if e.Messages == 0 {
		return nil
	}
	n.log.Error("messages are lost with the memory of this node", "messages", e.Messages, "inbox", e.Inbox, "mailboxes", e.Mailboxes, "ids", e.IDs)
	return e
}

// leftInMemory are the queues that hold messages of the inbox and of mailboxes, the inbox first.
func (n *Node) leftInMemory() (left []broker.QueueStats) {
	n.local.broker.EachQueue(func(q broker.QueueStats) {
		if q.Durable && q.Ready > 0 && !n.coordinates(q.Name) { // others are for somebody who waits, and are of no use without him
			left = append(left, q)
		}
	})
	slices.SortFunc(left, func(a, b broker.QueueStats) int {
		switch {
		case a.Name == b.Name:
			return 0
		case a.Name == n.cfg.Name:
			return -1
		case b.Name == n.cfg.Name:
			return 1
		}
		return strings.Compare(a.Name, b.Name)
	})
	return left
}

// boxOf is the mailbox that a queue is part of.
func (n *Node) boxOf(queue string) string {
	for _, s := range ladder {
		queue = strings.TrimSuffix(queue, client.RetryInfix+s.Name)
	}
	if at := strings.LastIndex(queue, partInfix); at >= 0 {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.parted[queue[:at]] > 0 {
			return queue[:at]
		}
	}
	return queue
}

// eachID consumes from a queue, and calls do with the id of each message, also of those in packs. It returns when it has had what there is, or as many as
// the prefetch allows.
func eachID(c *broker.Conn, queue string, o broker.ConsumeOptions, do func(id []byte)) {
	var mu sync.Mutex
	_, _ = c.Consume(context.Background(), queue, o, func(d broker.Delivery) {
		mu.Lock()
		defer mu.Unlock()
		v, _ := d.Props.View()
		if pack.In(v.ContentEncoding, d.Body) == 0 {
			do(v.MessageID)
			return
		}
		for name, rest := pack.Name(nil), d.Body; len(rest) > 0; {
			name, _, rest, _ = pack.Next(rest)
			do(name.AppendTo(nil, string(v.MessageID)))
		}
	})
	mu.Lock()
	defer mu.Unlock()
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
	i.waiting, i.ended = nil, true
	i.closely.Store(true)
	i.mu.Unlock()
	for _, a := range waiting {
		a.from.putBack(a.tag)
	}
}

// handling is the key of the node in the contexts of its handlers.
type handling struct{}

var errOwnHandler = errors.New("postrider: a handler that waits for Shutdown waits for itself: call it in a goroutine of its own")
