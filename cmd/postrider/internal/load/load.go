package load

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/postrider-mq/postrider/cmd/postrider/internal/child"
	"github.com/postrider-mq/postrider/internal/client"
	"github.com/postrider-mq/postrider/internal/measure"
)

// A Load is one whose processes run. One goroutine works with it.
type Load struct {
	shape Shape
	where Where
	run   uint64
	begin int64 // when it began, on the machine's clock

	broker        *child.Process
	brokerAddress string
	brokers       []string // URLs
	senders       []*node
	receivers     []*node
	shares        []int // of the receivers
	peerAt        string
	orders        []sendOrder

	mu       sync.Mutex // Of what follows.
	arrivals []arrival
}

// arrival is one with who got it.
type arrival struct {
	Arrival
	receiver int
}

// bob is the name of the peer that is started.
const bob = "bob"

// Open starts the processes of a load, and opens the ways between them. Close ends them, whatever Open returns.
func Open(ctx context.Context, where Where, shape Shape) (*Load, error) {
	var number [8]byte
	rand.Read(number[:])
	l := &Load{shape: shape, where: where, run: binary.LittleEndian.Uint64(number[:])}
	if l.where.Mailbox == "" {
		l.where.Mailbox = NewMailbox()
	}
	for _, step := range []func(context.Context) error{l.startBroker, l.startReceivers, l.startSenders} {
		if err := step(ctx); err != nil {
			return l, err
		}
	}
	return l, nil
}

// NewMailbox is a name that nobody uses.
func NewMailbox() string { return "postrider-load-" + strings.ToLower(rand.Text()[:8]) }

func (l *Load) direct() bool { return l.shape.Way.Direct() }

// keys are none where all that takes part was started here.
func (l *Load) keys() Keys {
	if l.direct() && l.where.Peer == "" || !l.direct() && len(l.where.Brokers) == 0 {
		return Keys{}
	}
	return l.where.Keys
}

func (l *Load) startBroker(ctx context.Context) (err error) {
	if l.direct() {
		return nil
	}
	if l.brokers = l.where.Brokers; len(l.brokers) > 0 {
		return nil
	}
	if l.brokerAddress, err = child.FreeAddress(); err != nil {
		return err
	}
	l.brokers = []string{"amqp://" + l.brokerAddress}
	return l.ReturnBroker(ctx)
}

// OwnBroker reports whether the broker is one that was started here.
func (l *Load) OwnBroker() bool { return l.brokerAddress != "" }

// KillBroker kills it as nothing can defend itself against.
func (l *Load) KillBroker() { l.broker.Kill() }

// ReturnBroker starts it again where it was.
func (l *Load) ReturnBroker(ctx context.Context) (err error) {
	var more []string
	if l.where.Sync != "" {
		more = []string{"--sync", l.where.Sync}
	}
	l.broker, err = child.StartBroker(ctx, l.where.Program, l.brokerAddress, filepath.Join(l.where.Dir, "broker"), more...)
	return err
}

// startReceivers starts them: all in one process if they share an inbox.
func (l *Load) startReceivers(ctx context.Context) (err error) {
	l.peerAt = l.where.PeerAt
	if l.where.Peer != "" || l.shape.Receivers == 0 {
		return nil
	}
	l.shares = spread(l.shape.Receivers, l.shape.Processes)
	if l.direct() {
		l.shares = []int{l.shape.Receivers}
		if l.peerAt, err = child.FreeAddress(); err != nil {
			return err
		}
	}
	l.receivers = make([]*node, len(l.shares))
	for i := range l.receivers {
		if err := l.ReturnReceiver(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

// KillReceiver kills the process of the first receivers.
func (l *Load) KillReceiver() { l.receivers[0].Kill() }

// ReturnReceiver starts receivers again, with what they had on disk.
func (l *Load) ReturnReceiver(ctx context.Context, i int) error {
	s := setup{Name: fmt.Sprintf("receiver-%d", i+1), Brokers: l.brokers, Keys: l.keys()}
	o := receiveOrder{
		Run: l.run, Mailbox: l.where.Mailbox, Workers: l.shares[i], Prefetch: l.shape.Prefetch,
		Handling: l.shape.Handling, Tell: l.shape.Ledger,
	}
	if l.direct() {
		s.Name, s.Listen, o.Mailbox = bob, l.peerAt, ""
		if !l.shape.Transient {
			s.Dir = filepath.Join(l.where.Dir, bob)
		}
	}
	r, err := child.StartNode[order](ctx, s.Name, l.where.Program, NodeVerb, s, func(r report) { l.got(i, r) })
	if err != nil {
		return err
	}
	l.receivers[i] = r
	_, err = r.Do(ctx, order{Receive: &o})
	return err
}

func (l *Load) got(receiver int, r report) {
	if r.Got == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.arrivals = append(l.arrivals, arrival{*r.Got, receiver})
}

// startSenders starts them and has each connect.
func (l *Load) startSenders(ctx context.Context) error {
	s := setup{Brokers: l.brokers, Keys: l.keys()}
	o := sendOrder{
		Run: l.run, Mailbox: l.where.Mailbox, Waits: l.shape.Way.Waits(), Handled: l.shape.Handled, Transient: l.shape.Transient,
		Body: l.shape.Body, InFlight: l.shape.InFlight, Rate: l.shape.Rate / float64(l.shape.Senders),
		Count: l.shape.Count, Of: uint64(l.shape.Senders), For: l.shape.For, Timeout: l.shape.Timeout, Keep: l.shape.Ledger,
		Stall: l.shape.Stall,
	}
	if err := l.route(ctx, &s, &o); err != nil {
		return err
	}
	first := uint32(0)
	for i, n := range spread(l.shape.Senders, l.shape.Processes) {
		s.Name = fmt.Sprintf("sender-%d", i+1)
		one, err := child.StartNode[order, report](ctx, s.Name, l.where.Program, NodeVerb, s, nil)
		if err != nil {
			return err
		}
		l.senders = append(l.senders, one)
		o.First, o.Senders = first, n
		l.orders = append(l.orders, o)
		first += uint32(n)
		hello := o
		hello.Timeout = max(o.Timeout, openTime)
		if _, err := one.Do(ctx, order{Prepare: &hello}); err != nil {
			return err
		}
	}
	return nil
}

// openTime is how long a target may take to be there.
const openTime = 30 * time.Second

// route says where the senders find their target.
func (l *Load) route(ctx context.Context, s *setup, o *sendOrder) (err error) {
	through := l.where.Through
	if through == nil {
		through = func(_ context.Context, address string) (string, error) { return address, nil }
	}
	if l.direct() {
		s.Brokers = nil
		o.Mailbox, o.Peer = "", bob
		if l.where.Peer != "" {
			o.Peer = l.where.Peer
		}
		if l.peerAt == "" {
			s.Brokers = l.where.Brokers
			return nil
		}
		at, err := through(ctx, l.peerAt)
		s.Peers = map[string]string{o.Peer: at}
		return err
	}
	if l.where.Through == nil {
		return nil
	}
	to, err := url.Parse(l.Broker())
	if err != nil {
		return err
	}
	at, err := client.ParseURL(l.Broker())
	if err != nil {
		return err
	}
	to.Host, err = through(ctx, at.Host)
	s.Brokers = []string{to.String()}
	return err
}

// headStart is what processes get to hear when they are to begin.
const headStart = 50 * time.Millisecond

// Run has the senders send, and waits until all that came of it has come. During it, during is called, unless nil, in a goroutine of its own with when the
// load began; Run returns when it has, and with its error.
func (l *Load) Run(ctx context.Context, during func(ctx context.Context, began int64) error) (*Outcome, error) {
	l.begin = measure.Now() + int64(headStart)
	before := l.usage()
	disturbed := make(chan error, 1)
	if during == nil {
		disturbed <- nil
	} else {
		go func() { disturbed <- during(ctx, l.begin) }()
	}
	lines, err := l.send(ctx)
	if other := <-disturbed; other != nil {
		err = other
	}
	if err != nil {
		return nil, err
	}
	o, err := l.settle(ctx, lines)
	if err != nil {
		return nil, err
	}
	o.Costs = costs(before, l.usage())
	return o, nil
}

// send has all senders send, and returns what they did.
func (l *Load) send(ctx context.Context) (lines []sentLine, err error) {
	answers := make([]child.Answer[report], len(l.senders))
	for i, s := range l.senders {
		o := l.orders[i]
		o.Begin = l.begin
		if answers[i], err = s.Begin(order{Send: &o}); err != nil {
			return nil, err
		}
	}
	for i, s := range l.senders {
		r, err := s.Finish(ctx, answers[i])
		if err != nil {
			return nil, err
		}
		lines = append(lines, r.Sent...)
	}
	return lines, nil
}

// poll is how often what has come is asked for.
const poll = 20 * time.Millisecond

// settle waits until all that was confirmed has come, or nothing more does, and closes the books.
func (l *Load) settle(ctx context.Context, lines []sentLine) (*Outcome, error) {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	var seen uint64
	changed := measure.Now()
	for {
		came, err := l.came(ctx)
		if err != nil {
			return nil, err
		}
		if came != seen {
			seen, changed = came, measure.Now()
		}
		quiet := measure.Now()-changed > int64(l.shape.Quiet)
		if l.received() && came >= confirmedOf(lines) || quiet || !l.received() {
			o, err := l.close(ctx, lines)
			if err != nil || quiet || !l.received() || o.Lost == 0 {
				return o, err
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// received reports whether the receivers are ours.
func (l *Load) received() bool { return len(l.receivers) > 0 }

// came is how many messages have come so far, repeats included.
func (l *Load) came(ctx context.Context) (n uint64, err error) {
	if l.shape.Ledger {
		l.mu.Lock()
		defer l.mu.Unlock()
		return uint64(len(l.arrivals)), nil
	}
	p, err := l.progressOf(ctx, l.receivers)
	return p.Got, err
}

// Progress is how far a load is.
type Progress struct{ Sent, Confirmed, Failed, Got uint64 }

// Progress asks all processes how far they are.
func (l *Load) Progress(ctx context.Context) (Progress, error) {
	s, err := l.progressOf(ctx, l.senders)
	if err != nil {
		return Progress{}, err
	}
	r, err := l.progressOf(ctx, l.receivers)
	return Progress{s.Sent, s.Confirmed, s.Failed, r.Got}, err
}

func (l *Load) progressOf(ctx context.Context, nodes []*node) (all progress, err error) {
	for _, n := range nodes {
		r, err := n.Do(ctx, order{Progress: true})
		if err != nil {
			return all, err
		}
		if p := r.Progress; p != nil {
			all.Sent += p.Sent
			all.Confirmed += p.Confirmed
			all.Failed += p.Failed
			all.Got += p.Got
		}
	}
	return all, nil
}

// Mailbox is the one that a load goes through.
func (l *Load) Mailbox() string { return l.where.Mailbox }

// Broker is the URL of the one that a load goes through; "" without one.
func (l *Load) Broker() string {
	if len(l.brokers) == 0 {
		return ""
	}
	return l.brokers[0]
}

// Close ends all processes.
func (l *Load) Close() {
	var all sync.WaitGroup
	for _, n := range append(l.senders, l.receivers...) {
		if n != nil {
			all.Go(n.End)
		}
	}
	all.Wait()
	if l.broker != nil {
		l.broker.End()
	}
}

// Logs is what the processes have logged, for who wants to know why a load failed.
func (l *Load) Logs() string {
	var b strings.Builder
	show := func(p *child.Process) {
		if log := p.Log(); log != "" {
			fmt.Fprintf(&b, "log of %s, its end:\n%s\n", p.Name, log)
		}
	}
	for _, n := range append(l.senders, l.receivers...) {
		if n != nil {
			show(n.Process)
		}
	}
	if l.broker != nil {
		show(l.broker)
	}
	return b.String()
}

var errNothing = errors.New("nothing was sent")
