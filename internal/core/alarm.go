package core

import (
	"context"
	"errors"
	"runtime"
	"runtime/metrics"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/postrider-mq/postrider/internal/ballast"
	"github.com/postrider-mq/postrider/internal/disk"
	"github.com/postrider-mq/postrider/internal/journal"
	"github.com/postrider-mq/postrider/internal/queue"
)

// Shortage says what the broker is low on. Publishers have to wait then;
// consuming and settling go on.
type Shortage uint8

const (
	LowOnDisk Shortage = 1 << iota
	LowOnMemory
	LowOnFiles // that the process may open, for the journal to grow
)

// shortOf are what they are called, in that order.
var shortOf = [...]string{"disk", "memory", "files"}

// String is the reason as clients are told it, in RabbitMQ's words as far as it has them: "low on disk & memory".
func (s Shortage) String() string {
	var low []string
	for i, what := range shortOf {
		if s&(1<<i) != 0 {
			low = append(low, what)
		}
	}
	if low == nil {
		return ""
	}
	return "low on " + strings.Join(low, " & ")
}

const (
	defaultFree = 50 << 20 // bytes
	watchPeriod = time.Second
	collectAt   = 5 * time.Second // how often the garbage of a broker that is low on memory is collected
)

// alarms decide when publishers have to wait.
//
//	memory   the process has more than MemoryMark; over at ⅞ of it. Without a disk: the
//	         messages weigh more than the budget; over at ¾
//	files    the journal may not open the next one; over when it may
//	disk     the journal has no room for its next segment, or the disk less than MinFree,
//	         or it has been stuck in a write for 30 s; over when there is room, and a segment more than MinFree
type alarms struct {
	core     *Core
	fs       disk.FS
	mark     int64
	minFree  int64
	headroom int64 // above minFree
	usage    func() int64

	low atomic.Uint32 // a Shortage

	mu      sync.Mutex
	journal *journal.Journal // nil before start
	full    error            // why the journal cannot grow; nil: it can
	stuck   bool             // likewise: the disk has not finished one write for 30 s
	relief  chan struct{}    // closed when low becomes 0; nil when nobody waits
	clock   *time.Timer
	collect queue.Time // garbage is not collected again before
	over    bool
}

func newAlarms(c *Core, cfg Config) *alarms {
	a := &alarms{core: c, fs: cfg.FS, mark: cfg.MemoryMark, minFree: cfg.MinFree, headroom: cfg.SegmentSize, usage: cfg.usage}
	if a.headroom == 0 {
		a.headroom = defaultFree
	}
	if a.minFree == 0 {
		a.minFree = min(defaultFree, a.headroom)
	}
	if a.usage == nil {
		a.usage = processMemory
	}
	return a
}

// start looks at once, and then every second.
func (a *alarms) start() {
	a.mu.Lock()
	a.journal = a.core.journal
	a.mu.Unlock()
	a.look()
	if a.core.manual != nil || a.mark <= 0 && (a.fs == nil || a.minFree < 0) {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.clock = time.AfterFunc(watchPeriod, func() {
		a.look()
		a.again()
	})
}

func (a *alarms) again() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.over {
		a.clock.Reset(watchPeriod)
	}
}

func (a *alarms) stop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.over = true
	if a.clock != nil {
		a.clock.Stop()
	}
}

// journalFull is told by the journal.
func (a *alarms) journalFull(why error) {
	a.mu.Lock()
	a.full = why
	a.mu.Unlock()
	a.look()
	a.core.pager.next.Store(a.core.pager.budget) // what could not be paged out may be now
}

// journalPace is told by the journal, too.
func (a *alarms) journalPace(p journal.Pace) {
	a.mu.Lock()
	a.stuck = p == journal.PaceStuck
	a.mu.Unlock()
	a.look()
}

// look finds out how things stand.
func (a *alarms) look() {
	a.mu.Lock()
	defer a.mu.Unlock()
	was := Shortage(a.low.Load())
	var now Shortage
	if a.lowOnDisk(was) {
		now |= LowOnDisk
	}
	if a.lowOnMemory(was) {
		now |= LowOnMemory
	}
	if errors.Is(a.full, disk.ErrNoFiles) {
		now |= LowOnFiles
	}
	if now == was {
		return
	}
	a.low.Store(uint32(now))
	if now != 0 {
		a.core.log.Warn("publishers have to wait; consuming goes on", append([]any{"reason", now.String()}, a.measures(now)...)...)
		return
	}
	a.core.log.Info("publishers may go on", "were", was.String())
	if a.relief != nil {
		close(a.relief)
		a.relief = nil
	}
}

// measures are those that a shortage is about, and their bounds, for the log. The caller holds mu.
func (a *alarms) measures(s Shortage) (all []any) {
	if s&LowOnDisk != 0 {
		free, err := a.fs.Free()
		all = append(all, "free", free, "min free", a.minFree, "full", a.full != nil, "stuck", a.stuck)
		if err != nil {
			all = append(all, "error", err)
		}
	}
	switch p := &a.core.pager; {
	case s&LowOnMemory == 0:
	case a.fs == nil:
		all = append(all, "messages", p.resident.Load(), "most", p.budget)
	default:
		all = append(all, "memory", a.usage(), "mark", a.mark)
	}
	return all
}

func (a *alarms) lowOnDisk(was Shortage) bool {
	switch {
	case a.fs == nil:
		return false
	case a.stuck, a.full != nil && !errors.Is(a.full, disk.ErrNoFiles):
		return true
	case a.minFree < 0:
		return false
	}
	free, err := a.fs.Free()
	limit := a.minFree
	if was&LowOnDisk != 0 {
		limit += a.headroom
	}
	if err == nil && free < limit && a.journal != nil && a.journal.GiveUpSpares() {
		free, err = a.fs.Free()
	}
	if err != nil {
		return was&LowOnDisk != 0 // as before: it says nothing
	}
	return free < limit
}

func (a *alarms) lowOnMemory(was Shortage) bool {
	p := &a.core.pager
	if a.fs == nil {
		held := p.resident.Load()
		return held > p.budget || was&LowOnMemory != 0 && held > p.budget/4*3
	}
	if a.mark <= 0 {
		return false
	}
	limit := a.mark
	if was&LowOnMemory != 0 {
		limit = a.mark / 8 * 7
	}
	if a.usage() <= limit {
		return false
	}
	if now := a.core.Now(); now >= a.collect { // some of it may be garbage
		a.collect = now + queue.Time(collectAt)
		runtime.GC()
	}
	return a.usage() > limit
}

// processMemory is what the process has of the system's memory and does not only keep for later.
func processMemory() int64 {
	s := []metrics.Sample{
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
	}
	metrics.Read(s)
	return int64(s[0].Value.Uint64()-s[1].Value.Uint64()-s[2].Value.Uint64()) - ballast.Size()
}

// Shortage is what the broker is low on now; 0 = nothing.
func (c *Core) Shortage() Shortage { return Shortage(c.alarms.low.Load()) }

// Refuses says that persistent messages should be refused, because what is left
// of the journal is for settlements.
func (c *Core) Refuses() bool { return c.journal != nil && c.journal.Full() }

// Relief is closed when the broker is low on nothing any more; nil when that is so.
func (c *Core) Relief() <-chan struct{} { return c.alarms.whenRelieved() }

// AwaitRelief returns when the broker is low on nothing.
func (c *Core) AwaitRelief(ctx context.Context) error {
	for {
		relief := c.Relief()
		if relief == nil {
			return nil
		}
		select {
		case <-relief:
		case <-ctx.Done():
			return ctx.Err()
		case <-c.stop.Done():
			return ErrClosed
		}
	}
}

func (a *alarms) whenRelieved() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.low.Load() == 0 {
		return nil
	}
	if a.relief == nil {
		a.relief = make(chan struct{})
	}
	return a.relief
}
