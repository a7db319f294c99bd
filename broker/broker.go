package broker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"runtime"
	"sync"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/access"
	"github.com/postrider-mq/postrider/internal/ballast"
	"github.com/postrider-mq/postrider/internal/core"
	"github.com/postrider-mq/postrider/internal/disk"
	"github.com/postrider-mq/postrider/internal/journal"
	"github.com/postrider-mq/postrider/internal/machine"
	"github.com/postrider-mq/postrider/internal/pack"
	"github.com/postrider-mq/postrider/internal/server"
	"github.com/postrider-mq/postrider/internal/session"
)

// Version is what the broker says of itself to its clients.
const Version = "0.1.0"

// ErrClosed is returned by what is asked of a broker or a Conn that is closed.
var ErrClosed = errors.New("broker is closed")

// Config configures a broker. The zero value is a broker in memory that user
// guest, password guest, may use from this host.
type Config struct {
	// Dir is the directory of the journal, made when it is not there. Empty
	// means memory only: durable queues and persistent messages are accepted,
	// and end with the process.
	Dir string

	// Name is what the broker calls itself to clients; "postrider" when empty.
	Name string

	// Logger takes what an operator should know; nothing is logged when nil.
	Logger *slog.Logger

	// Users are names and passwords of those who may do everything; guest cannot be one of them. They are not
	// kept, and nobody can change them while the broker runs. Other users come
	// by PutUser and by the management interface, and are kept in Dir.
	// Passwords cross a network over TLS only: wrap the listener with tls.NewListener.
	Users map[string]string

	// FirstUser is asked for a name and a password when there is no administrator,
	// and makes one of them, who is kept. Without it, without Users and without
	// InboxOnly, the first start makes guest/guest, who may come from this host only.
	FirstUser func() (name, password string, err error)

	// AllowPlaintext accepts passwords over a network without TLS. Who listens
	// there reads them, and all else.
	AllowPlaintext bool

	// ClientCertificates offers the mechanism EXTERNAL over TLS: a client whose
	// certificate was verified is the user whose name is one of its subject
	// alternative names. The listener's tls.Config must ask for certificates.
	ClientCertificates bool

	// InboxOnly restricts whoever comes through a listener to publishing into
	// the queue of that name and to answering direct replies. Dial is not restricted.
	InboxOnly string

	// InboxAlso are further queues that may be published into then.
	InboxAlso []string
	// Packs is a queue whose consumer takes so many messages in one as PackSize says, and clients are told so: for the inbox
	// of a node of package postrider. "" and 0: none.
	Packs    string
	PackSize int
	// Goodbye is how long a Shutdown waits for clients, if its context does not end before; as long as that when 0.
	Goodbye time.Duration
	// Pace is called, if it is not nil, by who reads a client's connection after he has read packs: he goes on when it returns.
	Pace func()

	// MaxMessage is the largest body accepted from a listener, in bytes;
	// 16 MiB when 0, at most 128 MiB.
	MaxMessage int

	// MaxUnsettled is how many deliveries, and MaxUnsettledBytes how many bytes of
	// their bodies, a channel that comes through a listener may leave unsettled;
	// more wait in their queues. 65,535 and 64 MiB when 0. A basic.get is answered beyond it.
	MaxUnsettled      int
	MaxUnsettledBytes int64

	// Heartbeat is the interval suggested to clients, in whole seconds, at most 65,535; 60 s when 0.
	Heartbeat time.Duration

	// Sync says when a persistent message counts as safe; see there before
	// choosing anything but the zero value.
	Sync Sync

	// SegmentSize is what the journal's files grow to, in bytes. 0 means 64 MiB, or about a sixteenth of a disk that
	// has less than a GiB.
	// A journal takes the room of about two of them ahead of what is in it.
	SegmentSize int64

	// ConsumerTimeout is how long a message that was delivered to a client may wait
	// for its acknowledgement before the client's channel is closed (406) and its
	// messages go to others; 30 minutes when 0, for ever when it is NoTimeout.
	// A queue's x-consumer-timeout, or a policy's consumer-timeout, goes before it. It
	// does not concern Dial.
	ConsumerTimeout time.Duration

	// MessageMemory is how many bytes of messages in queues stay in memory;
	// what is beyond is paged out to the disk and read again when it is
	// delivered. 0 means a sixteenth of what the machine or the process's control group has, or of GOMEMLIMIT where that is
	// less: at least 64 MiB, or an eighth where that is less, and at most 320 MiB; 128 MiB where the system does not tell. Without a disk it is how many there
	// may be before publishers have to wait; then 0 means half of MemoryMark, and at least 128 MiB.
	MessageMemory int64

	// MemoryMark is the memory of this process, in bytes, beyond which
	// publishers have to wait: with the reason "low on memory". 0 means 40 % of what the machine or
	// the process's control group has, or 80 % of GOMEMLIMIT where that is less; where the
	// system does not tell, and when it is negative, there is no mark.
	MemoryMark int64

	// MinFree is how many bytes must be free on the disk, or publishers have to
	// wait: "low on disk". 0 means 50 MiB or SegmentSize, the less of both; negative that only
	// a full disk makes them wait.
	MinFree int64

	// OnFailure is called once when the disk failed and nothing can be
	// confirmed any more. The broker has stopped listening by then; what the
	// process should do is exit.
	OnFailure func(error)

	fs disk.FS // in place of Dir, for tests
}

// Sync says when a persistent message is confirmed.
type Sync uint8

const (
	// SyncAlways confirms after the disk has said that the message is on it.
	SyncAlways = Sync(journal.SyncAlways)
	// SyncInterval confirms when the message was given to the operating
	// system, which is told to write it ten times a second: a crash of the
	// process loses nothing, one of the machine the last moments.
	SyncInterval = Sync(journal.SyncInterval)
	// SyncNone confirms likewise and leaves the rest to the operating system.
	SyncNone = Sync(journal.SyncNone)
)

// NoTimeout as Config.ConsumerTimeout lets deliveries wait for ever.
const NoTimeout time.Duration = -1

// maxMessage bounds Config.MaxMessage, in bytes.
const maxMessage = 128 << 20

// Broker is a running broker. Its methods may be called from any goroutine.
type Broker struct {
	core    *core.Core
	server  *server.Server
	log     *slog.Logger
	name    string
	goodbye time.Duration
	opened  chan struct{} // closed when Open returns
	gone    chan struct{} // closed when all clients are, at the end
	done    chan struct{}

	confirms confirms

	users     *access.Users
	authority *access.Authority

	mu     sync.Mutex
	conns  map[*Conn]struct{}
	closed bool

	left, closing error // of clients who did not leave; of the journal. Set before done is closed, read after
}

// Open recovers what is in cfg.Dir and returns a broker that is ready; Serve
// lets clients in. Errors say what is wrong with the directory (in use by another
// process, read-only, damaged) and what to do.
func Open(cfg Config) (*Broker, error) {
	log := cfg.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("broker: %w", err)
	}
	users, err := configuredUsers(&cfg)
	if err != nil {
		return nil, fmt.Errorf("broker: %w", err)
	}
	b := &Broker{log: log, users: users, name: cfg.Name, goodbye: cfg.Goodbye, conns: map[*Conn]struct{}{}, opened: make(chan struct{}), gone: make(chan struct{}), done: make(chan struct{})}
	defer close(b.opened)
	b.confirms.broker = b
	if err := b.openCore(cfg); err != nil {
		return nil, err
	}
	ballast.Keep()
	if b.name == "" {
		b.name = "postrider"
	}
	if err := b.openUsers(&cfg, users); err != nil {
		return nil, errors.Join(fmt.Errorf("broker: %w", err), b.core.Close())
	}
	b.authority = access.NewAuthorityWith(users, access.Policy{Plaintext: cfg.AllowPlaintext})
	few, fewFiles := consumerFiles(machine.OpenFiles())
	b.server = server.New(server.Config{
		Core:       b.core,
		Access:     b.authority,
		External:   cfg.ClientCertificates,
		Logger:     log,
		Limits:     session.Limits{MaxMessage: uint64(cfg.MaxMessage), Heartbeat: uint16(cfg.Heartbeat / time.Second), Slab: cfg.slab()},
		Properties: cfg.properties(),
		Files:      clientFiles(machine.OpenFiles()),
		Few:        few,
		FewFiles:   fewFiles,
		Packs:      cfg.Packs,
		Pace:       cfg.Pace,

		MaxUnsettled:      cfg.MaxUnsettled,
		MaxUnsettledBytes: cfg.MaxUnsettledBytes,

		ConsumerTimeout: cfg.ConsumerTimeout,
	})
	return b, nil
}

// maxHeartbeat is the longest that AMQP can say.
const maxHeartbeat = math.MaxUint16 * time.Second

func (c *Config) check() error {
	switch {
	case c.SegmentSize < 0:
		return fmt.Errorf("Config.SegmentSize is %d: want bytes, or 0, which is the default", c.SegmentSize)
	case c.MessageMemory < 0:
		return fmt.Errorf("Config.MessageMemory is %d: want bytes, or 0, which is the default", c.MessageMemory)
	case c.Goodbye < 0:
		return fmt.Errorf("Config.Goodbye is %v: want a time, or 0, which is as long as the context", c.Goodbye)
	case c.PackSize < 0:
		return fmt.Errorf("Config.PackSize is %d: want 0 or more messages", c.PackSize)
	case c.MaxMessage < 0 || c.MaxMessage > maxMessage:
		return fmt.Errorf("Config.MaxMessage is %d: want 0 to %d bytes", c.MaxMessage, maxMessage)
	case c.ConsumerTimeout < 0 && c.ConsumerTimeout != NoTimeout:
		return fmt.Errorf("Config.ConsumerTimeout is %v: want a time, 0 for 30 minutes, or NoTimeout", c.ConsumerTimeout)
	case c.MaxUnsettled < 0:
		return fmt.Errorf("Config.MaxUnsettled is %d: want deliveries, or 0, which is the default", c.MaxUnsettled)
	case c.MaxUnsettledBytes < 0:
		return fmt.Errorf("Config.MaxUnsettledBytes is %d: want bytes, or 0, which is the default", c.MaxUnsettledBytes)
	case c.Heartbeat < 0 || c.Heartbeat > maxHeartbeat || c.Heartbeat%time.Second != 0:
		return fmt.Errorf("Config.Heartbeat is %v: want whole seconds, at most %v", c.Heartbeat, maxHeartbeat)
	case c.Sync > SyncNone:
		return fmt.Errorf("Config.Sync is %d: want SyncAlways, SyncInterval or SyncNone", c.Sync)
	}
	return nil
}

// inboxSlab is how much memory messages may share whose lives are alike, for all of them go to one queue.
const inboxSlab = 8 << 10

func (c *Config) slab() int {
	if c.InboxOnly != "" {
		return inboxSlab
	}
	return session.DefaultSlab
}

func (b *Broker) openCore(cfg Config) error {
	coreConfig := core.Config{
		Logger:      b.log,
		SegmentSize: cfg.SegmentSize,
		Budget:      cfg.MessageMemory,
		MemoryMark:  memoryMark(cfg.MemoryMark),
		MinFree:     cfg.MinFree,
		Sync:        journal.SyncMode(cfg.Sync),
		OnFailure:   func(err error) { b.failed(err, cfg.OnFailure) },
		MayGrow:     b.mayGrow(machine.OpenFiles()),
	}
	coreConfig.FS = cfg.fs
	if cfg.Dir != "" {
		coreConfig.FS = disk.OS(cfg.Dir)
		if cfg.SegmentSize == 0 {
			coreConfig.SegmentSize = journal.SizeFor(machine.DiskSize(cfg.Dir))
		}
	}
	if coreConfig.FS != nil {
		coreConfig.Budget = messageMemory(cfg.MessageMemory)
	}
	if cfg.Sync != SyncAlways {
		b.log.Warn("messages are confirmed before they are safely on disk, as configured")
	}
	var err error
	if b.core, err = core.Open(coreConfig); err != nil {
		return fmt.Errorf("broker: %w", err)
	}
	return nil
}

// properties are what the broker says of itself.
func (c *Config) properties() amqp.Table {
	p := amqp.Table{
		"product":      "Postrider",
		"version":      Version,
		"platform":     runtime.Version(),
		"cluster_name": cmp.Or(c.Name, "postrider"),
		"information":  "https://github.com/postrider-mq/postrider",
	}
	if c.PackSize > 1 {
		p[pack.Property], p[pack.Inbox], p[pack.Counts] = int32(c.PackSize), c.Packs, true
	}
	return p
}

// Serve accepts AMQP clients until ln fails or the broker is closed; then it
// returns why, ErrClosed in the latter case. It closes ln. It may be called
// several times, for several listeners.
func (b *Broker) Serve(ln net.Listener) error {
	err := b.server.Serve(ln)
	if errors.Is(err, server.ErrClosed) {
		return ErrClosed
	}
	return err
}

// Shutdown asks clients to go, closes Conns, waits for both and closes the
// journal. When ctx ends first, clients are cut off, and the journal has a second to close; the
// error is ctx's then. Nothing confirmed is lost either way.
//
// On a disk that does not answer it gives up as Close does. When the broker is being closed already, it waits for that.
func (b *Broker) Shutdown(ctx context.Context) error {
	if late := ctx.Err(); late != nil {
		err := b.closeBy(ctx)
		if err == nil {
			return late
		}
		return errors.Join(late, err)
	}
	clients := ctx
	if b.goodbye > 0 {
		var cancel context.CancelFunc
		clients, cancel = context.WithTimeout(ctx, b.goodbye)
		defer cancel()
	}
	first := b.endWith(func() error {
		if b.server.Shutdown(clients) != nil {
			return ctx.Err()
		}
		return nil
	})
	select {
	case <-b.gone:
	case <-clients.Done():
	}
	err := b.awaitEnd(ctx, first)
	if errors.As(err, new(*journal.StuckError)) {
		err = errors.Join(ctx.Err(), err)
	}
	return err
}

// Close cuts everybody off at once and closes the journal. Nothing confirmed
// is lost. When the broker is being closed already, it waits for that.
//
// When the disk has not answered for 30 s it gives up: the error says how much of what was never confirmed is not known to be on it. Dir stays in use then,
// until the disk answers or the process ends.
func (b *Broker) Close() error { return b.closeBy(context.Background()) }

// closeBy is Close that gives up a second after ctx has ended, too.
func (b *Broker) closeBy(ctx context.Context) error {
	first := b.endWith(func() error {
		b.server.Close()
		return nil
	})
	return b.awaitEnd(ctx, first)
}

// endWith begins to end the broker, unless somebody has. leave has clients leave.
func (b *Broker) endWith(leave func() error) (first bool) {
	if !b.begin() {
		return false
	}
	go func() {
		b.left = leave()
		close(b.gone)
		b.closing = b.end()
		close(b.done)
	}()
	return true
}

// awaitEnd waits until the broker has ended, or its disk does not answer. What has become of clients is for the first who wanted it to end.
func (b *Broker) awaitEnd(ctx context.Context, first bool) error {
	if stuck := b.core.AwaitEnd(ctx, b.done); stuck != nil {
		b.confirms.end()
		return fmt.Errorf("broker: %w", stuck)
	}
	if first {
		return errors.Join(b.left, b.closing)
	}
	return b.closing
}

// begin marks the broker as closed; false if it was.
func (b *Broker) begin() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.closed = true
	return true
}

func (b *Broker) end() error {
	for _, c := range b.attached() {
		c.Close()
	}
	err := b.core.Close()
	b.confirms.end()
	return err
}

// Done is closed when the broker has ended: a Shutdown or Close has done all, and given Dir back.
func (b *Broker) Done() <-chan struct{} { return b.done }

func (b *Broker) attached() []*Conn {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]*Conn, 0, len(b.conns))
	for c := range b.conns {
		list = append(list, c)
	}
	return list
}

// failed stops the broker whose disk has failed.
func (b *Broker) failed(err error, then func(error)) {
	b.log.Error("the disk failed: nothing can be confirmed any more, the broker stops", "error", err)
	go func() { // the journal calls from its writer, which Close waits for
		<-b.opened
		if b.server != nil { // else Open has said what is wrong
			atOnce, cancel := context.WithCancel(context.Background())
			cancel()
			_ = b.closeBy(atOnce) // which waits a second at most
		}
		if then != nil {
			then(err)
		}
	}()
}
