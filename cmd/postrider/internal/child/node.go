package child

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// orderLine is an order on its way to a child.
type orderLine[O any] struct {
	Seq   int
	Order O
}

// reportLine is a child's answer to an order; with Seq 0 it tells of an event.
type reportLine[R any] struct {
	Seq    int
	Error  string `json:",omitempty"` // the order could not be carried out
	Report R
}

// A Node is a child that takes orders O and gives reports R, as its parent sees it. Any goroutine may use it.
type Node[O, R any] struct {
	*Process

	writing sync.Mutex
	orders  *json.Encoder

	mu      sync.Mutex
	seq     int
	answers map[int]chan reportLine[R]
	events  []R
	more    chan struct{} // closed when there is one more
	onEvent func(R)
}

// StartNode starts a child under the program's verb, and waits until it is ready. onEvent, which may be nil, is called with each
// event, in turn, and keeps it from being kept.
func StartNode[O, R any](ctx context.Context, name, program, verb string, setup any, onEvent func(R)) (*Node[O, R], error) {
	n := &Node[O, R]{answers: map[int]chan reportLine[R]{}, more: make(chan struct{}), onEvent: onEvent}
	ready := make(chan struct{})
	p, err := Start(name, program, []string{verb}, func(r io.Reader) { n.read(r, ready) })
	if err != nil {
		return nil, err
	}
	n.Process, n.orders = p, json.NewEncoder(p.stdin)
	if err := n.orders.Encode(setup); err != nil {
		p.Kill()
		return nil, n.gone()
	}
	select {
	case <-ready:
		return n, nil
	case <-n.ended:
		return nil, n.gone()
	case <-ctx.Done():
		p.Kill()
		return nil, fmt.Errorf("waited in vain for %s to be ready: %w", name, context.Cause(ctx))
	}
}

// read takes what the child reports until it ends. The first line says that it is ready.
func (n *Node[O, R]) read(r io.Reader, ready chan<- struct{}) {
	reports := json.NewDecoder(r)
	var first reportLine[R]
	if reports.Decode(&first) != nil {
		return
	}
	close(ready)
	for {
		var r reportLine[R]
		if reports.Decode(&r) != nil {
			return
		}
		n.take(r)
	}
}

func (n *Node[O, R]) take(r reportLine[R]) {
	if r.Seq == 0 && n.onEvent != nil {
		n.onEvent(r.Report)
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if r.Seq == 0 {
		n.events = append(n.events, r.Report)
		close(n.more)
		n.more = make(chan struct{})
	} else if c := n.answers[r.Seq]; c != nil {
		delete(n.answers, r.Seq)
		c <- r
	}
}

// An Answer is where the report on an order will be.
type Answer[R any] <-chan reportLine[R]

// Begin gives an order.
func (n *Node[O, R]) Begin(o O) (Answer[R], error) {
	n.mu.Lock()
	n.seq++
	seq := n.seq
	answer := make(chan reportLine[R], 1)
	n.answers[seq] = answer
	n.mu.Unlock()
	n.writing.Lock()
	defer n.writing.Unlock()
	if n.orders.Encode(orderLine[O]{seq, o}) != nil {
		return nil, n.gone()
	}
	return answer, nil
}

// Finish waits for an answer.
func (n *Node[O, R]) Finish(ctx context.Context, answer Answer[R]) (R, error) {
	select {
	case r := <-answer:
		if r.Error != "" {
			return r.Report, fmt.Errorf("%s: %s", n.Name, r.Error)
		}
		return r.Report, nil
	case <-n.ended:
		return *new(R), n.gone()
	case <-ctx.Done():
		return *new(R), fmt.Errorf("%s did not answer: %w", n.Name, context.Cause(ctx))
	}
}

// Do has an order carried out.
func (n *Node[O, R]) Do(ctx context.Context, o O) (R, error) {
	answer, err := n.Begin(o)
	if err != nil {
		return *new(R), err
	}
	return n.Finish(ctx, answer)
}

// Await waits until what the child has told of is enough, and returns all of it.
func (n *Node[O, R]) Await(ctx context.Context, what string, enough func([]R) bool) ([]R, error) {
	for {
		n.mu.Lock()
		all, more := n.events[:len(n.events):len(n.events)], n.more
		n.mu.Unlock()
		if enough(all) {
			return all, nil
		}
		select {
		case <-more:
		case <-n.ended:
			return all, n.gone()
		case <-ctx.Done():
			return all, fmt.Errorf("waited in vain for %s %s: %w", n.Name, what, context.Cause(ctx))
		}
	}
}

// Told returns what the child has told of so far.
func (n *Node[O, R]) Told() []R {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.events[:len(n.events):len(n.events)]
}

// gone says that the process ended by itself.
func (n *Node[O, R]) gone() error {
	text := "process " + n.Name + " ended before its time"
	if log := n.Log(); log != "" {
		text += ": " + log
	}
	return errors.New(text)
}
