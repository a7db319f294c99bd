package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/postrider-mq/postrider"
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
	watch := newStopwatch(s.order)
	work := s.send
	if s.order.Post {
		work = s.post
	}
	if err := work(watch); err != nil {
		return tally{}, err
	}
	return watch.stop()
}

// send waits for each message and times it.
func (s *sender) send(watch *stopwatch) error {
	ctx := context.Background()
	body := make([]byte, bodySize)
	for last := false; !last; {
		t := now()
		last = watch.tick(t)
		writeBody(body, watch.tally.Messages, 0, last)
		t = now()
		if err := s.target.Send(ctx, body, s.opts...); err != nil {
			return err
		}
		watch.took(now() - t)
		watch.sent()
	}
	return nil
}

// post lets a window of messages be unconfirmed, and has every one confirmed in the end.
func (s *sender) post(watch *stopwatch) error {
	ctx := context.Background()
	receipts := window{places: make([]*postrider.Receipt, s.order.Window)}
	err := stream(newPace(s.order.Rate), watch, func(body []byte) error {
		if err := receipts.makeRoom(ctx); err != nil {
			return err
		}
		r, err := s.target.Post(ctx, body, s.opts...)
		receipts.add(r)
		return err
	})
	if err != nil {
		return err
	}
	return receipts.drain(ctx)
}

// A window is a ring of what is posted and not known to be confirmed.
type window struct {
	places []*postrider.Receipt
	oldest int
}

func (w *window) makeRoom(ctx context.Context) error {
	r := w.places[w.oldest]
	if r == nil {
		return nil
	}
	w.places[w.oldest] = nil
	_, err := r.Wait(ctx)
	return err
}

// add takes the place of the oldest.
func (w *window) add(r *postrider.Receipt) {
	w.places[w.oldest] = r
	if w.oldest++; w.oldest == len(w.places) {
		w.oldest = 0
	}
}

func (w *window) drain(ctx context.Context) error {
	for range w.places {
		if err := w.makeRoom(ctx); err != nil {
			return err
		}
		w.add(nil)
	}
	return nil
}

// receiver is a node that handles what comes into its inbox or a mailbox.
type receiver struct {
	order order
	node  *postrider.Node
	end   chan tally // the last message came
	fault chan error // something else came
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
	r.end, r.fault = make(chan tally, 1), make(chan error, 1)
	return address, r.node.Handle(context.Background(), from, r.handler(), postrider.Prefetch(o.Prefetch))
}

// handler is called for one message after the other.
func (r *receiver) handler() postrider.Handler {
	arrivals := newArrivals()
	return func(_ context.Context, m *postrider.Message) error {
		last, err := arrivals.add(m.Body)
		if err == nil && (m.Redelivered || m.From != senderName) {
			err = fmt.Errorf("message %d: from %q, redelivered %v", arrivals.audit.count-1, m.From, m.Redelivered)
		}
		var t tally
		if err == nil && last {
			t, err = arrivals.stop()
		}
		switch {
		case err != nil:
			select {
			case r.fault <- err:
			default: // the first one tells enough
			}
		case last:
			r.end <- t
		}
		return nil
	}
}

func (r *receiver) work(stop <-chan struct{}) (tally, error) {
	select {
	case t := <-r.end:
		return t, nil
	case err := <-r.fault:
		return tally{}, err
	case <-stop:
		return tally{}, errors.New("stopped before the last message came")
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
