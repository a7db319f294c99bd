package main

import (
	"context"
	"fmt"
	"time"

	"github.com/postrider-mq/postrider"

	"github.com/postrider-mq/postrider/internal/measure"
)

// The names of the two nodes.
const (
	senderName   = "alice"
	receiverName = "bob"
)

func nodeConfig(o order, name string) postrider.Config {
	cfg := postrider.Config{Name: name, Logger: warnings()}
	if o.Broker != "" {
		cfg.Brokers = []string{o.Broker}
	}
	return cfg
}

// sender is a node that sends or posts to a peer or a mailbox.
type sender struct {
	order  order
	node   *postrider.Node
	target *postrider.Target
	opts   []postrider.SendOption
}

func (s *sender) prepare(o order) (_ string, err error) {
	s.order = o
	cfg := nodeConfig(o, senderName)
	if o.Broker == "" {
		cfg.Peers = map[string]string{receiverName: o.Address}
	}
	if o.Transient {
		s.opts = append(s.opts, postrider.Transient())
	}
	if s.node, err = postrider.Start(context.Background(), cfg); err != nil {
		return "", err
	}
	if o.Broker == "" {
		s.target = s.node.Peer(receiverName)
	} else {
		s.target = s.node.Mailbox(o.Mailbox)
	}
	return "", nil
}

func (s *sender) close() error {
	if s.node == nil {
		return nil
	}
	return s.node.Close()
}

func (s *sender) work(<-chan struct{}) (tally, error) {
	ctx := context.Background()
	switch {
	case s.order.Post:
		watch := newStopwatch(s.order)
		if err := s.post(watch); err != nil {
			return tally{}, err
		}
		return watch.stop()
	case s.order.Call:
		return ask(s.order, func(int) (trip, error) {
			return func(body []byte) ([]byte, error) {
				return postrider.Call[[]byte](ctx, s.target, body, s.opts...)
			}, nil
		})
	}
	return ask(s.order, func(int) (trip, error) {
		return func(body []byte) ([]byte, error) { return nil, s.target.Send(ctx, body, s.opts...) }, nil
	})
}

// post lets a window of messages be unconfirmed, and has every one confirmed in the end. Where nobody receives, what is timed is from
// a post to its confirm.
func (s *sender) post(watch *stopwatch) error {
	ctx := context.Background()
	receipts := window{places: make([]posted, s.order.Window), took: watch.took}
	var body []byte // see Target.Send
	err := stream(s.order, measure.NewPace(float64(s.order.Rate)), watch, func(next []byte) error {
		if err := receipts.makeRoom(ctx); err != nil {
			return err
		}
		body = next
		var p posted
		if s.order.Kept && watch.tally.Messages%measure.TimedEach == 0 {
			p.at = measure.Now()
		}
		var err error
		p.receipt, err = s.target.Post(ctx, &body, s.opts...)
		receipts.add(p)
		return err
	})
	if err != nil {
		return err
	}
	return receipts.drain(ctx)
}

// A window is a ring of what is posted and not known to be confirmed.
type window struct {
	places []posted
	oldest int
	took   func(nanoseconds int64)
}

type posted struct {
	receipt *postrider.Receipt // nil in a place that is free
	at      int64              // 0 if it is not timed
}

func (w *window) makeRoom(ctx context.Context) error {
	p := w.places[w.oldest]
	if p.receipt == nil {
		return nil
	}
	w.places[w.oldest] = posted{}
	_, err := p.receipt.Wait(ctx)
	if p.at != 0 {
		w.took(measure.Now() - p.at)
	}
	return err
}

// add takes the place of the oldest.
func (w *window) add(p posted) {
	w.places[w.oldest] = p
	if w.oldest++; w.oldest == len(w.places) {
		w.oldest = 0
	}
}

func (w *window) drain(ctx context.Context) error {
	for range w.places {
		if err := w.makeRoom(ctx); err != nil {
			return err
		}
		w.add(posted{})
	}
	return nil
}

// receiver is a node that handles what comes into its inbox or a mailbox.
type receiver struct {
	order  order
	node   *postrider.Node
	ending ending
	calls  *audits
}

func (r *receiver) prepare(o order) (address string, err error) {
	r.order = o
	cfg := nodeConfig(o, receiverName)
	if o.Broker == "" {
		cfg.Listen = "127.0.0.1:0"
	}
	if r.node, err = postrider.Start(context.Background(), cfg); err != nil {
		return "", err
	}
	from := r.node.Inbox()
	if o.Broker != "" {
		from = r.node.Mailbox(o.Mailbox)
	} else {
		address = r.node.Addr().String()
	}
	r.ending = newEnding()
	fetch := postrider.Prefetch(max(o.Prefetch, 1))
	if o.Call {
		r.calls = newAudits(o.Body, o.Callers)
		return address, r.node.Handle(context.Background(), from, r.answer, fetch, postrider.Workers(max(o.Callers, 1)))
	}
	return address, r.node.Handle(context.Background(), from, r.handler(), fetch)
}

// handler is called for one message after the other.
func (r *receiver) handler() postrider.Handler {
	arrivals := newArrivals(r.order)
	return func(_ context.Context, m *postrider.Message) error {
		last, err := arrivals.add(m.Body)
		if err == nil {
			err = genuine(m)
		}
		r.ending.took(arrivals, last, err)
		return nil
	}
}

// answer is called by many at once.
func (r *receiver) answer(ctx context.Context, m *postrider.Message) error {
	_, _, err := r.calls.check(m.Body)
	if err == nil {
		err = genuine(m)
	}
	if err != nil {
		r.ending.fail(err)
		return postrider.Reject(err)
	}
	return m.Reply(ctx, m.Body)
}

func genuine(m *postrider.Message) error {
	if m.Redelivered || m.From != senderName {
		return fmt.Errorf("a message is from %q, redelivered %v", m.From, m.Redelivered)
	}
	return nil
}

// work waits for the last message, and who answers calls, until it is told to stop.
func (r *receiver) work(stop <-chan struct{}) (tally, error) {
	if r.calls == nil {
		return r.ending.wait(stop)
	}
	select {
	case err := <-r.ending.fault:
		return tally{}, err
	case <-stop:
		return tally{Messages: r.calls.count.Load()}, nil
	}
}

// close lets acknowledgements go out.
func (r *receiver) close() error {
	if r.node == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return r.node.Shutdown(ctx)
}
