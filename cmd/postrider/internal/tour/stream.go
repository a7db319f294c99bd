package tour

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/ways"
)

// stream sends the numbers 0, 1, 2, … to a mailbox, one way, until it is halted.
type stream struct {
	confirmed atomic.Int64 // all below it
	stop      chan struct{}
	ended     chan struct{}

	// Read when ended is closed.
	sent    int
	longest time.Duration // that a Send has waited
	err     error
}

func (p *nodeProcess) streamOf(w ways.Way) *stream {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.streams[w]
}

// stream starts one. It tells when Count messages are confirmed.
func (p *nodeProcess) stream(o order) report {
	s := &stream{stop: make(chan struct{}), ended: make(chan struct{})}
	p.mu.Lock()
	p.streams[o.Way] = s
	p.mu.Unlock()
	run := s.post
	if o.Way.Waits() {
		run = s.send
	}
	tell := func() { p.tell(report{Event: soManyStored, Mailbox: o.Mailbox}) }
	go func() {
		defer close(s.ended)
		s.err = run(p.ctx, p.node.Mailbox(o.Mailbox), o.Count, tell)
	}()
	return report{}
}

func number(n int) []byte { return strconv.AppendInt([]byte{ledgerMark}, int64(n), 10) }

func (s *stream) halted() bool {
	select {
	case <-s.stop:
		return true
	default:
		return false
	}
}

func (s *stream) send(ctx context.Context, to *postrider.Target, mark int, tell func()) error {
	for ; !s.halted(); s.sent++ {
		began := time.Now()
		if err := to.Send(ctx, number(s.sent)); err != nil {
			return err
		}
		s.longest = max(s.longest, time.Since(began))
		s.count(mark, tell)
	}
	return nil
}

func (s *stream) count(mark int, tell func()) {
	if s.confirmed.Add(1) == int64(mark) {
		tell()
	}
}

func (s *stream) post(ctx context.Context, to *postrider.Target, mark int, tell func()) error {
	var open []*postrider.Receipt
	for {
		if s.halted() && len(open) == 0 {
			return nil
		}
		for !s.halted() && len(open) < streamWindow {
			rc, err := to.Post(ctx, number(s.sent))
			if err != nil {
				return err
			}
			s.sent++
			open = append(open, rc)
		}
		if _, err := open[0].Wait(ctx); err != nil {
			return err
		}
		open = open[1:]
		s.count(mark, tell)
	}
}

// halt ends the stream once all it has sent is confirmed.
func (s *stream) halt(ctx context.Context) (report, error) {
	close(s.stop)
	select {
	case <-s.ended:
	case <-ctx.Done():
		return report{}, errors.New("not everything was confirmed in time")
	}
	return report{Count: s.sent, Seconds: s.longest.Seconds()}, s.err
}
