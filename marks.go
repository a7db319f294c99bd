package postrider

import (
	"cmp"
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/postrider-mq/postrider/internal/disk"
	"github.com/postrider-mq/postrider/internal/journal"
	"github.com/postrider-mq/postrider/internal/marks"
)

// marker writes down, in a node with a directory, which messages were handled, so that their repeats are known after a restart. It does so
// before they are acknowledged, for many at a time:
//
//	handler returns ──► put ──► note in the journal ──written──► receipt, ack, settled
//	                                                 │
//	     killed before: it comes again unknown       └ killed after: it comes again, and is known
//
// What is put while a batch is being written is the next batch. A disk that takes no notes holds up no acknowledgement for longer than
// noteWithin: a repeat is better than a standstill.
type marker struct {
	disk *marks.Log
	log  *slog.Logger
	wake chan struct{} // one place
	over chan struct{} // closed when run has ended

	mu     sync.Mutex
	next   []*Message
	busy   bool
	closed bool
	idle   chan struct{} // closed when nothing is left to do; nil unless somebody waits for that

	// Owned by run.
	places map[*page]*noted
	warned time.Time
}

// noted is what is noted of one page.
type noted struct {
	at    marks.Place
	marks []marks.Mark
}

const (
	noteWithin = time.Second
	warnEvery  = time.Minute
)

// openMarker opens the marks of a node; nil when it has no directory.
func openMarker(cfg Config, log *slog.Logger) (*marker, error) {
	if cfg.Dir == "" {
		return nil, nil
	}
	d, err := marks.Open(disk.OS(filepath.Join(cfg.Dir, marks.Folder)), log)
	if err != nil {
		return nil, err
	}
	k := &marker{disk: d, log: log, wake: make(chan struct{}, 1), over: make(chan struct{}), places: make(map[*page]*noted)}
	go k.run()
	return k, nil
}

// put takes over the end of a message that was handled; false when it is too late.
func (k *marker) put(m *Message) bool {
	k.mu.Lock()
	if k.closed {
		k.mu.Unlock()
		return false
	}
	k.next = append(k.next, m)
	first := len(k.next) == 1
	k.mu.Unlock()
	if first {
		k.signal()
	}
	return true
}

func (k *marker) signal() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

func (k *marker) run() {
	defer close(k.over)
	var batch []*Message
	for {
		var closed bool
		if batch, closed = k.swap(batch); len(batch) > 0 {
			k.conclude(batch)
			continue
		}
		if closed {
			return
		}
		<-k.wake
	}
}

// swap takes what there is to do and leaves the last batch's memory.
func (k *marker) swap(done []*Message) (batch []*Message, closed bool) {
	clear(done)
	k.mu.Lock()
	defer k.mu.Unlock()
	batch, k.next = k.next, done[:0]
	k.busy = len(batch) > 0
	if !k.busy && k.idle != nil {
		close(k.idle)
		k.idle = nil
	}
	return batch, k.closed
}

// conclude notes that messages were handled, and ends them.
func (k *marker) conclude(batch []*Message) {
	k.write(batch)
	for i, m := range batch {
		m.end(i < len(batch)-1)
	}
}

// write notes that messages were handled, and warns where the disk does not take it, or not in time.
func (k *marker) write(batch []*Message) {
	last, err := k.note(batch)
	ctx, cancel := context.WithTimeout(context.Background(), noteWithin)
	defer cancel()
	if err = cmp.Or(err, k.disk.Wait(ctx, last)); err != nil && time.Since(k.warned) > warnEvery {
		k.warned = time.Now()
		k.log.Warn("handled messages are acknowledged though the disk has not noted them: a repeat after a restart will be handled again", "error", err)
	}
}

func (k *marker) note(batch []*Message) (last journal.LSN, err error) {
	for _, m := range batch {
		n := k.places[m.mark.page]
		if n == nil {
			n = &noted{at: marks.Place{Target: m.tap.target.place, Sender: m.mark.page.sender, Page: m.mark.page.number}}
			k.places[m.mark.page] = n
		}
		mark := marks.Mark{Bit: m.mark.bit}
		if n.at.Sender == "" {
			mark.ID = namedKey(m.From, m.ID)
		}
		n.marks = append(n.marks, mark)
	}
	for page, n := range k.places {
		lsn, refused := k.disk.Note(n.at, n.marks)
		last, err = max(last, lsn), cmp.Or(err, refused)
		delete(k.places, page)
	}
	return last, err
}

// end acknowledges a message that was handled. Others may follow that can go with it.
func (m *Message) end(more bool) error {
	if m.receipt {
		m.tell(nil)
	}
	defer m.tap.settled(m.mark, acknowledged)
	if more {
		return m.from.ackSoon(m.tag)
	}
	return m.from.ack(m.tag)
}

// flush waits until all that was put is done.
func (k *marker) flush(ctx context.Context) error {
	if k == nil {
		return nil
	}
	k.mu.Lock()
	if len(k.next) == 0 && !k.busy {
		k.mu.Unlock()
		return nil
	}
	if k.idle == nil {
		k.idle = make(chan struct{})
	}
	idle := k.idle
	k.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stop does what was put, and takes nothing more.
func (k *marker) stop() {
	if k == nil {
		return
	}
	k.mu.Lock()
	k.closed = true
	k.mu.Unlock()
	k.signal()
	<-k.over
}

// close closes the disk, after stop.
func (k *marker) close(ctx context.Context) error {
	if k == nil {
		return nil
	}
	return k.disk.Close(ctx)
}

// remember gives a target that keeps what it receives what is known of repeats there, and the marks of a former life. A mailbox is the same, however one
// asks for it and whatever comes there. The caller holds mu.
func (n *Node) remember(t *Target, kind string) {
	if !t.takes || t.copies {
		return
	}
	place := "mailbox\n" + t.mailbox()
	if kind == "inbox of" || kind == "dead letters of inbox" && len(n.mail) > 0 { // which are in this process, and mailboxes are not
		place = kind + "\n" + t.name
	}
	r, known := n.repeats[place]
	if !known {
		r = t.repeats
		n.repeats[place] = r
	}
	t.repeats = r
	if n.marker == nil {
		return
	}
	if t.place = place; known {
		return
	}
	for _, p := range n.marker.disk.Take(place) {
		r.restore(p)
	}
}
