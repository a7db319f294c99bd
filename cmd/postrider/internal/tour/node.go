package tour

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/child"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/ways"
)

// nodeProcess is a node of the tour, in its process.
type nodeProcess struct {
	node   *postrider.Node
	ctx    context.Context
	parent *child.Parent[order, report]
	dials  atomic.Int64

	mu       sync.Mutex
	receipts []posted
	counts   map[string]int   // of load messages, by mailbox
	counted  chan struct{}    // closed when counts change
	numbers  map[string][]int // of ledger messages, by mailbox
	streams  map[ways.Way]*stream
}

type posted struct {
	body    string
	receipt *postrider.Receipt
	at      time.Time
}

// Node is the life of a node's process: it carries out the orders that come in, and ends when
// there are no more, or with ctx.
func Node(ctx context.Context, in io.Reader, out, log io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p := &nodeProcess{
		ctx: ctx, parent: child.NewParent[order, report](in, out), counts: map[string]int{}, counted: make(chan struct{}),
		numbers: map[string][]int{}, streams: map[ways.Way]*stream{},
	}
	var s setup
	if err := p.parent.Setup(&s); err != nil {
		return err
	}
	if err := p.start(s, log); err != nil {
		return err
	}
	defer p.node.Close()
	if err := p.parent.Serve(ctx, p.within); err != nil {
		return err
	}
	return p.leave()
}

// leave ends the node in good order: what it has told of having got is acknowledged, and does not come again.
func (p *nodeProcess) leave() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return p.node.Shutdown(ctx)
}

func (p *nodeProcess) start(s setup, log io.Writer) (err error) {
	cfg := postrider.Config{
		Name:   s.Name,
		Listen: s.Listen,
		Peers:  s.Peers,
		Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := (&net.Dialer{}).DialContext(ctx, network, address)
			if err == nil {
				p.dials.Add(1)
			}
			return c, err
		},
	}
	if s.Broker != "" {
		cfg.Brokers = []string{s.Broker}
	}
	p.node, err = postrider.Start(p.ctx, cfg)
	return err
}

func (p *nodeProcess) tell(r report) { p.parent.Tell(r) }

// within bounds an order by its time.
func (p *nodeProcess) within(ctx context.Context, o order) (report, error) {
	if o.Within > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.Within)
		defer cancel()
	}
	return p.do(ctx, o)
}

func (p *nodeProcess) do(ctx context.Context, o order) (report, error) {
	switch o.Do {
	case "program":
		return report{}, programs[o.Way].run(ctx, o.Address)
	case "send":
		return p.send(o), nil
	case "post":
		return p.post(ctx, o), nil
	case "settle":
		return p.settle(ctx), nil
	case "call":
		return p.call(ctx, o), nil
	case "watch":
		return report{}, p.watch()
	case "receive":
		return report{}, p.receive(o)
	case "dials":
		return report{Count: int(p.dials.Load())}, nil
	case "stream":
		return p.stream(o), nil
	case "confirmed":
		return report{Count: int(p.streamOf(o.Way).confirmed.Load())}, nil
	case "halt":
		return p.streamOf(o.Way).halt(ctx)
	case "numbers":
		return p.ledger(ctx, o)
	case "load":
		return p.load(ctx, o)
	case "count":
		return p.count(ctx, o)
	}
	return report{}, fmt.Errorf("no such order: %q", o.Do)
}

func (p *nodeProcess) target(o order) *postrider.Target {
	if o.Way.Direct() {
		return p.node.Peer("bob")
	}
	return p.node.Mailbox(o.Mailbox)
}

// send sends one message after the other, each within the order's time.
func (p *nodeProcess) send(o order) (r report) {
	for _, body := range o.Bodies {
		ctx, cancel := context.WithTimeout(p.ctx, o.Within)
		began := time.Now()
		err := p.target(o).Send(ctx, body)
		f := fateOf(body, err)
		f.Took = time.Since(began)
		cancel()
		r.Fates = append(r.Fates, f)
	}
	return r
}

// post posts messages and keeps the receipts. Grades are those of the moment.
func (p *nodeProcess) post(ctx context.Context, o order) (r report) {
	for _, body := range o.Bodies {
		began := time.Now()
		receipt, err := p.target(o).Post(ctx, body)
		took := time.Since(began)
		f := fateOf(body, err)
		f.Took = took
		if err == nil {
			f.Grade = receipt.Grade().String()
			p.mu.Lock()
			p.receipts = append(p.receipts, posted{body, receipt, began})
			p.mu.Unlock()
		}
		r.Fates = append(r.Fates, f)
	}
	return r
}

// settle waits for the fates of what was posted.
func (p *nodeProcess) settle(ctx context.Context) (r report) {
	p.mu.Lock()
	open := p.receipts
	p.receipts = nil
	p.mu.Unlock()
	for _, m := range open {
		grade, err := m.receipt.Wait(ctx)
		f := fateOf(m.body, err)
		f.Grade, f.Took = grade.String(), time.Since(m.at)
		r.Fates = append(r.Fates, f)
	}
	return r
}

func (p *nodeProcess) call(ctx context.Context, o order) (r report) {
	began := time.Now()
	answer, err := postrider.Call[string](ctx, p.target(o), o.Bodies[0])
	f := fateOf(o.Bodies[0], err)
	f.Answer, f.Took = answer, time.Since(began)
	return report{Fates: []fate{f}}
}

// fateOf says in a report what an error says to a program.
func fateOf(body string, err error) fate {
	f := fate{Body: body}
	if err == nil {
		return f
	}
	f.Error, f.PeerDown = err.Error(), errors.Is(err, postrider.ErrPeerDown)
	var failed *postrider.SendError
	if errors.As(err, &failed) {
		f.Target, f.MaybeDelivered = failed.Target, failed.MaybeDelivered
	}
	return f
}

// watch waits for a message from bob, who sends none: it ends when he is down.
func (p *nodeProcess) watch() error {
	go func() {
		for _, err := range p.node.Messages(p.ctx, postrider.From("bob")) {
			if errors.Is(err, postrider.ErrPeerDown) {
				p.tell(report{Event: peerIsDown, Body: err.Error()})
			}
		}
	}()
	return nil
}

func (p *nodeProcess) receive(o order) error {
	t := p.node.Inbox()
	if o.Mailbox != "" {
		t = p.node.Mailbox(o.Mailbox)
	}
	var options []postrider.HandleOption
	if o.Workers > 0 {
		options = append(options, postrider.Workers(o.Workers))
	}
	if o.Hold {
		options = append(options, postrider.Prefetch(o.Workers))
	}
	return p.node.Handle(p.ctx, t, func(ctx context.Context, m *postrider.Message) error {
		return p.handle(ctx, o, m)
	}, options...)
}

func (p *nodeProcess) handle(ctx context.Context, o order, m *postrider.Message) error {
	switch {
	case len(m.Body) > 0 && m.Body[0] == loadMark:
		p.mu.Lock()
		defer p.mu.Unlock()
		p.counts[o.Mailbox]++
		p.changed()
		return nil
	case len(m.Body) > 0 && m.Body[0] == ledgerMark:
		number, err := strconv.Atoi(string(m.Body[1:]))
		p.mu.Lock()
		defer p.mu.Unlock()
		p.numbers[o.Mailbox] = append(p.numbers[o.Mailbox], number)
		p.changed()
		return err
	}
	p.tell(report{Event: gotMessage, Mailbox: o.Mailbox, Body: string(m.Body), Redelivered: m.Redelivered})
	if o.Hold {
		<-ctx.Done()
		return ctx.Err()
	}
	if m.WantsReply() {
		return m.Reply(ctx, "answer to "+string(m.Body))
	}
	return nil
}

// changed wakes who waits for a count. The caller holds mu.
func (p *nodeProcess) changed() {
	if p.counted != nil {
		close(p.counted)
		p.counted = nil
	}
}

// more waits until enough reports true, which it is called for with mu held, or ctx ends.
func (p *nodeProcess) more(ctx context.Context, enough func() bool) error {
	for {
		p.mu.Lock()
		if enough() {
			p.mu.Unlock()
			return nil
		}
		if p.counted == nil {
			p.counted = make(chan struct{})
		}
		changed := p.counted
		p.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// count waits until more than Count load messages have come, and returns how many.
func (p *nodeProcess) count(ctx context.Context, o order) (r report, _ error) {
	_ = p.more(ctx, func() bool {
		r.Count = p.counts[o.Mailbox]
		return r.Count > o.Count
	})
	return r, nil
}

// ledger waits until the numbers from 0 to Count-1 have come, and returns all that have, as they came.
func (p *nodeProcess) ledger(ctx context.Context, o order) (r report, _ error) {
	have := make([]bool, o.Count)
	missing, looked := o.Count, 0
	_ = p.more(ctx, func() bool {
		r.Numbers = p.numbers[o.Mailbox]
		for _, n := range r.Numbers[looked:] {
			if n >= 0 && n < o.Count && !have[n] {
				have[n] = true
				missing--
			}
		}
		looked = len(r.Numbers)
		return missing == 0
	})
	return r, nil
}
