package journal

import (
	"context"
	"errors"
	"hash/crc32"
	"io"
	"log/slog"
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/postrider-mq/postrider/internal/disk"
)

// LSN is a log sequence number: the address of a record in the logical journal, in bytes. It grows with every record. Zero
// is no record's.
type LSN uint64

// Kind says what a record means. The journal gives no meaning to kinds; those from 0xF0 up are its own.
type Kind uint8

// Record is one fact in the journal.
type Record struct {
	LSN  LSN
	Kind Kind
	Live bool   // it was appended with live set
	Body []byte // in callbacks: valid until the callback returns

	// AfterGap is set by Open: a record before this one is missing, and their batch may never have been synced as a whole. What
	// says that something ended may have outlived what says where it went.
	AfterGap bool

	// Holes is set by Open: how many stretches before this record hold no record any more although they did. See Recovery.Holes.
	Holes int
}

// SyncMode says when a record counts as durable.
type SyncMode uint8

const (
	SyncAlways   SyncMode = iota // when a sync that covers it has succeeded
	SyncInterval                 // when it was written: a power failure may take back the last Config.SyncPeriod
	SyncNone                     // when it was written: a power failure may take back as much as a whole segment
)

// String returns the mode's name in settings.
func (m SyncMode) String() string {
	switch m {
	case SyncAlways:
		return "always"
	case SyncInterval:
		return "interval"
	case SyncNone:
		return "none"
	}
	return "invalid"
}

const (
	defaultSegmentSize = 64 << 20
	smallestSegment    = 4 << 20 // what the first segment gets, unless Config.SegmentSize is smaller
	defaultSyncPeriod  = 100 * time.Millisecond
)

// Config configures Open. FS is the only field that must be set.
type Config struct {
	FS          disk.FS
	SegmentSize int64         // what the room for records in a segment grows to; 64 MiB when zero
	Sync        SyncMode      // SyncAlways when zero
	SyncPeriod  time.Duration // for SyncInterval; 100 ms when zero
	Logger      *slog.Logger  // nothing is logged when nil

	// OnDurable is told after each batch: every record with an LSN of at most upTo is durable. The writer goroutine, or a
	// Lead, calls it, with no lock held; it must not block.
	OnDurable func(upTo LSN)
	// OnFailure is called once, when a write or a sync failed and the journal has stopped for good.
	OnFailure func(error)
	// OnFull is called when there is no room on the disk for the next segment, or no file may be opened, while part of the present one is
	// still left: with that error, which is a disk.ErrNoSpace or a disk.ErrNoFiles. And with nil when room was found again.
	OnFull func(why error)
	// MayGrow says whether the process can do with the files of another segment, beside what others in it need to open; nil: it can. A segment that is made ahead
	// of time leaves more to others than one that has to be: without the former the disk counts as full, without the latter what is to be written waits.
	MayGrow func(ahead bool) bool
	// OnPace is called when one write with its sync has been under way for 5 s, when it has been for 30 s, and when it has come
	// back. It must not block, nor close the journal.
	OnPace func(Pace)
	// Carry is called for each live record of the oldest segment when the journal wants that segment's space back. If
	// the record is still needed, the callee appends it anew and then releases the old LSN. The reclaimer goroutine calls
	// it, with no lock held.
	Carry func(Record)
	// Restore gets, at Open, the body of the checkpoint that a proper Close left, if it holds; see Checkpoint. After that no record is
	// replayed. An error, or no Restore, has all records replayed instead.
	Restore func(body []byte) error
	// Holders says, at Open, how often a live record is going to be released; see AppendHeld. Once each when nil.
	Holders func(Record) int

	// Recall is called before the segment from one address up to another is read, so that what is needed of it can be carried. What the callee
	// knows of it without that it may append anew, and then release. If nothing is left, the segment is not read. It returns true to be called
	// again when what it appended is durable.
	Recall func(from, to LSN) (more bool)
	// Rescue is called after some records of the segment from one address up to another could not be read when they were to be
	// carried. For each live record there that is still needed, the callee appends what it has in memory, or takes it
	// for lost; either way it releases the old LSN. Otherwise the damage would keep the segment, and all after it, for ever.
	Rescue func(from, to LSN)

	Manual *Manual // who drives the journal by hand; nil: goroutines do
}

// Journal is an append-only file of records that survive a crash. Its methods may be called from any goroutine.
type Journal struct {
	cfg  Config
	fs   disk.FS
	log  *slog.Logger
	lock io.Closer // on the directory
	id   [16]byte
	seed uint64 // of this run's salts

	recovery Recovery

	// The intake. A leaf: whoever holds mu takes no other lock and does no I/O.
	mu       sync.Mutex
	wake     sync.Cond // the writer waits here
	idle     bool      // it does, and nobody writes in its place
	leading  bool      // a Lead writes in its place
	due      bool      // what is being filled is to be written; else it waits for company, see AppendLater
	reminder reminder
	hold     hold     // of what is being filled, see spacing
	next     LSN      // the address of the next record
	last     LSN      // of the last record appended
	tail     *segment // being filled
	fill     *batch   // being filled, in tail
	full     []*batch // closed, to be written, oldest first
	writing  *batch   // the writer has it
	spare    []*batch
	closing  bool
	finished LSN  // where the journal ends that was closed properly; 0 before
	syncDue  bool // SyncInterval: the period is over
	err      error
	parted   parting
	changed  chan struct{} // closed when durable, err or parted changes; nil when nobody waits
	records  uint64        // appended
	bytes    uint64

	// Read without mu.
	backlog  atomic.Int64
	answers  atomic.Uint64 // of the disk, see AwaitEnd
	durable  atomic.Uint64
	segments atomic.Pointer[[]*segment] // oldest first; replaced under mu
	stalled  atomic.Uint32              // a scarcity
	pace     atomic.Uint32
	reserve  atomic.Int64 // bytes of the file that is kept for a full disk; 0 when there is none
	batches  atomic.Uint64
	syncs    atomic.Uint64
	syncing  durations // of syncs
	stalls   atomic.Uint64
	aside    atomic.Uint64 // records put into quarantine
	moved    atomic.Uint64 // bytes of records that were carried

	// Owned by the writer goroutine, or by who leads in its place.
	current   *segment         // the last batch was written to it
	prepared  *segment         // the preparer was asked for the one after it
	edge      [disk.Block]byte // of the file of current: the block in which the last batch ended
	written   LSN              // every byte below was written
	synced    LSN              // every byte below was synced
	lastSync  time.Time
	syncBegan time.Time // the last one
	timer     *time.Timer
	stall     stallWatch

	making  sync.Mutex              // held while a segment's file is made; guards the next, and is held when ahead changes
	entered *segment                // the newest segment with a file in use
	ahead   atomic.Pointer[segment] // the one after it, made ahead of time; nil when it is not made yet

	reclaimer     reclaimer
	reclaiming    sync.Mutex  // held during a step of it
	still         atomic.Bool // it makes none any more
	wakePreparer  chan struct{}
	wakeReclaimer chan struct{}
	spares        spares
	stop          context.Context // done when the journal closes or fails
	stopped       context.CancelFunc
	running       sync.WaitGroup
	closeOnce     sync.Once
	closeErr      error
}

// ErrClosed is returned for what would need an open journal.
var ErrClosed = errors.New("the journal is closed")

// Append is AppendHeld for a record that is released once, if it is live, or never kept.
func (j *Journal) Append(kind Kind, live bool, parts ...[]byte) LSN {
	if live {
		return j.AppendHeld(kind, 1, parts...)
	}
	return j.AppendHeld(kind, 0, parts...)
}

// AppendHeld adds a record made of the concatenated parts, which it copies, and returns its LSN. A record with holders is
// live: it keeps its segment on the disk until it was released as often.
//
// It never waits for the disk: use Backlog to hold publishers back. It calls nothing and may be called under any lock. After a failure
// or Close it does nothing, and the LSN that it returns never becomes durable. A body beyond MaxBody panics.
func (j *Journal) AppendHeld(kind Kind, holders int, parts ...[]byte) LSN {
	return j.append(true, kind, holders, parts)
}

// append is AppendHeld or, unless due, AppendLater.
func (j *Journal) append(due bool, kind Kind, holders int, parts [][]byte) LSN {
	n, crc := 0, uint32(0)
	for _, p := range parts {
		n += len(p)
		crc = crc32.Update(crc, castagnoli, p)
	}
	if n > MaxBody || kind >= ownKinds {
		panic("journal: record is too large or of a reserved kind")
	}
	size := recordSize(n)

	j.mu.Lock()
	if j.fill == nil { // failed or closed
		lsn := j.next
		j.mu.Unlock()
		return lsn
	}
	if !j.roomInSegment(size) {
		j.roll(size)
	}
	if len(j.fill.buf)+size+commitSize > cap(j.fill.buf) {
		j.room(size)
	}
	lsn := j.next
	b := j.fill
	h := recordHeader{length: uint32(n), kind: kind, salt: b.seg.salt, lsn: lsn, bodyCRC: crc}
	if holders > 0 {
		h.flags = flagLive
		b.seg.kept += uint64(holders)
		b.seg.keptBytes += int64(size)
	}
	b.add(&h, size, parts)
	j.next += LSN(size)
	j.last = lsn
	j.records++
	j.bytes += uint64(size)
	j.backlog.Add(int64(size))
	switch {
	case due || j.due || len(j.full) > 0:
		j.due = j.due || due
		j.wakeWriter()
	default:
		j.remindLater()
	}
	j.mu.Unlock()
	return lsn
}

// Release says that one holder of the live record at lsn does not need it any more. Each does so once, and after it appended
// whatever replaces the record; the segment is deleted when that is durable.
func (j *Journal) Release(lsn LSN) {
	s := j.segment(lsn)
	if s == nil {
		return
	}
	n := s.released.Add(1)
	if s.filled.Load() && (n >= s.kept || n%1024 == 0) {
		j.poke(j.wakeReclaimer)
	}
}

// segment returns the segment that lsn lies in, or nil.
func (j *Journal) segment(lsn LSN) *segment {
	list := *j.segments.Load()
	lo, hi := 0, len(list)
	for lo < hi {
		if mid := (lo + hi) / 2; list[mid].base <= lsn {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == 0 {
		return nil
	}
	return list[lo-1]
}

// extent returns how many of the segment's addresses are its own: an old one may have been cut short by the next.
func (j *Journal) extent(s *segment) int64 {
	list := *j.segments.Load()
	if i := slices.Index(list, s); i >= 0 && i+1 < len(list) {
		return min(s.capacity, int64(list[i+1].base-s.base))
	}
	return s.capacity
}

// Durable returns the LSN up to which, inclusive, every record is durable.
func (j *Journal) Durable() LSN { return LSN(j.durable.Load()) }

// Wait returns nil when the record at lsn is durable, and an error when it cannot become so or ctx is done first.
func (j *Journal) Wait(ctx context.Context, lsn LSN) error {
	for {
		changed, err := j.watch(lsn)
		if changed == nil {
			return err
		}
		if m := j.cfg.Manual; m != nil {
			err = m.wait(ctx, changed)
		} else {
			err = awaitChange(ctx, changed)
		}
		if err != nil {
			return err
		}
	}
}

func awaitChange(ctx context.Context, changed <-chan struct{}) error {
	select {
	case <-changed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// watch returns a channel that is closed at the next change, or nil when there is an answer.
func (j *Journal) watch(lsn LSN) (<-chan struct{}, error) {
	if lsn <= j.Durable() {
		return nil, nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case lsn <= j.Durable():
		return nil, nil
	case j.err != nil:
		return nil, j.err
	case j.parted.why != nil:
		return nil, j.parted.why
	case lsn > j.last:
		return nil, ErrClosed
	}
	if j.changed == nil {
		j.changed = make(chan struct{})
	}
	j.hasten()
	return j.changed, nil
}

// Err returns why the journal failed, or nil.
func (j *Journal) Err() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if errors.Is(j.err, ErrClosed) {
		return nil
	}
	return j.err
}

// Last returns the LSN of the last record appended since Open, or zero.
func (j *Journal) Last() LSN {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.last
}

// Backlog returns the number of bytes appended and not yet durable.
func (j *Journal) Backlog() int { return int(j.backlog.Load()) }

// Full reports whether the disk has no room for the next segment, or no file may be opened for it.
func (j *Journal) Full() bool { return j.lacks() != scarceNothing }

// Recovery returns what Open found.
func (j *Journal) Recovery() Recovery { return j.recovery }

// Close makes everything appended durable and gives the directory back. It returns the failure, if there was one. It waits for no room: what a full
// disk does not take is a failure. It waits for the disk, however long that takes; CloseBy does not.
func (j *Journal) Close() error { return j.CloseWith(nil) }

func (j *Journal) close(c *Checkpoint) error {
	j.mu.Lock()
	j.closing = true
	j.wakeWriter()
	j.mu.Unlock()
	if j.cfg.Manual != nil {
		j.cfg.Manual.finish()
	}
	j.running.Wait()
	err := j.Err()
	if ahead := j.ahead.Load(); ahead != nil {
		_ = ahead.close()
		err = errors.Join(err, j.fs.Remove(ahead.name()))
	}
	if err == nil {
		j.writeCheckpoint(c)
	}
	for _, s := range *j.segments.Load() {
		err = errors.Join(err, s.close())
	}
	return errors.Join(err, j.lock.Close())
}

// fail stops the journal for good: nothing becomes durable any more, and nothing is tried again. One that is closed but for files that are made or
// given back just then has not been closed properly.
func (j *Journal) fail(err error) {
	j.mu.Lock()
	first := j.err == nil || errors.Is(j.err, ErrClosed)
	if first {
		j.halt(err)
	}
	j.mu.Unlock()
	if !first {
		return
	}
	j.log.Error("the journal has failed and confirms nothing any more; restart to recover what is on the disk", "err", err)
	if j.cfg.OnFailure != nil {
		j.cfg.OnFailure(err)
	}
}

// halt ends the intake. It runs with j.mu held.
func (j *Journal) halt(err error) {
	j.err = err
	j.fill, j.full, j.spare = nil, nil, nil
	j.announce()
	j.wakeWriter()
	j.stopped()
}

// announce wakes those who wait in Wait. It runs with j.mu held.
func (j *Journal) announce() {
	if j.changed != nil {
		close(j.changed)
		j.changed = nil
	}
}

// poke wakes one of the helpers, now or when it next looks.
func (j *Journal) poke(wake chan struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}

// salt returns the salt of the segment at base. It differs from run to run, so that no bytes of an earlier file of the same name pass for the segment's.
func (j *Journal) salt(base LSN) uint64 {
	hi, lo := bits.Mul64(uint64(base)^j.seed, 0x9E3779B97F4A7C15^j.seed>>7)
	return (hi ^ lo ^ j.seed) & saltMask
}
