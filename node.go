package postrider

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
	"weak"

	"github.com/postrider-mq/postrider/broker"
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
	repeats   map[string]*repeats                // of what is received, by where
	parted    map[string]int                     // with how many partitions a mailbox is used
	reaches   map[place]*reach
	sending   *client.Conn // to the brokers; separate, so that back-pressure
	receiving *client.Conn // on one does not stop acks on the other
	resuming  *time.Timer  // of what the outbox has for mailboxes, until they are named; nil: nothing
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
	if err := cfg.check(); err != nil {
		return nil, err
	}
	n := &Node{
		cfg:     cfg,
		log:     cfg.Logger,
		ids:     newIdentity(),
		peers:   make(map[string]place, len(cfg.Peers)),
		targets: make(map[targetKey]*Target),
		repeats: make(map[string]*repeats),
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
		return n.cfg.about(err)
	}
	way := &local{at: n.local, queue: n.cfg.Name, from: n.cfg.Name, of: client.Mailbox(n.cfg.Name), made: n.boundInbox}
	n.inbox = &inbox{local: way, packs: packs{open: make(map[*packed]struct{}), enough: n.cfg.enough()}}
	n.warnOfAnothersDir()
	if _, err := way.sure(ctx); err != nil {
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

func (n *Node) boundInbox() error {
	return n.local.broker.Bound(n.cfg.Name, n.cfg.inboxMessages(), n.cfg.inboxBytes())
}

// warnOfAnothersDir tells of messages in a directory in which no node of this name has been: what waits there in another node's inbox does not move to this one's.
func (n *Node) warnOfAnothersDir() {
	var waiting []broker.QueueStats
	known := false
	n.local.broker.EachQueue(func(q broker.QueueStats) {
		known = known || q.Name == n.cfg.Name
		if q.Ready > 0 {
			waiting = append(waiting, q)
		}
	})
	if known || len(waiting) == 0 {
		return
	}
	slices.SortFunc(waiting, func(a, b broker.QueueStats) int { return strings.Compare(a.Name, b.Name) })
	var first []string
	for _, q := range waiting[:min(len(waiting), 5)] {
		first = append(first, fmt.Sprintf("%s (%d)", q.Name, q.Ready))
	}
	n.log.Warn("Config.Dir holds messages, but no inbox of this node: if the node had another name, what came into its inbox waits in the mailbox of that name",
		"dir", n.cfg.Dir, "waiting", strings.Join(first, ", "), "queues", len(waiting))
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
