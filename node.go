package postrider

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
	"weak"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/client"
)

// Node is one process's part of the system: its inbox, its connections to peers and brokers, and the
// broker embedded in it. Any goroutine may use it. Nodes share nothing: a process can run many.
type Node struct {
	cfg     Config
	log     *slog.Logger
	ids     *identity
	out     SendFunc // the middleware of what is sent; nil: none
	peers   map[string]place
	mail    []place // the brokers
	local   *embedded
	inbox   *inbox
	kept    *keeper // nil without a directory
	marker  *marker // likewise
	asked   *asked
	rolls   *rolls
	calls   *calls
	control *control
	sealing *sealing        // nil without keys
	ctx     context.Context // ends when the node closes
	cancel  context.CancelFunc

	counts counts

	workers sync.WaitGroup // goroutines that run a caller's code, or wait for it

	mu        sync.Mutex
	leaving   bool // nothing new is received
	closing   bool // nor handled
	closed    bool
	targets   map[targetKey]*Target
	found     map[targetKey]weak.Pointer[Target] // peers that the configuration does not know
	parted    map[string]int                     // with how many partitions a mailbox is used
	reaches   map[place]*reach
	sending   *client.Conn // to the brokers; separate, so that back-pressure
	receiving *client.Conn // on one does not stop acks on the other
	taps      map[*tap]struct{}
	stirred   chan struct{} // one place: a mailbox in memory may be empty now, see emptyMailboxes
	over      chan struct{} // closed when Close is done
	orderly   bool          // it was in good order; set before over is closed, read after

	cancelsOnce  sync.Once
	cancels      *client.Consumer // set in it; nil without a broker of their own
	receiptsOnce sync.Once
	receipts     string // the queue that receipts come to by way of the brokers
}

// Start starts a node. It fails when the configuration is wrong, the directory cannot be used or the
// listener cannot be opened. It does not wait for peers or brokers: those are connected to when they
// are first needed, and what is posted to them waits.
//
// ctx bounds the start alone. The node runs until Close or Shutdown.
func Start(ctx context.Context, cfg Config) (*Node, error) {
	n, err := newNode(cfg)
	if err != nil {
		return nil, fmt.Errorf("postrider: %w", err)
	}
	if err := n.open(ctx); err != nil {
		n.Close()
		return nil, fmt.Errorf("postrider: %w", err)
	}
	return n, nil
}

func newNode(cfg Config) (*Node, error) {
	if err := checkName("Config.Name", cfg.Name); err != nil {
		return nil, err
	}
	n := &Node{
		cfg:     cfg,
		log:     cfg.Logger,
		ids:     newIdentity(),
		peers:   make(map[string]place, len(cfg.Peers)),
		targets: make(map[targetKey]*Target),
		parted:  make(map[string]int),
		found:   make(map[targetKey]weak.Pointer[Target]),
		reaches: make(map[place]*reach),
		taps:    make(map[*tap]struct{}),
		stirred: make(chan struct{}, 1),
		over:    make(chan struct{}),
		asked:   newAsked(cfg),
		rolls:   newRolls(),
		calls:   newCalls(),
	}
	n.out = n.outward()
	if n.log == nil {
		n.log = slog.Default()
	}
	n.log = n.log.With("node", cfg.Name)
	var err error
	if n.sealing, err = newSealing(cfg, n.log); err != nil {
		return nil, err
	}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	for _, u := range cfg.Brokers {
		at, err := brokerAt(u)
		if err != nil {
			return nil, fmt.Errorf("Config.Brokers: %w", err)
		}
		n.mail = append(n.mail, at)
	}
	for name, where := range cfg.Peers {
		if err := checkName("a name in Config.Peers", name); err != nil {
			return nil, err
		}
		at, err := n.peerAt(where)
		if err != nil {
			return nil, fmt.Errorf("Config.Peers[%q]: %w", name, err)
		}
		n.peers[name] = at
	}
	return n, nil
}

// open opens what the node owns, the listener last: who connects finds the inbox.
func (n *Node) open(ctx context.Context) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	if n.local, err = openEmbedded(n.ctx, n.cfg, n.log, n.asked, func() { n.inbox.pace() }); err != nil {
		return n.cfg.about(err)
	}
	if n.kept, err = openKeeper(n.cfg, n.log); err != nil {
		return n.cfg.about(err)
	}
	if n.marker, err = openMarker(n.cfg, n.log); err != nil {
		return err
	}
	way, err := n.local.queue(ctx, client.Mailbox(n.cfg.Name), n.cfg.Name)
	if err != nil {
		return err
	}
	n.inbox = &inbox{local: way, packs: packs{open: make(map[*packed]struct{}), enough: n.cfg.enough()}}
	if err := n.local.broker.Bound(n.cfg.Name, n.cfg.inboxMessages(), n.cfg.inboxBytes()); err != nil {
		return err
	}
	if n.control, err = openControl(ctx, n); err != nil {
		return err
	}
	ln, err := listen(ctx, n.cfg)
	if err != nil {
		return err
	}
	if ln != nil {
		n.local.serve(ln)
		n.bePresent()
	}
	n.takeRelayed()
	n.resume()
	return nil
}

// about names what an error of the node's own disk is about.
func (c *Config) about(err error) error {
	if c.Dir == "" {
		return err
	}
	return fmt.Errorf("Config.Dir: %w", err)
}

// Name is the node's name.
func (n *Node) Name() string { return n.cfg.Name }

// Addr is the address where peers reach this node; nil when it does not listen.
func (n *Node) Addr() net.Addr { return n.local.addr() }

// Shutdown ends the node in good order:
//
//   - Its peers are told. From then on it takes nothing from them: what they post waits in their outboxes, and who waits for a message [From] this
//     node learns that it is down. It receives no more from mailboxes on brokers.
//   - What is in the inbox by then is handled, until it is empty or nobody here receives it. So is what is in mailboxes in this node's own memory.
//   - Handlers and loops are stopped; what they have begun is finished and answered.
//   - What was posted is delivered, and the node closes.
//
// ctx bounds all of it: when it ends first, the node is closed at once, and the error is ctx's. With [Config.Dir] the inbox has half of ctx's
// time to become empty; what is in it then is there after a restart, as mailboxes are. Without, some messages are lost: those that nobody handled, that
// failed and wait for another try, and dead letters. Then the error is a [*LostError]. What a broker or peer will never take, because it
// refuses the login, is not waited for; the error says so. It is [ErrClosed] when Close has ended the node first.
//
// A handler must not wait for it, nor a loop over [Node.Messages]: it would wait for itself.
func (n *Node) Shutdown(ctx context.Context) error {
	if ctx.Value(handling{}) == n {
		return errOwnHandler
	}
	n.sayBye()
	left := make(chan error, 1)
	go func() { left <- wait(ctx, func() { n.stopReceiving((*Target).away) }) }()
	err := n.drain(ctx)
	if err == nil {
		err = n.emptyMailboxes(ctx)
	}
	if e := <-left; err == nil {
		err = e
	}
	n.mu.Lock()
	n.closing = true
	n.mu.Unlock()
	if err == nil {
		err = wait(ctx, func() { n.stopReceiving(everywhere) })
	}
	if err == nil {
		err = wait(ctx, n.workers.Wait)
	}
	if err == nil {
		err = n.marker.flush(ctx)
	}
	if err == nil {
		err = n.flush(ctx)
	}
	return errors.Join(err, n.end(err == nil, n.lost))
}

// sayBye, once, ends listening and lets peers know that nothing more is taken into the inbox; answers to what they have asked still come.
func (n *Node) sayBye() {
	n.mu.Lock()
	first := !n.leaving
	n.leaving = true
	n.mu.Unlock()
	n.inbox.beginToDrain()
	n.hurry()
	if !first {
		return
	}
	if err := n.local.broker.Leave(n.cfg.Name, n.inbox.remaining); err != nil {
		n.log.Warn("peers were not told that this node shuts down", "error", err)
	}
}

func everywhere(*Target) bool { return true }

// stopReceiving ends the handlers and loops at some targets.
func (n *Node) stopReceiving(at func(*Target) bool) {
	n.mu.Lock()
	taps := make([]*tap, 0, len(n.taps))
	for t := range n.taps {
		if at(t.target) {
			taps = append(taps, t)
		}
	}
	n.mu.Unlock()
	for _, t := range taps {
		t.stop()
	}
}

// begin counts workers about to start; false when the node is closing.
func (n *Node) begin(workers int) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.closing {
		n.workers.Add(workers)
	}
	return !n.closing
}

// wait waits for what cannot be told to stop.
func wait(ctx context.Context, what func()) error {
	done := make(chan struct{})
	go func() {
		what()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// flush waits until the outboxes are empty, but for those that nobody will ever take.
func (n *Node) flush(ctx context.Context) error {
	var failed error
	for _, c := range n.connections() {
		if err := c.Publisher().Flush(ctx); err != nil {
			failed = errors.Join(failed, fmt.Errorf("postrider: %s: %w", n.undelivered(c), err))
		}
	}
	return failed
}

// undelivered says what is left in the outbox of a connection.
func (n *Node) undelivered(c *client.Conn) string {
	messages, _ := c.Publisher().Pending()
	text := "1 message was not delivered"
	if messages != 1 {
		text = fmt.Sprintf("%d messages were not delivered", messages)
	}
	if n.kept != nil {
		text += "; what was posted stays in the outbox, for the next start"
	}
	return text
}

func (n *Node) laneConnections() (all []*client.Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, r := range n.reaches {
		if r.lane != nil {
			all = append(all, r.lane)
		}
	}
	return all
}

func (n *Node) connections() []*client.Conn {
	n.mu.Lock()
	defer n.mu.Unlock()
	var all []*client.Conn
	if n.sending != nil {
		all = append(all, n.sending)
	}
	if n.receiving != nil {
		all = append(all, n.receiving)
	}
	for _, r := range n.reaches {
		all = append(all, r.conn)
	}
	return all
}

// handlerGrace is how long Close waits for handlers that do not heed their context.
const handlerGrace = time.Second

// Close ends the node at once. Sends and calls that wait fail with [ErrClosed]; what was posted and not confirmed is
// dropped, or waits in [Config.Dir] for the next start, and its receipts say [ErrClosed]; what was received and not settled goes back. The
// contexts of handlers end, and Close waits a second for them to return. It may be called again, and then
// waits for the first call; a handler should not wait for it.
//
// The log tells how many messages that were posted are dropped.
func (n *Node) Close() error {
	n.sayWhatIsDropped()
	return n.end(false, func() error { return nil })
}

func (n *Node) sayWhatIsDropped() {
	n.mu.Lock()
	closed := n.closed
	n.mu.Unlock()
	if closed || n.kept != nil {
		return
	}
	for _, c := range n.connections() {
		if messages := c.Publisher().Posted(); messages > 0 {
			n.log.Warn("closed before all that was posted was confirmed: that is dropped; Shutdown would have waited for it", "messages", messages, "to", c.To())
		}
	}
}

// end is Close. In good order the last answers still reach their callers. last is called when nothing is handled any more.
func (n *Node) end(orderly bool, last func() error) error {
	n.mu.Lock()
	first := !n.closed
	n.leaving, n.closing, n.closed = true, true, true
	n.stopLooking()
	n.mu.Unlock()
	if !first {
		<-n.over
		if orderly && !n.orderly {
			return ErrClosed
		}
		return nil
	}
	defer close(n.over)
	n.orderly = orderly
	n.cancel()
	n.asked.close()
	var closing sync.WaitGroup
	closing.Go(func() { n.stopReceiving(everywhere) })
	for _, c := range append(n.connections(), n.laneConnections()...) {
		closing.Go(c.Close)
	}
	ctx, cancel := context.WithTimeout(context.Background(), handlerGrace)
	defer cancel()
	if wait(ctx, n.workers.Wait) != nil {
		n.log.Warn("closed while handlers were still running", "waited", handlerGrace)
	}
	if wait(ctx, n.control.wait) != nil {
		n.log.Warn("closed while control messages were still acted upon", "waited", handlerGrace)
	}
	closing.Wait()
	marked := n.marker.close()
	n.asked.closed()
	n.putBackUnseen()
	return errors.Join(marked, last(), n.kept.close(), n.local.close(orderly))
}

// What a connection is for.
type purpose uint8

const (
	toReceive purpose = iota // from brokers
	toSend                   // to brokers
	toPeer
)

// conn makes a connection. The caller holds mu.
func (n *Node) conn(to []place, why purpose) *client.Conn {
	cfg := client.Config{
		Name:        n.cfg.Name,
		TLS:         n.cfg.TLS,
		Dial:        n.cfg.Dial,
		Logger:      n.log,
		Publishes:   why != toReceive,
		Doubts:      why == toPeer,
		MaxMessages: n.cfg.OutboxMessages,
		MaxBytes:    n.cfg.OutboxBytes,
	}
	if n.kept != nil {
		cfg.Keeper = n.kept
	}
	cfg.Answered, cfg.Lost = n.answered, n.asked.lost
	cfg.Addresses, cfg.Find = n.whereabouts(to)
	cfg.To = names(to)
	return client.New(cfg)
}

// answered is told of each answer that no call waits for.
func (n *Node) answered(props amqp.RawProperties, body []byte) {
	if v, err := props.View(); err == nil && n.rolls.answered(string(v.CorrelationID), body) {
		return
	}
	n.asked.answered(props, body)
}

// peerConn is the connection to a peer that the configuration knows; nil to others.
func (n *Node) peerConn(name string) *client.Conn {
	n.mu.Lock()
	defer n.mu.Unlock()
	at, ok := n.peers[name]
	if !ok || n.closed {
		return nil
	}
	return n.connTo(at)
}

// sendingConn is the connection that gives messages to the brokers.
func (n *Node) sendingConn() *client.Conn {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.sendingLocked()
}

// sendingLocked is sendingConn for who holds mu.
func (n *Node) sendingLocked() *client.Conn {
	if n.sending == nil {
		n.sending = n.conn(n.mail, toSend)
		if n.closed {
			n.sending.Close()
		}
	}
	return n.sending
}

// receivingConn is the connection that takes messages from the brokers.
func (n *Node) receivingConn() *client.Conn {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.receiving == nil {
		n.receiving = n.conn(n.mail, toReceive)
		if n.closed {
			n.receiving.Close()
		}
	}
	return n.receiving
}

// checkName checks a name that becomes a queue's.
func checkName(what, name string) error {
	switch {
	case name == "":
		return fmt.Errorf("%s is empty", what)
	case len(name) > client.MaxID:
		return fmt.Errorf("%s is %d bytes long, %d are allowed", what, len(name), client.MaxID)
	case !utf8.ValidString(name):
		return fmt.Errorf("%s %q is not UTF-8", what, name)
	}
	for _, r := range name {
		if unicode.IsControl(r) {
			return fmt.Errorf("%s %q has a control character in it", what, name)
		}
	}
	return nil
}
