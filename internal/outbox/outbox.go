package outbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/postrider-mq/postrider/internal/disk"
	"github.com/postrider-mq/postrider/internal/journal"
)

// ErrSlow is why a message is not kept: too much waits for the disk.
var ErrSlow = errors.New("the disk of the outbox is slow or full")

// maxBacklog is how many bytes may wait for the disk.
const maxBacklog = 64 << 20

// Post is one message as it is kept.
type Post struct {
	Ticket  uint64
	Target  string
	Encoded []byte    // what the outbox gives no meaning to
	Expires time.Time // zero: never
}

// Outbox is one node's. Any goroutine may use it. Its lock is held while the journal's intake is used, which is a leaf.
type Outbox struct {
	log     *slog.Logger
	journal *journal.Journal

	mu   sync.Mutex
	kept map[uint64]journal.LSN // by ticket: the record it is in now
	past map[string][]Post      // of a former life, by target, the newest last
}

// Folder is where a node keeps its outbox in its directory.
const Folder = "outbox"

// Open reads what is in a directory, which is made if it is missing. A post that cannot be read is put aside. Errors are the journal's; records that this
// version does not know.
func Open(fs disk.FS, log *slog.Logger) (*Outbox, error) { return open(fs, log, segmentSize) }

func open(fs disk.FS, log *slog.Logger, segmentSize int64) (*Outbox, error) {
	o := &Outbox{log: log, kept: make(map[uint64]journal.LSN), past: make(map[string][]Post)}
	found := make(map[uint64]Post)
	var unneeded []journal.LSN
	unreadable := make(map[journal.LSN]error)
	o.mu.Lock() // for carry, who may ask before this is done
	defer o.mu.Unlock()
	j, err := journal.Open(journal.Config{FS: fs, Logger: log, SegmentSize: segmentSize, Carry: o.carry, Rescue: o.rescue}, func(r journal.Record) error {
		switch r.Kind {
		case kindPosted:
			p, err := parsePosted(r)
			if err != nil {
				unreadable[r.LSN] = err
				return nil
			}
			if old, twice := o.kept[p.Ticket]; twice {
				unneeded = append(unneeded, old)
			}
			o.kept[p.Ticket], found[p.Ticket] = r.LSN, p
		case kindDone:
			tickets, err := parseDone(r.Body)
			if err != nil {
				log.Error("of some posts it cannot be read that they were delivered: they are sent again", "dir", fs.String(), "lsn", r.LSN, "error", err)
			}
			for _, t := range tickets {
				if lsn, ok := o.kept[t]; ok {
					unneeded = append(unneeded, lsn)
					delete(o.kept, t)
					delete(found, t)
				}
			}
		default:
			return Check(r)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	o.journal = j
	for _, lsn := range unneeded {
		j.Release(lsn)
	}
	for lsn, why := range unreadable {
		o.putAside(fs, lsn, why)
	}
	for _, p := range slices.SortedFunc(maps.Values(found), byTicket) {
		o.past[p.Target] = append(o.past[p.Target], p)
	}
	return o, nil
}

// putAside takes a post that cannot be read out of the outbox, and keeps its bytes in quarantine. Where that fails it stays for the next start.
func (o *Outbox) putAside(fs disk.FS, lsn journal.LSN, why error) {
	file, err := o.journal.Quarantine(lsn)
	if err != nil {
		o.log.Error("a post that was kept cannot be read and is not sent on; it stays in the outbox for the next start", "dir", fs.String(), "lsn", lsn, "error", errors.Join(why, err))
		return
	}
	o.log.Error("a post that was kept cannot be read and is not sent on; its bytes are in quarantine, and the others are sent on", "dir", fs.String(), "quarantine", file, "lsn", lsn, "error", why)
	o.journal.Release(lsn)
}

// segmentSize is what the journal's files grow to: an outbox is mostly empty.
const segmentSize = 16 << 20

// Keep copies a post, which goes on in rest, and returns its ticket. It is on its way to the disk then; see Durable. Errors: ErrSlow; what made
// the journal fail.
func (o *Outbox) Keep(p Post, rest ...[]byte) (ticket uint64, err error) {
	if o.journal.Backlog() > maxBacklog {
		return 0, ErrSlow
	}
	if err := o.journal.Err(); err != nil {
		return 0, fmt.Errorf("outbox: %w", err)
	}
	var head [maxHead]byte
	h := appendHead(head[:0], p)
	o.mu.Lock()
	defer o.mu.Unlock()
	parts := [4][]byte{h, p.Encoded}
	lsn := o.journal.Append(kindPosted, true, append(parts[:2], rest...)...)
	o.kept[uint64(lsn)] = lsn
	return uint64(lsn), nil
}

// Done forgets posts. Tickets that are not known are passed over.
func (o *Outbox) Done(tickets []uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.journal.Append(kindDone, false, appendDone(nil, tickets))
	for _, t := range tickets {
		if lsn, ok := o.kept[t]; ok {
			delete(o.kept, t)
			o.journal.Release(lsn)
		}
	}
}

// Durable reports whether the post with a ticket has been safe on the disk at some time.
func (o *Outbox) Durable(ticket uint64) bool { return journal.LSN(ticket) <= o.journal.Durable() }

// Wait waits until it is. Errors: the context's; what made the journal fail, or that it was closed.
func (o *Outbox) Wait(ctx context.Context, ticket uint64) error {
	return o.journal.Wait(ctx, journal.LSN(ticket))
}

// Targets are those that posts of a former life are for, which nobody has taken yet; first that of the newest post.
func (o *Outbox) Targets() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	newest := func(target string) Post { return o.past[target][len(o.past[target])-1] }
	return slices.SortedFunc(maps.Keys(o.past), func(a, b string) int { return byTicket(newest(b), newest(a)) })
}

// Has reports whether it has such posts for a target.
func (o *Outbox) Has(target string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.past[target]) > 0
}

// Take hands over, once, what a former life posted to some targets, in order. It stays kept until it is Done.
func (o *Outbox) Take(targets ...string) (posts []Post) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, target := range targets {
		posts = append(posts, o.past[target]...)
		delete(o.past, target)
	}
	slices.SortFunc(posts, byTicket)
	return posts
}

func byTicket(a, b Post) int { return cmp.Compare(a.Ticket, b.Ticket) }

// Waiting is how many posts are kept.
func (o *Outbox) Waiting() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.kept)
}

// Close makes everything durable and gives the directory back. What a failed or full disk does not take is told in the log, and why in the error. So it is
// with a disk that does not answer, for which it waits as journal.CloseBy does.
func (o *Outbox) Close(ctx context.Context) error {
	err := o.journal.CloseBy(ctx)
	if err == nil {
		return nil
	}
	if lost := o.unsafe(); lost > 0 {
		o.log.Error("posts that nobody has confirmed are not on the disk, and end with this process", "posts", lost, "error", err)
	}
	return fmt.Errorf("outbox: %w", err)
}

// unsafe is how many posts are kept and not durable.
func (o *Outbox) unsafe() (posts int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for ticket := range o.kept {
		if !o.Durable(ticket) {
			posts++
		}
	}
	return posts
}

// carry writes a post that lies in the oldest segment anew, if it is needed.
func (o *Outbox) carry(r journal.Record) {
	p, err := parsePosted(r)
	if err != nil { // it has been written by us and its checksum holds
		o.log.Error("a post could not be carried over", "lsn", r.LSN, "error", err)
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.kept[p.Ticket] != r.LSN {
		return
	}
	o.kept[p.Ticket] = o.journal.Append(kindPosted, true, appendHead(nil, p), p.Encoded)
	o.journal.Release(r.LSN)
}

// rescue gives up what the disk has damaged in a range of the journal. It is still in memory, where it was posted in this life.
func (o *Outbox) rescue(from, to journal.LSN) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for t, lsn := range o.kept {
		if from <= lsn && lsn < to {
			o.log.Error("a post cannot be read any more: it is lost if this process ends before it is delivered", "lsn", lsn)
			delete(o.kept, t)
			o.journal.Release(lsn)
		}
	}
}
