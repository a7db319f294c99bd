package core

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/postrider-mq/postrider/internal/disk"
	"github.com/postrider-mq/postrider/internal/journal"
	"github.com/postrider-mq/postrider/internal/queue"
)

// ErrClosed is returned by everything that is asked of a closed core.
var ErrClosed = errors.New("broker is closed")

// maxBacklog is how many bytes may wait for the disk before publishers are
// made to wait too.
const maxBacklog = 16 << 20

// Config says where a core keeps what must survive. Nothing in it is global:
// a process may run many.
type Config struct {
	FS          disk.FS // nil: memory only
	SegmentSize int64   // bytes; 0 = the journal's default
	Sync        journal.SyncMode
	Budget      int64 // bytes of messages in queues that may be in memory, beyond which they are paged out; 128 MiB when 0, see pager.start
	MemoryMark  int64 // bytes of memory of the process, beyond which publishers have to wait; 0 = no such mark
	MinFree     int64 // bytes free on the disk, below which publishers have to wait; 50 MiB or a segment when 0, nothing when negative
	Logger      *slog.Logger
	VHosts      []string // made at the start when they are not there; "/" is when no other is written down
	// MayGrow says whether the process may open the files of another segment; nil: it may. See journal.Config.
	MayGrow func(ahead bool) bool
	// OnFailure is called once when the journal can no longer be trusted. After
	// it nothing is confirmed any more and the owner should stop.
	OnFailure func(error)

	Manual *Manual // who drives the core by hand; nil: goroutines do

	wall  func() time.Time // nil: time.Now
	usage func() int64     // nil: the memory of this process
	head  int              // messages at the head of a queue that are paged out last; 0 = 1,024
}

// Core is one broker's names, queues and journal.
type Core struct {
	log     *slog.Logger
	journal *journal.Journal // nil: memory only
	start   time.Time
	manual  *Manual
	wall    func() time.Time // for what is written down: the time of a death, the age of what expires
	failed  func(error)

	mu     sync.Mutex
	vhosts map[string]*VHost
	closed bool

	changing sync.Mutex // held while a virtual host is made or deleted; before all other locks
	settings settings

	queueID    atomic.Uint64 // the last that was given
	consumerID atomic.Uint64

	byID      sync.Map // queue id → *Queue, for the compaction
	recalling recalling
	waiting   waiters
	timer     *timer

	counts totals
	rated  rated

	pager   pager
	alarms  *alarms
	windows *journal.Windows // on what is paged out
	failing atomic.Bool      // the journal has failed

	stop       context.Context // done when the core closes
	stopping   context.CancelFunc
	background sync.WaitGroup // what has to end before the journal closes
}

// Open recovers what the journal holds and returns a core that is ready.
func Open(cfg Config) (*Core, error) {
	c := &Core{
		log:    cfg.Logger,
		start:  time.Now(),
		wall:   cfg.wall,
		failed: cfg.OnFailure,
		vhosts: map[string]*VHost{},
	}
	c.settings.byKey = map[settingKey]fact[Setting]{}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.wall == nil {
		c.wall = time.Now
	}
	if m := cfg.Manual; m != nil {
		m.core, c.manual, c.start, c.wall = c, m, m.Now(), m.Now
		if m.Wall != nil {
			c.wall = m.Wall
		}
	}
	c.timer = newTimer(c)
	c.stop, c.stopping = context.WithCancel(context.Background())
	c.pager.start(cfg)
	c.alarms = newAlarms(c, cfg)
	if cfg.FS != nil {
		if err := c.recover(cfg); err != nil {
			return nil, err
		}
	}
	if !c.hasDeclaredVHosts() {
		c.vhost("/")
	}
	for _, name := range cfg.VHosts {
		c.vhost(name)
	}
	c.timer.start()
	c.alarms.start()
	return c, nil
}

// Close stops the timer and closes the journal; what was confirmed stays.
func (c *Core) Close() error {
	c.mu.Lock()
	already := c.closed
	c.closed = true
	c.mu.Unlock()
	if already {
		return nil
	}
	c.stopping()
	c.timer.stop()
	c.alarms.stop()
	c.background.Wait()
	if c.journal == nil {
		return nil
	}
	if !c.rest() {
		return c.journal.Close()
	}
	return c.journal.CloseWith(c.checkpoint())
}

// AwaitEnd waits for what closes the core: until it is done, or the disk does not answer. See journal.AwaitEnd.
func (c *Core) AwaitEnd(ctx context.Context, done <-chan struct{}) error {
	if c.journal == nil {
		<-done
		return nil
	}
	return c.journal.AwaitEnd(ctx, done)
}

// spawn runs what Close waits for, unless the core is closed.
func (c *Core) spawn(work func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.background.Go(work)
	}
	return !c.closed
}

// Now is the time as queues know it: monotonic since the start.
func (c *Core) Now() queue.Time {
	if c.manual != nil {
		return queue.Time(c.manual.Now().Sub(c.start))
	}
	return queue.Time(time.Since(c.start))
}

// VHost finds a virtual host by name.
func (c *Core) VHost(name string) (*VHost, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok := c.vhosts[name]
	return v, ok
}

// vhost finds or makes one.
func (c *Core) vhost(name string) *VHost {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok := c.vhosts[name]
	if !ok {
		v = newVHost(c, name)
		c.vhosts[name] = v
	}
	return v
}

// append writes a fact, if there is a disk.
func (c *Core) append(kind journal.Kind, live bool, parts ...[]byte) journal.LSN {
	if c.journal == nil {
		return 0
	}
	return c.journal.Append(kind, live, parts...)
}

// appendLater writes a fact that nobody waits for.
func (c *Core) appendLater(kind journal.Kind, body []byte) {
	if c.journal != nil {
		c.journal.AppendLater(kind, 0, body)
	}
}

func (c *Core) release(lsn journal.LSN) {
	if c.journal != nil {
		c.journal.Release(lsn)
	}
}

// Throttle waits while too much is waiting for the disk. A publisher calls it
// between bursts, without locks.
func (c *Core) Throttle(ctx context.Context) error { return c.AwaitDurable(ctx, c.Behind()) }

// Behind is what a publisher waits for while too much is waiting for the disk; 0: it is not.
func (c *Core) Behind() journal.LSN {
	if c.journal == nil || c.journal.Backlog() < maxBacklog {
		return 0
	}
	return c.journal.Last()
}

// AwaitDurable returns nil when lsn is on the disk, and when it is 0; the error of ctx when that ends first.
func (c *Core) AwaitDurable(ctx context.Context, lsn journal.LSN) error {
	if lsn == 0 {
		return nil
	}
	return c.journal.Wait(ctx, lsn)
}

// await returns when lsn is durable.
func (c *Core) await(ctx context.Context, b *Burst, lsn journal.LSN) error {
	if c.journal == nil || lsn == 0 || c.IsDurable(lsn) {
		return nil
	}
	b.pause()
	return c.settled(ctx, lsn)
}

// Sync returns when everything appended so far is durable.
func (c *Core) Sync(ctx context.Context) error {
	if c.journal == nil {
		return nil
	}
	return c.journal.Wait(ctx, c.journal.Last())
}
