package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/session"
	"github.com/postrider-mq/postrider/internal/socket"
)

// Config says where a Conn connects to and how.
type Config struct {
	Name      string    // what the other side shows as the connection's name
	Addresses []Address // tried in turn
	// Find says in place of Addresses where to connect to, each time anew. It should end with its context.
	Find   func(ctx context.Context) ([]Address, error)
	To     string // what is found, for people
	TLS    *tls.Config
	Dial   func(ctx context.Context, network, address string) (net.Conn, error) // nil = net.Dialer
	Logger *slog.Logger

	Publishes   bool // the connection is used to publish
	MaxMessages int  // bounds of the send log; 0 = the defaults
	MaxBytes    int
	Keeper      Keeper // keeps what is posted in an envelope that says so; may be nil

	Answered func(props amqp.RawProperties, body []byte) // gets answers that no Call waits for; may be nil
	Lost     func(*Publisher)                            // called when a connection is lost, or not needed any more; may be nil

	Doubts    bool          // one who does not answer is given up within seconds, where somebody waits for him
	Heartbeat time.Duration // 0 = 30 s, less if the other side wants less
	Connect   time.Duration // bounds one attempt, handshake included; 0 = 10 s
}

const (
	defaultHeartbeat = 30 * time.Second
	defaultConnect   = 10 * time.Second
	firstBackoff     = 20 * time.Millisecond
	lastBackoff      = 2 * time.Second
	lastRefusal      = 30 * time.Second // the longest pause before somebody who refused the login is asked again
	settledAfter     = time.Second      // a connection that lived so long was a good one
	answerTimeout    = 30 * time.Second
	goodbyeTimeout   = time.Second
)

// Conn keeps one AMQP connection up until it is closed: it dials again with a jittered
// backoff, declares and consumes again what it was told to, and publishes again
// what was not confirmed. Any goroutine may use it.
//
//	              ┌────────────── backoff ◄───────────────┐
//	              ▼                                       │ broken
//	New ──► dial, handshake ──► reconcile: channels, ──► up ──► reconcile when
//	                            queues, consumers               something is wanted
//
// One manager goroutine owns this cycle. It compares what is wanted (queues,
// consumers, replies) with what the present connection has and asks the broker for the
// difference, one question after the other.
type Conn struct {
	cfg Config
	pub *Publisher

	// Owned by the manager.
	succession session.Succession // of the latest attempt
	told       []string           // refusals that the log has told of since the last connection

	ctx    context.Context // ends when Close is called
	cancel context.CancelFunc
	ended  chan struct{}
	poked  chan struct{} // something is wanted; one place

	mu        sync.Mutex
	queues    map[string]*Queue
	missing   map[*Queue]bool // took nothing, so that it may have gone
	exchanges map[string]*Exchange
	consumers map[*Consumer]struct{}
	state     State
	changed   chan struct{} // closed when state changes
}

// State is whether a connection is up, and if not, why.
type State struct {
	Up      bool
	Err     error  // why it is down; nil before the first attempt has ended
	Product string // what the other side calls itself, while up
}

// New starts a connection. It does not wait for it.
func New(cfg Config) *Conn {
	if cfg.Dial == nil {
		cfg.Dial = (&net.Dialer{}).DialContext
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Heartbeat <= 0 {
		cfg.Heartbeat = defaultHeartbeat
	}
	if cfg.Connect <= 0 {
		cfg.Connect = defaultConnect
	}
	c := &Conn{
		cfg:       cfg,
		ended:     make(chan struct{}),
		poked:     make(chan struct{}, 1),
		queues:    make(map[string]*Queue),
		missing:   make(map[*Queue]bool),
		exchanges: make(map[string]*Exchange),
		consumers: make(map[*Consumer]struct{}),
		changed:   make(chan struct{}),

		succession: cfg.newSuccession(),
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.pub = newPublisher(cfg.MaxMessages, cfg.MaxBytes, c.poke, cfg.Keeper)
	c.pub.answered, c.pub.untaken = cfg.Answered, c.miss
	go c.run()
	return c
}

// To is where the connection goes: its addresses, which are tried in turn, or what is found each time.
func (c *Conn) To() string {
	if c.cfg.Find != nil {
		return c.cfg.To
	}
	var b strings.Builder
	for i, at := range c.cfg.Addresses {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(at.String())
	}
	return b.String()
}

// Publisher returns the publishing half; only for a connection that publishes.
func (c *Conn) Publisher() *Publisher { return c.pub }

// State returns the present state and a channel that is closed when it changes.
func (c *Conn) State() (State, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state, c.changed
}

func (c *Conn) setState(s State) {
	c.mu.Lock()
	c.state = s
	close(c.changed)
	c.changed = make(chan struct{})
	c.mu.Unlock()
}

// Close says goodbye and ends the connection and all its goroutines. What is unconfirmed is
// decided with ErrClosed; see Publisher.Flush.
func (c *Conn) Close() {
	c.cancel()
	<-c.ended
}

// poke has the manager look at what is wanted.
func (c *Conn) poke() {
	select {
	case c.poked <- struct{}{}:
	default:
	}
}

// run is the manager goroutine.
func (c *Conn) run() {
	defer close(c.ended)
	defer c.over()
	places, turn, failures, refused := c.cfg.Addresses, 0, 0, 0 // failures counts rounds, refused who did in this one
	for c.ctx.Err() == nil {
		if turn == 0 && c.cfg.Find != nil {
			var err error
			if places, err = c.find(); err != nil {
				failures++
				c.failed(fmt.Errorf("%w: %w", ErrDown, err))
				c.pause(backoff(failures, lastBackoff))
				continue
			}
		}
		at := places[turn]
		w, err := c.connect(at)
		if err != nil {
			c.failed(fmt.Errorf("%w: %s: %w", ErrDown, at, err))
			if refusesLogin(err) {
				refused++
			}
			if turn = (turn + 1) % len(places); turn == 0 {
				failures++
				c.pauseAfter(places, failures, refused == len(places))
				refused = 0
			}
			continue
		}
		refused = 0
		since := time.Now()
		err = c.serve(w)
		if c.ctx.Err() != nil {
			return
		}
		level := slog.LevelWarn
		if w.left.Load() { // it was to be
			level = slog.LevelInfo
		}
		c.cfg.Logger.Log(c.ctx, level, "connection lost", "to", at.String(), "error", err)
		c.setState(State{Err: err})
		if errors.Is(err, ErrNoAnswer) || errors.Is(err, ErrSilent) { // it may keep the next attempt waiting, too
			turn = (turn + 1) % len(places)
		}
		if time.Since(since) > settledAfter {
			failures = 0 // at once, and mostly the same address
			continue
		}
		failures++
		c.pause(backoff(failures, lastBackoff))
	}
}

// find asks where to connect to.
func (c *Conn) find() ([]Address, error) {
	ctx, cancel := context.WithTimeout(c.ctx, c.cfg.Connect)
	defer cancel()
	places, err := c.cfg.Find(ctx)
	if err == nil && len(places) == 0 {
		err = errors.New("no address is known")
	}
	return places, err
}

// pauseAfter waits after the n-th round of attempts: for longer if all refused the login, which costs them more than it costs who is refused, and which
// they mostly do again. If others are found in their place meanwhile, these are tried at once.
func (c *Conn) pauseAfter(places []Address, n int, refused bool) {
	if !refused {
		c.pause(backoff(n, lastBackoff))
		return
	}
	end := time.Now().Add(backoff(n, lastRefusal))
	for time.Until(end) > lastBackoff && c.ctx.Err() == nil {
		c.pause(lastBackoff)
		if c.cfg.Find != nil && c.findOthers(places) {
			return
		}
	}
	c.pause(time.Until(end))
}

// findOthers reports whether there are other addresses by now.
func (c *Conn) findOthers(than []Address) bool {
	now, err := c.find()
	return err == nil && slices.ContainsFunc(now, func(at Address) bool { return !slices.Contains(than, at) })
}

// backoff is the pause after the n-th round of attempts.
func backoff(n int, longest time.Duration) time.Duration {
	d := min(firstBackoff<<min(n-1, 20), longest)
	return d/2 + rand.N(d/2)
}

func (c *Conn) pause(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-c.ctx.Done():
	}
}

// failed records an attempt that did not lead to a connection.
func (c *Conn) failed(err error) {
	if c.ctx.Err() != nil {
		return
	}
	before := c.downBefore()
	if refusal(err) {
		c.pub.refuse(err)
	} else {
		c.pub.down(err)
	}
	c.setState(State{Err: err})
	c.eachConsumer(func(u *Consumer) { u.attempted(err) })
	level := slog.LevelDebug
	if news := refusal(err) && c.isNews(err.Error()); news || before == nil { // again and again would be noise
		level = slog.LevelWarn
	}
	c.cfg.Logger.Log(c.ctx, level, "cannot connect", "error", err)
}

// isNews reports whether the log has not told of a refusal since the last connection.
func (c *Conn) isNews(refusal string) bool {
	if slices.Contains(c.told, refusal) {
		return false
	}
	c.told = append(c.told[max(0, len(c.told)-mostTold+1):], refusal)
	return true
}

// mostTold is how many refusals are known to have been told of.
const mostTold = 16

func (c *Conn) downBefore() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.Err
}

// refusal tells a failure that waiting will not mend.
func refusal(err error) bool {
	var cert *tls.CertificateVerificationError
	return refusesLogin(err) || errors.As(err, &cert)
}

// refusesLogin tells the answer of somebody who does not let this one in.
func refusesLogin(err error) bool {
	var refused *amqp.Error
	return errors.As(err, &refused) && (refused.Code == amqp.AccessRefused || refused.Code == amqp.NotAllowed)
}

// connect makes one attempt.
func (c *Conn) connect(at Address) (*wire, error) {
	ctx, cancel := context.WithTimeout(c.ctx, c.cfg.Connect)
	defer cancel()
	nc, err := c.open(ctx, at)
	if err != nil {
		return nil, err
	}
	return greet(ctx, c, nc, at)
}

// open makes a connection, on which nothing has been said yet.
func (c *Conn) open(ctx context.Context, at Address) (net.Conn, error) {
	nc, err := c.cfg.Dial(ctx, "tcp", at.Host)
	if err == nil && at.Near && isFar(nc.RemoteAddr()) {
		nc.Close()
		return nil, errFar
	}
	if err != nil || !at.TLS {
		return nc, err
	}
	return Secure(ctx, nc, at, c.cfg.TLS)
}

// errFar is why nothing is said where a node let nobody in whom it has not known by TLS: that one there is none.
var errFar = errors.New("it is on another machine, and without TLS")

// isFar reports whether an address is another machine's. One that is no IP address is of a network within this process.
func isFar(addr net.Addr) bool {
	at, err := netip.ParseAddrPort(addr.String())
	return err == nil && !at.Addr().Unmap().IsLoopback()
}

// Secure makes a connection to at one with TLS, or closes it. cfg may be nil.
func Secure(ctx context.Context, nc net.Conn, at Address, cfg *tls.Config) (net.Conn, error) {
	if cfg == nil {
		cfg = &tls.Config{}
	}
	if cfg.ServerName == "" {
		cfg = cfg.Clone()
		if cfg.ServerName = at.Name; at.Name == "" {
			cfg.ServerName, _, _ = net.SplitHostPort(at.Host)
		}
	}
	if at.Key != "" {
		cfg = cfg.Clone()
		pin(cfg, at.Key)
	}
	tc := tls.Client(socket.Under(nc), cfg)
	if err := tc.HandshakeContext(ctx); err != nil {
		nc.Close()
		return nil, fmt.Errorf("TLS: %w", err)
	}
	return tc, nil
}

// serve uses a connection until it ends, and returns why it did.
func (c *Conn) serve(w *wire) error {
	c.pub.attach(w.link, w.turns, w.frameMax, w.proto.Peer().MaxMessage(), w.product, w.packs)
	level := slog.LevelDebug
	if c.downBefore() != nil { // that it was down has been told
		level = slog.LevelInfo
	}
	c.setState(State{Up: true, Product: w.product})
	c.told = nil
	if w.left.Load() { // so soon
		w.leaving()
	}
	c.cfg.Logger.Log(c.ctx, level, "connected", "to", w.at.String(), "product", w.product)
	beat := newHeart(w)
	defer beat.stop()
	doubt := newDoubt(w)
	defer doubt.stop()
	unserved := newUnserved(w)
	defer unserved.stop()
	bound := newBound(w)
	defer bound.stop()
	for {
		if err := c.reconcile(w); err != nil && c.ctx.Err() == nil { // else what waits to be written goes with the goodbye
			w.link.Close(err)
		}
		select {
		case <-w.link.Done():
			return c.lost(w)
		case <-c.poked:
		case <-beat.tick():
			beat.check()
		case <-doubt.tick():
			doubt.look()
		case <-unserved.tick():
			if err := unserved.look(); err != nil && c.ctx.Err() == nil {
				w.link.Close(err)
			}
		case <-bound.tick():
			if err := bound.look(); err != nil && c.ctx.Err() == nil {
				w.link.Close(err)
			}
		case <-c.ctx.Done():
			w.goodbye()
			return c.lost(w)
		}
	}
}

// lost cleans up after a connection and returns why it ended.
func (c *Conn) lost(w *wire) error {
	<-w.readerEnded
	err := w.link.Err()
	c.pub.detach(err, w.blame())
	if c.cfg.Lost != nil {
		c.cfg.Lost(c.pub)
	}
	c.eachConsumer(func(u *Consumer) { u.detach() })
	return err
}

// over is the last thing the manager does.
func (c *Conn) over() {
	c.pub.close()
	c.setState(State{Err: ErrClosed})
	c.eachConsumer(func(u *Consumer) { u.over() })
}

func (c *Conn) eachConsumer(do func(*Consumer)) {
	c.mu.Lock()
	all := make([]*Consumer, 0, len(c.consumers))
	for u := range c.consumers {
		all = append(all, u)
	}
	c.mu.Unlock()
	for _, u := range all {
		do(u)
	}
}
