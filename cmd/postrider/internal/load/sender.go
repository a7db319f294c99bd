package load

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/internal/measure"
)

// sending is the sending side of a process.
type sending struct {
	sent, confirmed, failed atomic.Uint64
}

// sender is one sender. One goroutine sends; for posts a second one waits for the confirms.
type sender struct {
	order  sendOrder
	all    *sending
	target *postrider.Target
	number uint32

	sent uint64

	mu      sync.Mutex // Of what follows.
	failed  set
	maybe   uint64
	errors  map[string]uint64
	began   int64
	ended   int64
	wait    *hdrhistogram.Histogram
	confirm *hdrhistogram.Histogram
	open    int
	most    int
	settled uint64
	fates   []Fate
}

// send has all senders of the process send, until they have finished.
func (s *sending) send(ctx context.Context, o sendOrder, target *postrider.Target) (report, error) {
	senders := make([]*sender, o.Senders)
	var all sync.WaitGroup
	for i := range senders {
		senders[i] = &sender{
			order: o, all: s, target: target, number: o.First + uint32(i), errors: map[string]uint64{},
			wait: measure.NewHistogram(), confirm: measure.NewHistogram(),
		}
		all.Go(func() { senders[i].run(ctx) })
	}
	all.Wait()
	var r report
	for _, one := range senders {
		l, err := one.line()
		if err != nil {
			return r, err
		}
		r.Sent = append(r.Sent, l)
	}
	return r, nil
}

func (s *sender) options() (opts []postrider.SendOption) {
	if s.order.Transient {
		opts = append(opts, postrider.Transient())
	}
	if s.order.Handled {
		opts = append(opts, postrider.Until(postrider.Handled))
	}
	return opts
}

// run sends until all was sent, or the time is over, or ctx ends, and waits for the confirms.
func (s *sender) run(ctx context.Context) {
	pace := measure.NewPace(s.order.Rate)
	pace.Begin(s.order.Begin + s.stagger())
	measure.SleepUntil(s.order.Begin)
	s.began = s.order.Begin
	if s.order.Waits {
		s.each(ctx, pace, s.callers(ctx))
		return
	}
	ctx, giveUp := context.WithCancel(ctx)
	defer giveUp()
	if s.order.Stall > 0 {
		go s.lookAfter(ctx, giveUp)
	}
	s.each(ctx, pace, s.poster(ctx, giveUp))
}

// lookAfter gives up when none of the posts that wait has been confirmed for so long: a target that is gone for good keeps them, and who posts, for ever.
func (s *sender) lookAfter(ctx context.Context, giveUp func()) {
	tick := time.NewTicker(max(s.order.Stall/8, time.Millisecond))
	defer tick.Stop()
	last, still := uint64(0), 0
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		s.mu.Lock()
		settled, waiting := s.settled, s.open > 0
		s.mu.Unlock()
		if settled != last || !waiting {
			last, still = settled, 0
		} else if still++; still == 8 {
			giveUp()
		}
	}
}

// stagger has the senders of one rate send in turn, not all at once.
func (s *sender) stagger() int64 {
	if s.order.Rate == 0 {
		return 0
	}
	return int64(1e9 / s.order.Rate * float64(s.number%7) / 7)
}

// grace is how long a sender that is late may go on with what was due in time.
const grace = time.Second

// A postman sends one message; due is 0 if it is not timed. At the end it waits for what is under way.
type postman struct {
	send func(number uint64, due int64)
	end  func()
}

// share is how many messages this sender may send: of a count that is dealt out, the rest goes to the first.
func (s *sender) share() uint64 {
	if s.order.Count == 0 {
		return MostMessages
	}
	share := s.order.Count / s.order.Of
	if uint64(s.number) < s.order.Count%s.order.Of {
		share++
	}
	return min(share, MostMessages)
}

// each gives messages to the postman as they become due.
func (s *sender) each(ctx context.Context, pace *measure.Pace, p postman) {
	defer p.end()
	end := s.order.Begin + int64(s.order.For)
	last := end + int64(grace)
	for share := s.share(); s.sent < share && ctx.Err() == nil; s.sent++ {
		if s.order.Rate > 0 {
			due := pace.Due(s.sent)
			if due >= end || measure.Now() >= last {
				return
			}
		}
		due, _ := pace.Next(s.sent)
		if s.order.Rate == 0 && (due != 0 || s.order.Waits) {
			if due = measure.Now(); due >= end {
				return
			}
		}
		s.all.sent.Add(1)
		p.send(s.sent, due)
	}
}

// callers send and wait: one message at a time, or as many as may be in flight.
func (s *sender) callers(ctx context.Context) postman {
	type message struct {
		number uint64
		due    int64
	}
	send := func(body []byte, m message) {
		mark{s.order.Run, s.number, m.number, m.due}.write(body)
		sendCtx, cancel := context.WithTimeout(ctx, s.order.Timeout)
		err := s.target.Send(sendCtx, body, s.options()...)
		cancel()
		t := measure.Now()
		s.returned(m.number, m.due, t)
		s.settle(m.number, m.due, t, err)
	}
	if s.order.InFlight <= 1 {
		body := newBody(s.order.Body)
		return postman{func(number uint64, due int64) { send(body, message{number, due}) }, func() {}}
	}
	next := make(chan message)
	var callers sync.WaitGroup
	for range s.order.InFlight {
		callers.Go(func() {
			body := newBody(s.order.Body)
			for m := range next {
				send(body, m)
			}
		})
	}
	return postman{
		func(number uint64, due int64) { next <- message{number, due} },
		func() { close(next); callers.Wait() },
	}
}

// poster posts, and lets no more than so many be unconfirmed.
func (s *sender) poster(ctx context.Context, giveUp func()) postman {
	type posted struct {
		number  uint64
		due     int64
		receipt *postrider.Receipt
	}
	settle := func(p posted) {
		_, err := p.receipt.Wait(ctx)
		if errors.Is(err, context.Canceled) {
			err = errUnconfirmed
		}
		s.settle(p.number, p.due, measure.Now(), err)
	}
	open := make(chan posted, max(s.order.InFlight-2, 0)) // beside them, one is waited for, and one waits for room
	settled := make(chan struct{})
	go func() {
		defer close(settled)
		for p := range open {
			settle(p)
		}
	}()
	body := newBody(s.order.Body)
	options := s.options()
	return postman{
		func(number uint64, due int64) {
			mark{s.order.Run, s.number, number, due}.write(body)
			receipt, err := s.target.Post(ctx, &body, options...)
			if due != 0 {
				s.returned(number, due, measure.Now())
			}
			if err != nil {
				s.settle(number, due, measure.Now(), err)
				return
			}
			s.mu.Lock()
			s.open++
			s.most = max(s.most, s.open)
			s.mu.Unlock()
			if p := (posted{number, due, receipt}); s.order.InFlight > 1 {
				open <- p
			} else {
				settle(p)
			}
		},
		func() {
			close(open)
			timer := time.AfterFunc(s.order.Timeout, giveUp)
			<-settled
			timer.Stop()
		},
	}
}

// errUnconfirmed is of a post that was given up.
var errUnconfirmed = errors.New("not confirmed in time")

// returned records that a call has returned.
func (s *sender) returned(number uint64, due, at int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	measure.Record(s.wait, at-due)
	if s.order.Keep {
		f := s.fate(number)
		f.Due, f.Returned = due, at
	}
}

func (s *sender) fate(number uint64) *Fate {
	for uint64(len(s.fates)) <= number {
		s.fates = append(s.fates, Fate{})
	}
	return &s.fates[number]
}

// mostErrors bounds the texts of errors that are kept.
const mostErrors = 20

// settle records how a send ended.
func (s *sender) settle(number uint64, due, at int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.order.Waits && s.open > 0 {
		s.open--
	}
	s.settled++
	if err == nil {
		s.all.confirmed.Add(1)
		s.ended = max(s.ended, at)
		if due != 0 {
			measure.Record(s.confirm, at-due)
		}
		if s.order.Keep {
			s.fate(number).Confirmed = at
		}
		return
	}
	s.all.failed.Add(1)
	s.failed.add(number)
	text, maybe := plain(err)
	if maybe {
		s.maybe++
	}
	if _, known := s.errors[text]; known || len(s.errors) < mostErrors {
		s.errors[text]++
	} else {
		s.errors["other errors"]++
	}
	if s.order.Keep {
		f := s.fate(number)
		f.Error, f.Maybe = text, maybe
	}
}

// plain is an error without what differs from message to message, and whether the message may have been delivered.
func plain(err error) (text string, maybe bool) {
	var failed *postrider.SendError
	if !errors.As(err, &failed) {
		return err.Error(), true
	}
	return fmt.Sprintf("%s (%s)", failed.Err, failed.Stage), failed.MaybeDelivered
}

func (s *sender) line() (l sentLine, err error) {
	l = sentLine{
		Sender: s.number, Sent: s.sent, Maybe: s.maybe, Errors: s.errors,
		Began: s.began, Ended: s.ended, MostWaiting: s.most, Fates: s.fates,
	}
	if s.order.Rate > 0 {
		due := min(uint64(s.order.Rate*s.order.For.Seconds()), s.share())
		l.Unsent = due - min(due, s.sent)
	}
	if l.Failed, err = s.failed.encode(); err != nil {
		return l, err
	}
	if l.Wait, err = measure.EncodeHistogram(s.wait); err != nil {
		return l, err
	}
	l.Confirm, err = measure.EncodeHistogram(s.confirm)
	return l, err
}
