package load

import (
	"context"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/internal/measure"
)

// receiver is the receiving side of a process, whose handlers share it.
type receiver struct {
	order receiveOrder
	tell  func(report)

	mu          sync.Mutex
	lines       map[uint32]*line
	got         uint64
	damaged     int
	foreign     int
	first, last int64
	latency     *hdrhistogram.Histogram
}

// line is what came from one sender.
type line struct {
	seen        set
	next        uint64 // above all that came
	repeated    int
	disordered  int
	redelivered int
}

func newReceiver(o receiveOrder, tell func(report)) *receiver {
	return &receiver{order: o, tell: tell, lines: map[uint32]*line{}, latency: measure.NewHistogram()}
}

// mostSenders bounds the senders of a load.
const mostSenders = 1000

func (r *receiver) handle(ctx context.Context, m *postrider.Message) error {
	at := measure.Now()
	what, err := readMark(m.Body, r.order.Run)
	if err == nil && what.Sender >= mostSenders {
		err = errForeign
	}
	if err != nil {
		r.wrong(err)
		return postrider.Reject(err)
	}
	if what.Due == hello {
		return nil
	}
	r.enter(what, at, m.Redelivered)
	if r.order.Tell {
		r.tell(report{Got: &Arrival{Sender: what.Sender, Number: what.Number, At: at, Redelivered: m.Redelivered}})
	}
	return work(ctx, r.order.Handling)
}

// hello, in place of the time when a message was due, marks those that only open the way.
const hello = -1

// work takes as long as a handler is to take.
func work(ctx context.Context, d time.Duration) error {
	switch {
	case d <= 0:
		return nil
	case d <= 5*time.Millisecond:
		measure.SleepUntil(measure.Now() + int64(d))
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *receiver) wrong(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == errDamaged {
		r.damaged++
	} else {
		r.foreign++
	}
}

// enter enters a message into the books.
func (r *receiver) enter(what mark, at int64, redelivered bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.lines[what.Sender]
	if l == nil {
		l = new(line)
		r.lines[what.Sender] = l
	}
	r.got++
	if r.first == 0 {
		r.first = at
	}
	r.last = at
	l.enter(what.Number, redelivered)
	if what.Due != 0 {
		measure.Record(r.latency, at-what.Due)
	}
}

func (l *line) enter(number uint64, redelivered bool) {
	if redelivered {
		l.redelivered++
	}
	switch {
	case !l.seen.add(number):
		l.repeated++
	case number < l.next && !redelivered:
		l.disordered++
	}
	l.next = max(l.next, number+1)
}

func (r *receiver) audit() (*audit, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := &audit{Damaged: r.damaged, Foreign: r.foreign, First: r.first, Last: r.last}
	var err error
	if a.Latency, err = measure.EncodeHistogram(r.latency); err != nil {
		return nil, err
	}
	for sender, l := range r.lines {
		seen, err := l.seen.encode()
		if err != nil {
			return nil, err
		}
		a.Lines = append(a.Lines, gotLine{sender, seen, l.repeated, l.disordered, l.redelivered})
	}
	return a, nil
}
