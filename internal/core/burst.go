package core

import (
	"github.com/postrider-mq/postrider/internal/journal"
	"github.com/postrider-mq/postrider/internal/link"
	"github.com/postrider-mq/postrider/internal/queue"
)

// Burst gathers what a run of operations leaves to be done without locks. Its
// owner makes it, passes it to each operation, and calls End when it is about
// to wait for something else. A Burst belongs to one goroutine and is reused.
type Burst struct {
	// Urgent is passed on to the sinks: few messages, better sent at once than
	// together with what may follow. The owner may set it before End.
	Urgent bool

	// Lull is what the owner's goroutine has next, if it would wait for more: the owner may set it before End, and looks afterwards what it is used for.
	Lull *link.Lull

	// Waiting, if not nil, is called when an operation of the burst is about to wait for
	// the disk, without locks: the owner's chance to send what it has.
	Waiting func()

	// Patient says that the owner would only wait for the disk now: End writes what the burst has put into the
	// journal, and returns when the disk has answered. The owner may set it before End.
	Patient bool
	// Lone says with Patient that it has been so for long, see journal.Lead.
	Lone bool

	buried bool // a dead letter went into the journal

	now       queue.Time
	wake      []Sink
	finish    []*Queue    // auto-delete queues that lost their last consumer
	cancelled []*Consumer // consumers of deleted queues
	closed    []*Queue    // deleted queues, whose messages are still to be let go
	dead      []death     // what queues dropped and others are to get
	dropped   int         // how many since the last burial, with a dead letter or without
	behind    []*Queue    // that have more to drop
	crowded   *Queue      // the first to which this burst published that its owner is to keep step with, see flow
	crowding  int         // how many messages

	counted bool   // there is something in counts
	counts  Counts // for core

	owing    int   // records that somebody waits for and the journal was not told of
	core     *Core // of counts, of what follows, and of owing
	resident int64 // bytes of messages that came into queues, less those that left

	scratch []byte        // a record being made
	acked   []span        // what a Settle ends
	ended   []journal.LSN // likewise, to be released after the record of it
	one     []span        // what a single delivery ends
	places  []place       // where a publish goes
	routed  []routed      // the same, with the transient queues
	loader  Loader        // of dead letters
}

// Begin takes the time for the operations that follow.
func (b *Burst) Begin(now queue.Time) { b.now, b.buried = now, false }

// Buried says whether dead letters of the burst are on their way to the disk, until the next Begin: then its owner is one who publishes, and slows down as such.
func (b *Burst) Buried() bool { return b.buried }

// release lets go of the records of messages whose end was recorded.
func (b *Burst) release(c *Core) {
	for _, lsn := range b.ended {
		c.release(lsn)
	}
	b.ended = b.ended[:0]
}

// pause is for who is about to wait in the midst of a burst: what others were
// given so far reaches them now.
func (b *Burst) pause() {
	b.bury()
	b.hasten()
	b.wakeAll()
	if b.Waiting != nil {
		b.Waiting()
	}
}

// End publishes the dead letters, deletes the queues whose life ended, tells the consumers of deleted
// queues, wakes each sink that was given something, once, and lets go what was in deleted queues. No lock may be held.
func (b *Burst) End() {
	b.bury()
	for len(b.finish) > 0 {
		q := b.finish[len(b.finish)-1]
		b.finish = b.finish[:len(b.finish)-1]
		q.vhost.removeQueue(b, q)
	}
	for i, c := range b.cancelled {
		c.sink.Cancelled(c)
		b.wake = append(b.wake, c.sink)
		b.cancelled[i] = nil
	}
	b.cancelled = b.cancelled[:0]
	if !b.Patient {
		b.hasten()
	}
	if b.owing > 0 { // there is something to do first
		b.Lull = nil
	}
	b.wakeAll()
	if b.owing > 0 {
		b.owing = 0
		b.core.journal.Lead(b.Lone)
	}
	b.countAll()
	if b.resident != 0 {
		b.core.account(b.resident)
		b.resident = 0
	}
	for i, q := range b.closed {
		q.letGo()
		b.closed[i] = nil
	}
	b.closed = b.closed[:0]
}

// hasten has the journal's writer begin with what the burst leaves to it.
func (b *Burst) hasten() {
	if b.owing > 0 {
		b.owing = 0
		b.core.journal.Hasten()
	}
}

func (b *Burst) wakeAll() {
	for i, s := range b.wake {
		s.Wake(b)
		b.wake[i] = nil
	}
	b.wake = b.wake[:0]
}
