package tour

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/postrider-mq/postrider/cmd/postrider/internal/child"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/screen"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/ways"
)

// crowd is how many senders, and receivers where they can share, there are in the second measurement.
const crowd = 4

// Each measurement takes this long, less where the tour is late.
const (
	loadTime  = 500 * time.Millisecond
	leastLoad = 150 * time.Millisecond
)

// underLoad measures each way with one sender and with a crowd.
func (t *tour) underLoad(ctx context.Context) error {
	t.screen.Heading("4  Under load", fmt.Sprintf("bodies of %d bytes, every message confirmed; 1 sender, then %d", loadBodyBytes, crowd))
	t.figures.loadTime = t.loadTime()
	receivers, err := t.gather(ctx)
	if err != nil {
		return err
	}
	for w := range ways.Count {
		if err := t.measure(ctx, w, receivers); err != nil {
			return err
		}
	}
	return nil
}

// loadTime fits eight measurements, and as long again for what they need around them, into what is left of the time.
func (t *tour) loadTime() time.Duration {
	left := wholeTour - time.Since(t.began)
	return max(leastLoad, min(loadTime, left/16))
}

// gather starts the further senders and receivers.
func (t *tour) gather(ctx context.Context) (receivers []*node, err error) {
	t.screen.Doing("starting %d more processes", 2*(crowd-1))
	receivers = []*node{t.bob}
	for i := range crowd - 1 {
		s, err := startNode(ctx, t.cfg.Program, t.sender(fmt.Sprintf("sender-%d", i+2)))
		if err != nil {
			return nil, err
		}
		t.others = append(t.others, s)
	}
	for i := range crowd - 1 {
		r, err := startNode(ctx, t.cfg.Program, setup{Name: fmt.Sprintf("receiver-%d", i+2), Broker: t.brokerURL()})
		if err != nil {
			return nil, err
		}
		t.others = append(t.others, r)
		receivers = append(receivers, r)
	}
	return receivers, nil
}

// measure measures one way.
func (t *tour) measure(ctx context.Context, w ways.Way, receivers []*node) error {
	alone, err := t.load(ctx, w, []*node{t.alice}, receivers[:1])
	if err != nil {
		return err
	}
	senders := append([]*node{t.alice}, t.others[:crowd-1]...)
	if w.Direct() {
		receivers = receivers[:1]
	}
	together, err := t.load(ctx, w, senders, receivers)
	if err != nil {
		return err
	}
	t.figures.load[w] = [2]measured{alone, together}
	t.screen.Item(w.String(), "1 sender %9s/s, p50 %-8s %d senders %9s/s, p50 %s",
		screen.Grouped(alone.rate), screen.Short(alone.p50), crowd, screen.Grouped(together.rate), screen.Short(together.p50))
	t.check(alone.handled == alone.sent && together.handled == together.sent,
		"%s of %s were handled; receivers at work: %d, then %d",
		screen.Grouped(alone.handled+together.handled), screen.Grouped(alone.sent+together.sent), alone.sharing, together.sharing)
	return nil
}

// measured is what one measurement gave.
type measured struct {
	sent, handled int
	rate          int // messages a second, confirmed
	p50, p99      time.Duration
	sharing       int // receivers that handled some
}

// load has senders send as fast as they can and receivers handle it all.
func (t *tour) load(ctx context.Context, w ways.Way, senders, receivers []*node) (m measured, err error) {
	mailbox := ""
	if !w.Direct() {
		mailbox = fmt.Sprintf("load-%s-%d", w.Tag(), len(senders))
		for _, r := range receivers {
			if _, err := r.Do(ctx, order{Do: "receive", Mailbox: mailbox}); err != nil {
				return m, err
			}
		}
	}
	before, err := t.counts(ctx, mailbox, receivers)
	if err != nil {
		return m, err
	}
	t.screen.Doing("%s, senders: %d", w, len(senders))
	if m, err = t.allSend(ctx, w, mailbox, senders); err != nil {
		return m, err
	}
	err = t.allHandled(ctx, mailbox, receivers, before, &m)
	return m, err
}

// allSend has all senders send at the same time.
func (t *tour) allSend(ctx context.Context, w ways.Way, mailbox string, senders []*node) (m measured, err error) {
	o := order{Do: "load", Way: w, Mailbox: mailbox, Within: t.figures.loadTime}
	var answers []child.Answer[report]
	for _, s := range senders {
		a, err := s.Begin(o)
		if err != nil {
			return m, err
		}
		answers = append(answers, a)
	}
	var us []float64
	var rate float64
	for i, s := range senders {
		r, err := s.Finish(ctx, answers[i])
		if err != nil {
			return m, err
		}
		m.sent += r.Count
		rate += float64(r.Count) / r.Seconds
		us = append(us, r.Micros...)
	}
	slices.Sort(us)
	m.rate = int(rate)
	if len(us) > 0 {
		m.p50 = time.Duration(us[len(us)/2] * 1e3)
		m.p99 = time.Duration(us[len(us)*99/100] * 1e3)
	}
	return m, nil
}

// counts asks how many messages of the load have been handled so far.
func (t *tour) counts(ctx context.Context, mailbox string, receivers []*node) ([]int, error) {
	counts := make([]int, len(receivers))
	for i, r := range receivers {
		c, err := r.Do(ctx, order{Do: "count", Mailbox: mailbox, Count: -1})
		if err != nil {
			return nil, err
		}
		counts[i] = c.Count
	}
	return counts, nil
}

// allHandled waits until the receivers have handled all that was sent.
func (t *tour) allHandled(tour context.Context, mailbox string, receivers []*node, before []int, m *measured) error {
	ctx, cancel := context.WithTimeout(tour, patience)
	defer cancel()
	var mu sync.Mutex
	var all sync.WaitGroup
	now := slices.Clone(before)
	handled := func() (n int) {
		for i := range now {
			n += now[i] - before[i]
		}
		return n
	}
	for i, r := range receivers {
		all.Go(func() {
			for ctx.Err() == nil {
				c, err := r.Do(ctx, order{Do: "count", Mailbox: mailbox, Count: now[i], Within: patience})
				if err != nil {
					return
				}
				mu.Lock()
				now[i] = c.Count
				if handled() >= m.sent {
					cancel()
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	m.handled = handled()
	for i := range now {
		if now[i] > before[i] {
			m.sharing++
		}
	}
	return context.Cause(tour)
}
