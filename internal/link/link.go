package link

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/postrider-mq/postrider/internal/socket"
)

// Source is the owner of what a link sends.
type Source interface {
	// Next returns the next bytes to write, or none when nothing is pending.
	// It is called by one goroutine at a time, without any lock of the owner.
	// The bytes must stay as they are until the next call of Next.
	//
	// hurried says that the caller may not be held up: Next leaves aside whatever
	// may have to wait, and has the writer goroutine come for it by a Wake.
	Next(hurried bool) []byte
}

// Defaults of Config.
const (
	DefaultStall   = 15 * time.Second
	DefaultMaxRead = 1 << 20
	firstRead      = 4 << 10
	fullRead       = 128 << 10
)

// ErrStalled ends a link whose peer took no byte for Config.Stall.
var ErrStalled = errors.New("peer has stopped reading")

// Config bounds a link. Zero values mean the defaults.
type Config struct {
	Stall   time.Duration // a write without progress for so long ends the link
	MaxRead int           // bytes: the longest run that Keep may hold back
	Ended   func()        // called once when the link has ended; must not block
	Manual  bool          // no writer goroutine: the owner calls Pump
}

// Link is one socket. Wake, Flush, Close, Err and Done may be called by any
// goroutine; Read and Keep belong to the one reader.
type Link struct {
	conn   net.Conn
	socket *socket.Socket // nil where there is none, as with TLS
	src    Source
	cfg    Config

	// Owned by the reader.
	buf    []byte
	kept   []byte // the tail of buf that was not consumed
	filled bool   // the last read left no room: the next buffer is larger

	// Owned by who holds writing: the writer goroutine, a Flush or a Drain. Who waits for it
	// may wait for the peer, so it is no mutex: a test's bubble knows the wait for what it is.
	writing chan struct{} // one place: full while somebody holds it
	rest    []byte        // what is left of the last piece
	awake   bool          // Pump was woken and has not found that nothing is left

	pending atomic.Bool   // Next has something, or may have
	wake    chan struct{} // to the writer goroutine, one place
	reads   atomic.Uint64
	writes  atomic.Uint64

	once sync.Once
	done chan struct{}
	err  error // set before done is closed
}

// New starts the writer goroutine of conn. The caller must Close the link.
func New(conn net.Conn, src Source, cfg Config) *Link {
	if cfg.Stall <= 0 {
		cfg.Stall = DefaultStall
	}
	if cfg.MaxRead <= 0 {
		cfg.MaxRead = DefaultMaxRead
	}
	l := &Link{
		conn:   conn,
		socket: socket.Of(conn),
		src:    src,
		cfg:    cfg,
		wake:   make(chan struct{}, 1),
		done:   make(chan struct{}),

		writing: make(chan struct{}, 1),
	}
	if !cfg.Manual {
		go l.write()
	}
	return l
}

// Close ends the link at once and closes the socket; err says why. The first
// call wins. What Next still holds is not sent: see Drain.
func (l *Link) Close(err error) {
	l.once.Do(func() {
		if err == nil {
			err = net.ErrClosed
		}
		l.err = err
		close(l.done)
		l.conn.Close()
		if l.cfg.Ended != nil {
			l.cfg.Ended()
		}
	})
}

// Done is closed when the link has ended.
func (l *Link) Done() <-chan struct{} { return l.done }

// Err says why the link ended, nil while it has not.
func (l *Link) Err() error {
	select {
	case <-l.done:
		return l.err
	default:
		return nil
	}
}

// Activity counts reads and writes that moved bytes, for heartbeats.
func (l *Link) Activity() (reads, writes uint64) {
	return l.reads.Load(), l.writes.Load()
}

// LocalAddr is the socket's own address.
func (l *Link) LocalAddr() net.Addr { return l.conn.LocalAddr() }

// RemoteAddr is the peer's address.
func (l *Link) RemoteAddr() net.Addr { return l.conn.RemoteAddr() }
