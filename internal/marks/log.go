package marks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"github.com/postrider-mq/postrider/internal/disk"
	"github.com/postrider-mq/postrider/internal/journal"
	"github.com/postrider-mq/postrider/internal/lru"
)

// PageSize is how many messages a page is.
const PageSize = 64 * 64

// Bounds of the window.
const (
	Pages      = 64 + 1 // the last of a sender: so many are whole, and one is being filled
	NamedPages = 16 + 1 // likewise, of ids of callers' own choosing
	MaxSenders = 4096
	MaxPages   = 1 << 15 // of all senders together: whoever is let in may call himself by many names, and count as he likes
	maxTargets = 4096    // of whose callers' own ids are known
)

// Place names a page.
type Place struct {
	Target string // at which its messages were received
	Sender string // whose messages they are, and what their ids have in common; "" for ids of callers' own choosing
	Page   uint64
}

// A Mark says that a message was handled.
type Mark struct {
	Bit uint16 // in its page
	ID  string // where the place has no sender
}

// Page is what is known of the messages of a place.
type Page struct {
	Place
	Done [PageSize / 64]uint64
	IDs  map[uint16]string // of those that are done, where the place has no sender
}

// Log is one node's. Any goroutine may use it. Its lock is held while the journal's intake is used, which is a leaf.
type Log struct {
	log     *slog.Logger
	journal *journal.Journal

	mu      sync.Mutex
	senders *lru.Map[sender, *history]
	pages   int                        // of all of them
	named   *lru.Map[sender, *history] // those without a name
	past    []journal.LSN
}

type sender struct{ target, name string }

// history is what is known of one sender, or of those of ids of callers' own choosing: a ring of pages, the newest in place of those that lie a whole ring behind.
type history struct {
	of    sender
	pages []*page
}

// page is one with the records that it lives in.
type page struct {
	Page
	records []journal.LSN
	since   int // how many of them came after the last of the whole page
}

const (
	segmentSize = 1 << 20
	maxSince    = 32
	maxBacklog  = 16 << 20 // bytes that may wait for the disk
)

// ErrSlow is why marks are not noted: too much waits for the disk, or it is full. What room it has left is for the next start, which can do without them.
var ErrSlow = errors.New("the disk that keeps which messages were handled is slow or full")

// Folder is where a node keeps what it has handled in its directory.
const Folder = "handled"

// Open reads what is in a directory, which is made if it is missing. Errors are the journal's.
func Open(fs disk.FS, log *slog.Logger) (*Log, error) { return open(fs, log, segmentSize) }

func open(fs disk.FS, log *slog.Logger, segmentSize int64) (*Log, error) {
	l := &Log{log: log, senders: lru.New[sender, *history](MaxSenders), named: lru.New[sender, *history](maxTargets)}
	l.mu.Lock() // for carry, who may ask before this is done
	defer l.mu.Unlock()
	j, err := journal.Open(journal.Config{
		FS: fs, Logger: log, SegmentSize: segmentSize, Sync: journal.SyncInterval, Carry: l.carry, Rescue: l.rescue,
	}, l.replay)
	if err != nil {
		return nil, fmt.Errorf("handled messages: %w", err)
	}
	l.journal = j
	l.release(l.past)
	l.past = nil
	return l, nil
}

// replay takes in a record of a former life. One that says nothing to us costs what it said, and no more.
func (l *Log) replay(r journal.Record) error {
	at, marks, err := parse(r)
	if err != nil {
		l.log.Error("some handled messages are not known any more", "error", err)
		l.past = append(l.past, r.LSN)
		return nil
	}
	p := l.find(at)
	if p == nil {
		l.past = append(l.past, r.LSN)
		return nil
	}
	p.set(marks)
	p.records = append(p.records, r.LSN)
	p.since++
	return nil
}

// Note notes that messages of a place were handled. It is on its way to the disk then; see Wait. Marks that the window has left behind are
// passed over. The slice may be changed. Errors: ErrSlow.
func (l *Log) Note(at Place, marks []Mark) (journal.LSN, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.find(at)
	switch {
	case p == nil:
		return 0, nil
	case l.journal.Backlog() > maxBacklog, l.journal.Full():
		return 0, ErrSlow
	}
	marks = slices.DeleteFunc(marks, p.has)
	p.set(marks)
	if p.since >= maxSince && p.Sender != "" {
		return l.rewrite(p), nil
	}
	p.since++
	return l.append(p, marks), nil
}

// append writes marks of a page, in records of a bounded size. The caller holds mu.
func (l *Log) append(p *page, marks []Mark) (last journal.LSN) {
	for part := range slices.Chunk(marks, marksARecord) {
		last = l.journal.Append(kindOf(p.Place), true, appendMarks(nil, p.Place, part))
		p.records = append(p.records, last)
	}
	return last
}

// rewrite writes a whole page anew and lets go of its records. The caller holds mu.
func (l *Log) rewrite(p *page) (last journal.LSN) {
	old := p.records
	p.records, p.since = nil, 0
	if p.Sender == "" {
		last = l.append(p, p.named())
	} else {
		last = l.journal.Append(kindPage, true, appendPage(nil, &p.Page))
		p.records = append(p.records, last)
	}
	l.release(old)
	return last
}

// release lets go of records. While the journal is being read it is put off.
func (l *Log) release(records []journal.LSN) {
	if l.journal == nil {
		l.past = append(l.past, records...)
		return
	}
	for _, lsn := range records {
		l.journal.Release(lsn)
	}
}

// find returns a page, which is made if it is missing; nil for one that the window has left behind. The caller holds mu.
func (l *Log) find(at Place) *page {
	h := l.history(sender{at.Target, at.Sender})
	slot := &h.pages[at.Page%uint64(len(h.pages))]
	switch {
	case *slot != nil && (*slot).Page.Page > at.Page:
		return nil
	case *slot != nil && (*slot).Page.Page == at.Page:
		return *slot
	case *slot != nil:
		l.release((*slot).records)
	case at.Sender != "":
		l.grow()
	}
	*slot = &page{Page: Page{Place: at}}
	return *slot
}

// grow counts one page more of a sender, who was heard of last, and forgets others while they are too many. The caller holds mu.
func (l *Log) grow() {
	for l.pages++; l.pages > MaxPages && l.senders.Len() > 1; {
		old, _ := l.senders.Forget()
		l.pages -= l.forget(old)
	}
}

// forget lets go of all records of a history, and returns how many pages it had.
func (l *Log) forget(old *history) (pages int) {
	for _, p := range old.pages {
		if p != nil {
			l.release(p.records)
			pages++
		}
	}
	return pages
}

func (l *Log) history(of sender) *history {
	in := l.among(of)
	h, known := in.Use(of)
	if known {
		return h
	}
	pages := Pages
	if of.name == "" {
		pages = NamedPages
	}
	h = &history{of: of, pages: make([]*page, pages)}
	if old, full := in.Add(of, h); full {
		if pages := l.forget(old); in == l.senders {
			l.pages -= pages
		}
	}
	return h
}

// among is where a history is kept.
func (l *Log) among(of sender) *lru.Map[sender, *history] {
	if of.name == "" {
		return l.named
	}
	return l.senders
}

// all yields each page. The caller holds mu.
func (l *Log) all(yield func(*history, *page) bool) {
	for _, kept := range []*lru.Map[sender, *history]{l.senders, l.named} {
		for h := range kept.All() {
			for _, p := range h.pages {
				if p != nil && !yield(h, p) {
					return
				}
			}
		}
	}
}

// Take returns what is known of the messages of a target.
func (l *Log) Take(target string) []Page {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []Page
	for h, p := range l.all {
		if h.of.target == target {
			all = append(all, p.Page.clone())
		}
	}
	return all
}

// Wait waits until a note is written: a kill does not take it back from then on, a failure of power does not 100 ms later. Errors: the
// context's; what made the journal fail, or that it was closed.
func (l *Log) Wait(ctx context.Context, lsn journal.LSN) error { return l.journal.Wait(ctx, lsn) }

// Close makes everything durable and gives the directory back. It waits for the disk as journal.CloseBy does.
func (l *Log) Close(ctx context.Context) error { return l.journal.CloseBy(ctx) }

// carry writes a page that has a record in the oldest segment anew.
func (l *Log) carry(r journal.Record) {
	at, _, err := parse(r)
	if err != nil { // it has been written by us and its checksum holds
		l.log.Error("a page of handled messages could not be carried over", "lsn", r.LSN, "error", err)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	of := sender{at.Target, at.Sender}
	if h, known := l.among(of).Look(of); known {
		p := h.pages[at.Page%uint64(len(h.pages))]
		if p != nil && slices.Contains(p.records, r.LSN) {
			l.rewrite(p)
		}
	}
}

// rescue writes anew what the disk has damaged in a range of the journal: it is in memory.
func (l *Log) rescue(from, to journal.LSN) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.all {
		if slices.ContainsFunc(p.records, func(lsn journal.LSN) bool { return from <= lsn && lsn < to }) {
			l.rewrite(p)
		}
	}
}
