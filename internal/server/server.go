package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/access"
	"github.com/postrider-mq/postrider/internal/core"
	"github.com/postrider-mq/postrider/internal/session"
)

// Config is what a server offers and whom it lets in. Core, Access and Logger
// must be set.
type Config struct {
	Core       *core.Core
	Access     *access.Authority
	Logger     *slog.Logger
	External   bool // over TLS, certificates may take the place of passwords
	Limits     session.Limits
	Properties amqp.Table    // what the broker says of itself
	Packs      string        // a queue that takes packs, see package pack; "": none does
	Pace       func()        // called by who reads a connection after he has read packs; nil: he goes on
	Handshake  time.Duration // from accept to connection.open-ok; 0 = 5 s
	Files      uint64        // how many open files there may be for a client to be let in: his socket's number is lower; 0 = any
	// Few clients are let in as long as there are less than FewFiles, whatever has taken the files: a consumer makes a large journal smaller.
	Few      int
	FewFiles uint64

	// What a channel may leave unsettled before its deliveries wait.
	MaxUnsettled      int   // messages; 0 = 65,535
	MaxUnsettledBytes int64 // of bodies; 0 = 64 MiB

	// ConsumerTimeout is how long a delivery may wait for its acknowledgement
	// before its channel is closed, where the queue does not say; 0 = 30 min, negative = for ever.
	ConsumerTimeout time.Duration
}

const (
	defaultHandshake = 5 * time.Second
	defaultHeartbeat = 60 // seconds
	defaultMessage   = 16 << 20

	defaultUnsettled      = 65_535
	defaultUnsettledBytes = 64 << 20

	lastWords = 5 * time.Second // for a close handshake
)

// Server accepts connections for one core.
type Server struct {
	cfg   Config
	ctx   context.Context // ends when the server closes
	close context.CancelFunc
	doors doors

	successions successions

	noAccept, noFiles, noDoor complaint

	watching sync.Once // over the ages of deliveries

	entering sync.Mutex // held while a client takes a place in a virtual host; before all other locks

	mu        sync.Mutex
	listeners map[net.Listener]struct{}
	told      map[string]Listener // by address, see Listens
	conns     map[*conn]struct{}
	closing   bool
	idle      sync.WaitGroup // one for each connection
}

// New returns a server without listeners.
func New(cfg Config) *Server {
	if cfg.Handshake <= 0 {
		cfg.Handshake = defaultHandshake
	}
	if cfg.ConsumerTimeout == 0 {
		cfg.ConsumerTimeout = defaultConsumerTimeout
	}
	if cfg.Limits.Heartbeat == 0 {
		cfg.Limits.Heartbeat = defaultHeartbeat
	}
	if cfg.Limits.MaxMessage == 0 {
		cfg.Limits.MaxMessage = defaultMessage
	}
	if cfg.MaxUnsettled <= 0 {
		cfg.MaxUnsettled = defaultUnsettled
	}
	if cfg.MaxUnsettledBytes <= 0 {
		cfg.MaxUnsettledBytes = defaultUnsettledBytes
	}
	if cfg.Limits.Slab <= 0 {
		cfg.Limits.Slab = session.DefaultSlab
	}
	s := &Server{
		cfg:       cfg,
		listeners: map[net.Listener]struct{}{},
		conns:     map[*conn]struct{}{},
	}
	s.successions.latest = map[heir]*conn{}
	s.ctx, s.close = context.WithCancel(context.Background())
	cfg.Access.Users().Watch(s.userChanged)
	return s
}

// ErrClosed is returned by Serve after Shutdown or Close.
var ErrClosed = errors.New("server is closed")

// Serve accepts connections until the listener fails or the server is closed,
// and then returns why. It closes ln.
func (s *Server) Serve(ln net.Listener) error {
	if !s.addListener(ln) {
		ln.Close()
		return ErrClosed
	}
	defer s.removeListener(ln)
	for {
		nc, err := ln.Accept()
		if s.isClosing() {
			if err == nil {
				nc.Close()
			}
			return ErrClosed
		}
		var passing interface{ Temporary() bool }
		if errors.As(err, &passing) && passing.Temporary() {
			s.cannotAccept(err)
			s.pause(100 * time.Millisecond)
			continue
		}
		if err != nil {
			return err
		}
		s.accept(nc)
	}
}

// cannotAccept says so, but not ten times a second.
func (s *Server) cannotAccept(err error) {
	if unheard, ok := s.noAccept.due(time.Now()); ok {
		s.cfg.Logger.Error("cannot accept connections for the moment", "error", err, "repeated", unheard)
	}
}

// pause waits, but not beyond the server's end.
func (s *Server) pause(d time.Duration) {
	select {
	case <-time.After(d):
	case <-s.ctx.Done():
	}
}

func (s *Server) accept(nc net.Conn) {
	if c := s.admit(nc, false); c != nil {
		s.watching.Do(func() { go s.watchAges() })
		go c.run()
	}
}

// Attach lets a connection in, as Serve does with one that it accepted, but
// starts no goroutine: the caller is them. read returns when the connection is
// over; write sends one piece, if there is one, and reports whether there was.
// Both are nil when the connection was refused. A read that waits for anything
// but the connection calls yield, again and again. It is for simulations.
func (s *Server) Attach(nc net.Conn, yield func()) (read func(), write func() bool) {
	c := s.admit(nc, true)
	if c == nil {
		return nil, nil
	}
	c.yield = yield
	return c.run, c.link.Pump
}

// admit returns nil if the connection is not let in.
func (s *Server) admit(nc net.Conn, manual bool) *conn {
	if err := s.mayHaveFile(nc); err != nil {
		if unheard, ok := s.noFiles.due(time.Now()); ok {
			s.cfg.Logger.Error("connection refused", "peer", nc.RemoteAddr().String(), "reason", err.Error(), "repeated", unheard)
		}
		nc.Close()
		return nil
	}
	if err := s.doors.enter(nc.RemoteAddr()); err != nil {
		if unheard, ok := s.noDoor.due(time.Now()); ok { // a flood of them would be one of the log, too
			s.cfg.Logger.Warn("connection refused", "peer", nc.RemoteAddr().String(), "reason", err.Error(), "repeated", unheard)
		}
		nc.Close()
		return nil
	}
	c := newConn(s, nc, manual)
	if !s.addConn(c) {
		s.doors.leave(nc.RemoteAddr())
		c.link.Close(ErrClosed)
		return nil
	}
	return c
}

func (s *Server) addListener(ln net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.listeners[ln] = struct{}{}
	return true
}

func (s *Server) removeListener(ln net.Listener) {
	ln.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, ln)
	delete(s.told, ln.Addr().String())
}

func (s *Server) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

func (s *Server) addConn(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.conns[c] = struct{}{}
	s.idle.Add(1)
	return true
}

func (s *Server) removeConn(c *conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	if c.about.Load() != nil {
		c.core.Count(core.ConnectionsEnded, 1)
	}
	s.idle.Done()
}

// Shutdown stops listening, asks each client to close (320), and waits until
// all are gone. When ctx ends first, the rest is cut off and ctx's error
// returned.
func (s *Server) Shutdown(ctx context.Context) error {
	s.Dismiss()
	gone := make(chan struct{})
	go func() {
		s.idle.Wait()
		close(gone)
	}()
	select {
	case <-gone:
		s.close()
		return nil
	case <-ctx.Done():
		s.Close()
		<-gone
		return ctx.Err()
	}
}

// Leave stops listening and tells each client that it should publish no more, without closing anything: who waits for an
// answer still gets it.
func (s *Server) Leave() {
	for _, c := range s.stopListening() {
		c.leave()
	}
}

// Dismiss stops listening and asks each client to close (320).
func (s *Server) Dismiss() {
	shutdown := amqp.Errorf(amqp.ConnectionForced, "broker forced connection closure with reason 'shutdown'")
	for _, c := range s.stopListening() {
		c.dismiss(shutdown)
	}
}

// Close cuts off everybody at once and waits until their connections are
// cleaned up.
func (s *Server) Close() {
	conns := s.stopListening()
	s.close()
	for _, c := range conns {
		c.link.Close(ErrClosed)
	}
	s.idle.Wait()
}

// stopListening returns the connections that there are.
func (s *Server) stopListening() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = true
	for ln := range s.listeners {
		ln.Close()
	}
	conns := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		conns = append(conns, c)
	}
	return conns
}

// Connections is how many there are.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}
