package behaviour

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/broker"
	"github.com/postrider-mq/postrider/postridertest"
)

var (
	faultsFor  = flag.Duration("faults", 5*time.Second, "how long seeds of faults are tried")
	faultsSeed = flag.Uint64("seed", 0, "try this one alone")
)

// TestFaults tries seed after seed, each in a bubble, which also sees that no goroutine is left.
func TestFaults(t *testing.T) {
	if *faultsSeed != 0 {
		t.Logf("%+v", underFaults(t, *faultsSeed))
		return
	}
	var total tally
	for seed := range uint64(fixedSeeds) {
		total.add(underFaults(t, 1+seed))
	}
	if total.faults < leastFaults || total.ordered < leastFaults || len(total.kinds) < 6 {
		t.Errorf("too little happens in %d seeds: %+v", fixedSeeds, total)
	}
	seeds := fixedSeeds
	for began := time.Now(); time.Since(began) < *faultsFor && !t.Failed(); seeds++ {
		total.add(underFaults(t, rand.Uint64()))
	}
	t.Logf("%d seeds: %+v", seeds, total)
}

// These seeds are tried each time, and are enough for so many faults.
const (
	fixedSeeds  = 24
	leastFaults = 1000
)

// tally is what happened.
type tally struct {
	faults, sent, confirmed, maybe, never, handled, failures, ordered, calls, answered int

	kinds map[string]int // of faults
}

func (t *tally) add(o tally) {
	if t.kinds == nil {
		t.kinds = map[string]int{}
	}
	for kind, n := range o.kinds {
		t.kinds[kind] += n
	}
	t.faults += o.faults
	t.sent += o.sent
	t.confirmed += o.confirmed
	t.maybe += o.maybe
	t.never += o.never
	t.handled += o.handled
	t.failures += o.failures
	t.ordered += o.ordered
	t.calls += o.calls
	t.answered += o.answered
}

// ledger knows what senders and handlers know.
type ledger struct {
	*testing.T
	seed uint64

	mu        sync.Mutex
	confirmed map[string]bool // false: it may have been delivered
	never     map[string]bool // it certainly was not
	came      map[string]int
	failed    map[string]int     // how often its handler said so
	lines     map[string][]place // where one handler works: what came first by each line, in turn
	tally     tally
}

// A place is a message's among those that one goroutine sent to one target, which are a line.
type place struct {
	number int
	body   string
}

// placeOf reads "post 2 0 17", the post of line "2 0" before its 17th send.
func placeOf(body string) (line string, p place) {
	var verb string
	var sender, target, i int
	if _, err := fmt.Sscan(body, &verb, &sender, &target, &i); err != nil {
		return "", place{}
	}
	p = place{2 * i, body}
	if verb == "send" {
		p.number++
	}
	return fmt.Sprint(sender, target), p
}

func (l *ledger) fault(format string, args ...any) {
	l.Errorf("seed %d: %s", l.seed, fmt.Sprintf(format, args...))
}

// answer notes how a send ended, and whether in time.
func (l *ledger) answer(body string, err error, late time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tally.sent++
	if late > time.Second {
		l.fault("%s ended %v after its deadline: %v", body, late, err)
	}
	var failed *postrider.SendError
	switch {
	case err == nil:
		l.confirmed[body] = true
		l.tally.confirmed++
	case errors.As(err, &failed) && failed.MaybeDelivered:
		l.confirmed[body] = false
		l.tally.maybe++
	case errors.As(err, &failed):
		l.never[body] = true
		l.tally.never++
	}
}

// handle fails upon every seventh message once, and keeps count.
func (l *ledger) handle(ctx context.Context, m *postrider.Message) error {
	if m.WantsReply() {
		return m.Reply(ctx, "answered")
	}
	body := string(m.Body)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.came[body]++
	if l.lines != nil && l.came[body] == 1 {
		line, p := placeOf(body)
		l.lines[line] = append(l.lines[line], p)
	}
	if strings.HasSuffix(body, "7") && l.failed[body] == 0 {
		l.failed[body]++
		l.tally.failures++
		return errors.New("not now")
	}
	l.tally.handled++
	return nil
}

func underFaults(t *testing.T, seed uint64) (result tally) {
	synctest.Test(t, func(t *testing.T) {
		network := postridertest.New(t)
		b, err := broker.Open(broker.Config{})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		go b.Serve(network.Listen("mq"))
		faults := NewFaults(seed, network.Dialer("a node"))
		l := &ledger{T: t, seed: seed, confirmed: map[string]bool{}, never: map[string]bool{}, came: map[string]int{}, failed: map[string]int{}}
		workers := 3
		if seed%2 == 0 {
			workers, l.lines = 1, map[string][]place{}
		}
		node := func(name string, peers map[string]string) *postrider.Node {
			n, err := postrider.Start(t.Context(), postrider.Config{
				Name: name, Brokers: []string{"amqp://mq:1"}, Listener: network.Listen(name), Peers: peers,
				Dial: faults.Dial, Relay: true, Logger: slog.New(slog.DiscardHandler),
			})
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		bob, carol := node("bob", nil), node("carol", nil)
		defer bob.Close()
		defer carol.Close()
		audit := bob.Topic("prices", postrider.Durable("audit"))
		subscribed(t, b, "prices", "prices.audit")
		for target, n := range map[*postrider.Target]*postrider.Node{bob.Mailbox("jobs"): bob, audit: bob, bob.Inbox(): bob, carol.Inbox(): carol} {
			opts := []postrider.HandleOption{postrider.Workers(workers), postrider.Backoff(func(int) time.Duration { return 50 * time.Millisecond })}
			if err := n.Handle(t.Context(), target, l.handle, opts...); err != nil {
				t.Fatal(err)
			}
		}
		var senders sync.WaitGroup
		var mu sync.Mutex
		receipts := map[string]*postrider.Receipt{}
		for s := range 3 {
			n := node(fmt.Sprint("alice", s), map[string]string{"bob": "bob:1", "carol": "nowhere:1"})
			defer n.Close()
			for which, target := range []*postrider.Target{n.Mailbox("jobs"), n.Peer("bob"), n.Peer("carol", postrider.Relay()), n.Topic("prices")} {
				senders.Go(func() {
					for i := range 100 {
						body := fmt.Sprintf("post %d %d %d", s, which, i)
						if r, err := target.Post(t.Context(), body); err == nil {
							mu.Lock()
							receipts[body] = r
							mu.Unlock()
						}
						ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+i%5)*time.Second)
						deadline, _ := ctx.Deadline()
						if i%10 == 3 {
							_, err := postrider.Call[string](ctx, target, "question")
							l.asked(err, time.Since(deadline))
						} else {
							body = fmt.Sprintf("send %d %d %d", s, which, i)
							err := target.Send(ctx, body)
							l.answer(body, err, time.Since(deadline))
						}
						cancel()
					}
				})
			}
		}
		senders.Wait()
		faults.Heal()
		for body, r := range receipts {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			_, err := r.Wait(ctx)
			cancel()
			l.answer(body, err, 0)
		}
		time.Sleep(10 * time.Minute) // of the bubble: what waits for another try comes
		l.judge()
		l.tally.kinds, l.tally.faults = faults.Count()
		result = l.tally
	})
	return result
}

// subscribed sees to it that a subscription is there before anything is published: who subscribes may be cut off.
func subscribed(t *testing.T, b *broker.Broker, topic, queue string) {
	c, err := b.Dial(broker.DialConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.DeclareQueue(t.Context(), broker.QueueOptions{Name: queue, Durable: true})
	err = errors.Join(err, c.DeclareExchange(t.Context(), broker.ExchangeOptions{Name: topic, Kind: "topic", Durable: true}))
	if err = errors.Join(err, c.BindQueue(t.Context(), queue, topic, "#", nil)); err != nil {
		t.Fatal(err)
	}
}

func (l *ledger) asked(err error, late time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tally.calls++
	if err == nil {
		l.tally.answered++
	}
	if late > time.Second {
		l.fault("a call ended %v after its deadline: %v", late, err)
	}
}

func (l *ledger) judge() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for body, sure := range l.confirmed {
		if sure && l.came[body] == 0 {
			l.fault("%s was confirmed and is lost", body)
		}
	}
	for body, n := range l.came {
		if n != 1+l.failed[body] {
			l.fault("%s came %d times and failed %d times", body, n, l.failed[body])
		}
		if l.never[body] {
			l.fault("%s came, and its sender knows for certain that it did not", body)
		}
	}
	l.judgeOrder()
}

// judgeOrder wants what was confirmed to have come, for the first time, in the order in which it was sent. A message that its sender gave up may
// come at any time.
func (l *ledger) judgeOrder() {
	for line, came := range l.lines {
		last := place{number: -1}
		for _, p := range came {
			if !l.confirmed[p.body] {
				continue
			}
			if p.number < last.number {
				l.fault("line %s: %s came after %s", line, p.body, last.body)
			}
			l.tally.ordered++
			last = p
		}
	}
}
