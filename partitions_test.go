package postrider_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/broker"
)

// A ledger notes what was handled of each key, by whom, and whether two of one key were handled at once.
type ledger struct {
	t *testing.T

	mu      sync.Mutex
	handled map[string][]string // by key
	by      map[string]int      // by worker
	busy    map[string]bool
	changed chan struct{}
}

func newLedger(t *testing.T) *ledger {
	return &ledger{t: t, handled: map[string][]string{}, by: map[string]int{}, busy: map[string]bool{}, changed: make(chan struct{}, 1)}
}

// work is a handler that takes its time and notes what it did unless it is interrupted.
func (l *ledger) work(name string, takes time.Duration) postrider.Handler {
	return func(ctx context.Context, m *postrider.Message) error {
		l.mu.Lock()
		if l.busy[m.Key()] {
			l.t.Errorf("two messages of %s are handled at once", m.Key())
		}
		l.busy[m.Key()] = true
		l.mu.Unlock()
		if takes > 0 {
			select {
			case <-time.After(takes):
			case <-ctx.Done():
			}
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.busy[m.Key()] = false
		if ctx.Err() != nil {
			return ctx.Err()
		}
		l.handled[m.Key()] = append(l.handled[m.Key()], string(m.Body))
		l.by[name]++
		select {
		case l.changed <- struct{}{}:
		default:
		}
		return nil
	}
}

func (l *ledger) total() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, all := range l.handled {
		n += len(all)
	}
	return n
}

// wait waits until n messages were handled.
func (l *ledger) wait(n int, limit time.Duration) {
	l.t.Helper()
	timeout := time.After(limit)
	for l.total() < n {
		select {
		case <-l.changed:
		case <-timeout:
			l.t.Fatalf("%d were handled, want %d", l.total(), n)
		}
	}
}

// inOrder checks that each key has its messages 0 to n-1, in order and once.
func (l *ledger) inOrder(keys, n int) {
	l.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	var want []string
	for i := range n {
		want = append(want, fmt.Sprint(i))
	}
	for k := range keys {
		key := fmt.Sprint("key ", k)
		if got := strings.Join(l.handled[key], " "); got != strings.Join(want, " ") {
			l.t.Errorf("%s: %s", key, got)
		}
	}
}

// share is how many messages a worker has handled.
func (l *ledger) share(name string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.by[name]
}

func sendKeyed(t *testing.T, jobs *postrider.Target, keys, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		for k := range keys {
			if _, err := jobs.Post(t.Context(), fmt.Sprint(i), postrider.Key(fmt.Sprint("key ", k))); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func parted(n *postrider.Node) *postrider.Target { return n.Mailbox("jobs", postrider.Partitions(8)) }

func TestKeysAreHandledInOrderAndAtTheSameTime(t *testing.T) {
	onBoth(t, func(t *testing.T, producer, worker *postrider.Node) {
		const keys, each = 20, 10
		start := time.Now()
		sendKeyed(t, parted(producer), keys, 0, each)
		l := newLedger(t)
		if err := worker.Handle(t.Context(), parted(worker), l.work("one", time.Second), postrider.Workers(keys)); err != nil {
			t.Fatal(err)
		}
		l.wait(keys*each, time.Hour)
		l.inOrder(keys, each)
		if took := time.Since(start); took > 12*time.Second {
			t.Errorf("twenty keys of ten seconds each, at the same time, took %v", took)
		}
	})
}

func TestMessagesWithoutAKeyAreSpread(t *testing.T) {
	onBoth(t, func(t *testing.T, producer, worker *postrider.Node) {
		jobs := parted(producer)
		for i := range 16 {
			if err := jobs.Send(t.Context(), fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		part := producer.Mailbox("jobs.p3")
		n := 0
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for m, err := range producer.Messages(ctx, postrider.Of(part)) {
			if err != nil {
				break
			}
			n++
			m.Ack()
		}
		if n != 2 {
			t.Errorf("%d of 16 are in the fourth partition of eight, want 2", n)
		}
	})
}

func TestWorkersShareThePartitionsAsTheyComeAndGo(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		net.broker()
		alice := net.node("alice", onBroker)
		const keys = 40
		l := newLedger(t)
		work := func(name string) (leave func()) {
			n := net.node(name, onBroker)
			ctx, cancel := context.WithCancel(t.Context())
			if err := n.Handle(ctx, parted(n), l.work(name, 10*time.Millisecond), postrider.Workers(8)); err != nil {
				t.Fatal(err)
			}
			return cancel
		}
		leaveBob := work("bob")
		sendKeyed(t, parted(alice), keys, 0, 10)
		l.wait(keys*10, time.Hour)
		work("carol") // while there is nothing to do
		time.Sleep(time.Minute)
		sendKeyed(t, parted(alice), keys, 10, 20)
		l.wait(keys*20, time.Hour)
		if bob, carol := l.share("bob"), l.share("carol"); carol < 100 || bob < 500 {
			t.Errorf("after carol came, bob had %d and she %d of 400", bob-400, carol)
		}
		sendKeyed(t, parted(alice), keys, 20, 40)
		work("dave") // in the midst of work
		l.wait(keys*30, time.Hour)
		leaveBob()
		l.wait(keys*40, time.Hour)
		sendKeyed(t, parted(alice), keys, 40, 50)
		l.wait(keys*50, time.Hour)
		l.inOrder(keys, 50)
		if dave := l.share("dave"); dave == 0 {
			t.Error("dave has done nothing")
		}
	})
}

// Who receives no more hands over at once all partitions of which he has nothing in hand, also what he gives back then; the others as he settles what he has.
func TestWhoReceivesNoMoreHandsOverWhatHeHasNotInHand(t *testing.T) {
	for what, brokers := range map[string]func(*postrider.Config){"on a broker": onBroker, "in one node": nil} {
		t.Run(what, func(t *testing.T) {
			inMemory(t, func(t *testing.T, net *network) {
				alice := net.node("alice")
				bob, carol := alice, alice
				if brokers != nil {
					net.broker()
					alice, bob, carol = net.node("dave", onBroker), net.node("bob", onBroker), net.node("carol", onBroker)
				}
				const keys, each = 16, 3
				l := newLedger(t)
				sendKeyed(t, parted(alice), keys, 0, each)
				ctx, leave := context.WithCancel(t.Context())
				begun, goOn := make(chan *postrider.Message, keys), map[string]chan error{}
				for k := range keys {
					goOn[fmt.Sprint("key ", k)] = make(chan error)
				}
				err := bob.Handle(ctx, parted(bob), func(_ context.Context, m *postrider.Message) error {
					begun <- m
					return <-goOn[m.Key()]
				}, postrider.Workers(2))
				if err != nil {
					t.Fatal(err)
				}
				kept, failing := (<-begun).Key(), (<-begun).Key()
				leave()
				synctest.Wait()
				if err := carol.Handle(t.Context(), parted(carol), l.work("carol", 0), postrider.Workers(4)); err != nil {
					t.Fatal(err)
				}
				free := func(inHand ...string) (messages int) {
					mine := map[int]bool{}
					for _, key := range inHand {
						mine[postrider.PartitionOf(key, 8)] = true
					}
					for k := range keys {
						if !mine[postrider.PartitionOf(fmt.Sprint("key ", k), 8)] {
							messages += each
						}
					}
					return messages
				}
				l.wait(free(kept, failing), 5*time.Second)
				goOn[failing] <- errors.New("not today")
				l.wait(free(kept), 5*time.Second)
				goOn[kept] <- errors.New("not today")
				l.wait(keys*each, 5*time.Second)
				l.inOrder(keys, each)
			})
		})
	}
}

func TestAWorkerThatDiesIsReplaced(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		net.broker()
		alice, carol := net.node("alice", onBroker), net.node("carol", onBroker)
		const keys = 20
		l := newLedger(t)
		bob := net.node("bob", onBroker)
		for _, n := range []*postrider.Node{bob, carol} {
			if err := n.Handle(t.Context(), parted(n), l.work(n.Name(), time.Second), postrider.Workers(8)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(10 * time.Second)
		sendKeyed(t, parted(alice), keys, 0, 5)
		time.Sleep(1500 * time.Millisecond)
		bob.Close() // in the midst of work, which it does not finish
		l.wait(keys*5, time.Hour)
		l.inOrder(keys, 5)
	})
}

func TestOrderHoldsWhenConnectionsBreak(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		_, mq := net.broker()
		alice, bob := net.node("alice", onBroker), net.node("bob", onBroker)
		const keys, each = 10, 20
		var mu sync.Mutex
		last := map[string]int{}
		count := 0
		err := bob.Handle(t.Context(), parted(bob), func(ctx context.Context, m *postrider.Message) error {
			time.Sleep(100 * time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			var i int
			fmt.Sscan(string(m.Body), &i)
			if i != last[m.Key()] {
				t.Errorf("%s: %d after %d", m.Key(), i, last[m.Key()]-1)
			}
			last[m.Key()] = i + 1
			count++
			return nil
		}, postrider.Workers(4))
		if err != nil {
			t.Fatal(err)
		}
		sendKeyed(t, parted(alice), keys, 0, each)
		for range 5 {
			time.Sleep(700 * time.Millisecond)
			mq.cut()
		}
		time.Sleep(time.Hour)
		mu.Lock()
		defer mu.Unlock()
		if count != keys*each {
			t.Errorf("%d were handled, want %d", count, keys*each)
		}
	})
}

func TestAFailureHoldsBackItsKeyAlone(t *testing.T) {
	onBoth(t, func(t *testing.T, producer, worker *postrider.Node) {
		start := time.Now()
		seen := make(chan string, 100)
		err := worker.Handle(t.Context(), worker.Mailbox("jobs", postrider.Partitions(1)), func(_ context.Context, m *postrider.Message) error {
			f, _ := m.Failure()
			seen <- fmt.Sprintf("%s %s after %v, %d failures", m.Key(), m.Body, time.Since(start).Round(10*time.Millisecond), f.Tries)
			if string(m.Body) == "bad" {
				return errors.New("never")
			}
			return nil
		}, postrider.MaxTries(3))
		if err != nil {
			t.Fatal(err)
		}
		jobs := producer.Mailbox("jobs", postrider.Partitions(1))
		for _, m := range [][2]string{{"a", "bad"}, {"a", "good"}, {"b", "good"}} {
			if err := jobs.Send(t.Context(), m[1], postrider.Key(m[0])); err != nil {
				t.Fatal(err)
			}
		}
		wantSeen(t, seen, "a bad after 0s, 0 failures", "b good after 0s, 0 failures", "a bad after 100ms, 1 failures",
			"a bad after 400ms, 2 failures", "a good after 400ms, 0 failures")
		m := wantBody(t, collect(t, worker, jobsOf(worker).Dead()), "bad")
		if f, _ := m.Failure(); f.Tries != 3 || m.To != "jobs.dead" || m.Key() != "a" {
			t.Errorf("%+v in %s", f, m.To)
		}
	})
}

func jobsOf(n *postrider.Node) *postrider.Target { return n.Mailbox("jobs", postrider.Partitions(1)) }

func TestAnotherNumberOfPartitionsIsAnError(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		net.broker()
		alice, bob := net.node("alice", onBroker), net.node("bob", onBroker)
		if err := parted(alice).Send(t.Context(), "a", postrider.Key("k")); err != nil {
			t.Fatal(err)
		}
		four := bob.Mailbox("jobs", postrider.Partitions(4))
		err := four.Send(t.Context(), "b", postrider.Key("k"))
		e := fate(t, err, false, postrider.ErrPartitions)
		if !strings.Contains(e.Error(), "than 4") || !strings.Contains(e.Error(), "8") {
			t.Errorf("%v does not name the numbers", e)
		}
		err = bob.Handle(t.Context(), four, func(context.Context, *postrider.Message) error { return nil })
		if !errors.Is(err, postrider.ErrPartitions) {
			t.Errorf("%v is not ErrPartitions", err)
		}
		if err := alice.Mailbox("jobs").Send(t.Context(), "c"); !errors.Is(err, postrider.ErrPartitions) {
			t.Errorf("without partitions: %v", err)
		}
		if err := alice.Mailbox("many", postrider.Partitions(257)).Send(t.Context(), "c"); err == nil || !strings.Contains(err.Error(), "256") {
			t.Error(err)
		}
	})
}

// Whoever uses a mailbox in another form than it has would send to where nobody receives, or receive where nobody sends.
func TestAMailboxHasPartitionsForAllOrForNone(t *testing.T) {
	wrong := func(t *testing.T, n *postrider.Node, box *postrider.Target, texts ...string) {
		t.Helper()
		_, posted := post(t, box, "x").Wait(t.Context())
		_, called := postrider.Call[string](t.Context(), box, "x")
		for _, err := range []error{
			box.Send(t.Context(), "x"), posted, called,
			n.Handle(t.Context(), box, func(context.Context, *postrider.Message) error { return nil }), loopError(t, n, box),
		} {
			if !errors.Is(err, postrider.ErrPartitions) {
				t.Errorf("%s: %v is not ErrPartitions", box, err)
				continue
			}
			for _, text := range texts {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("%v does not say %q", err, text)
				}
			}
		}
	}
	inMemory(t, func(t *testing.T, net *network) {
		net.broker()
		alice, bob := net.node("alice", onBroker), net.node("bob", onBroker)
		if err := parted(alice).Send(t.Context(), "a", postrider.Key("k")); err != nil {
			t.Fatal(err)
		}
		wrong(t, bob, bob.Mailbox("jobs"), "mailbox jobs has 8 partitions", "name the number")
		carol := net.node("carol", onBroker)
		wrong(t, carol, carol.Mailbox("jobs", postrider.SingleActive()), "mailbox jobs has 8 partitions")

		if err := alice.Mailbox("plain").Send(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		wrong(t, bob, bob.Mailbox("plain", postrider.Partitions(4)), "mailbox plain has no partitions, and was named with 4", "work it off")
		wantBody(t, collect(t, carol, carol.Mailbox("plain")), "a")
	})
}

// loopError is how a loop over a mailbox ends at once.
func loopError(t *testing.T, n *postrider.Node, box *postrider.Target) (err error) {
	for _, err = range n.Messages(within(t, time.Minute), postrider.Of(box)) {
		break
	}
	return err
}

func TestAnEmbeddedMailboxHasPartitionsForAllOrForNone(t *testing.T) {
	dir := t.TempDir()
	kept := func(c *postrider.Config) { c.Dir = dir }
	inMemory(t, func(t *testing.T, net *network) {
		shop := net.node("shop", kept)
		if err := parted(shop).Send(t.Context(), "a", postrider.Key("k")); err != nil {
			t.Fatal(err)
		}
		if err := shop.Mailbox("plain").Send(t.Context(), "b"); err != nil {
			t.Fatal(err)
		}
		shop.Close()
		shop = net.node("shop", kept)
		for _, box := range []*postrider.Target{shop.Mailbox("jobs"), shop.Mailbox("plain", postrider.Partitions(2))} {
			fate(t, box.Send(t.Context(), "x"), false, postrider.ErrPartitions)
			if err := loopError(t, shop, box); !errors.Is(err, postrider.ErrPartitions) {
				t.Errorf("%s: %v", box, err)
			}
		}
	})
}

func TestACallToAPartition(t *testing.T) {
	onBoth(t, func(t *testing.T, producer, worker *postrider.Node) {
		err := worker.Handle(t.Context(), parted(worker), func(ctx context.Context, m *postrider.Message) error {
			return m.Reply(ctx, m.Key())
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err := postrider.Call[string](t.Context(), parted(producer), "?", postrider.Key("k"))
		if err != nil || got != "k" {
			t.Error(got, err)
		}
	})
}

func TestANodeThatShutsDownHandsItsPartitionsOver(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		b, _ := net.broker()
		bob, carol := net.node("bob", onBroker), net.node("carol", onBroker)
		l := newLedger(t)
		for _, n := range []*postrider.Node{bob, carol} {
			if err := n.Handle(t.Context(), parted(n), l.work(n.Name(), time.Second)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		if err := bob.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := receiving(t, b); n != 8 {
			t.Errorf("%d partitions have a worker at once, want 8", n)
		}
	})
}

// receiving counts the partitions that somebody receives from.
func receiving(t *testing.T, b *broker.Broker) (n int) {
	t.Helper()
	c, err := b.Dial(broker.DialConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i := range 8 {
		q, err := c.DeclareQueue(t.Context(), broker.QueueOptions{Name: fmt.Sprint("jobs.p", i), Passive: true})
		if err != nil {
			t.Fatal(err)
		}
		if q.Consumers > 0 {
			n++
		}
	}
	return n
}

// On RabbitMQ workers come, hand over, crash and fail in real time.
func TestPartitionsOnRabbitMQ(t *testing.T) {
	alice, bob, carol := rabbit(t, "alice"), rabbit(t, "bob"), rabbit(t, "carol")
	name := fresh(t)
	jobs := func(n *postrider.Node) *postrider.Target { return n.Mailbox(name, postrider.Partitions(4)) }
	const keys = 12
	var mu sync.Mutex
	next, by, failed := map[string]int{}, map[string]int{}, map[string]bool{}
	done := make(chan struct{}, 10000)
	work := func(n *postrider.Node) {
		t.Helper()
		err := n.Handle(t.Context(), jobs(n), func(ctx context.Context, m *postrider.Message) error {
			mu.Lock()
			defer mu.Unlock()
			var i int
			fmt.Sscan(string(m.Body), &i)
			if i == 7 && !failed[m.Key()] {
				failed[m.Key()] = true
				return errors.New("not now")
			}
			switch {
			case i == next[m.Key()]:
				next[m.Key()]++
				by[n.Name()]++
				done <- struct{}{}
			case i > next[m.Key()]:
				t.Errorf("%s: %d, want %d", m.Key(), i, next[m.Key()])
			}
			return nil
		}, postrider.Workers(4))
		if err != nil {
			t.Error(err)
		}
	}
	wait := func(n int) {
		t.Helper()
		for range n {
			select {
			case <-done:
			case <-soon(t).Done():
				t.Fatal("messages are missing")
			}
		}
	}
	work(bob)
	sendKeyed(t, jobs(alice), keys, 0, 10)
	wait(keys * 10)
	work(carol)
	sendKeyed(t, jobs(alice), keys, 10, 30)
	wait(keys * 20)
	state := func() (carols, sent int) {
		mu.Lock()
		defer mu.Unlock()
		return by["carol"], next["key 0"]
	}
	carols, from := state()
	for carols == 0 { // she gets her share some time
		sendKeyed(t, jobs(alice), keys, from, from+1)
		wait(keys)
		carols, from = state()
	}
	sendKeyed(t, jobs(alice), keys, from, from+50)
	wait(keys * 10)
	bob.Close()
	wait(keys * 40)

	err := carol.Mailbox(name, postrider.Partitions(5)).Send(soon(t), "x")
	if !errors.Is(err, postrider.ErrPartitions) {
		t.Error(err)
	}
	err = rabbit(t, "dave").Mailbox(name, postrider.Partitions(5)).Send(soon(t), "x")
	if !errors.Is(err, postrider.ErrPartitions) {
		t.Error(err)
	}
}

func TestWhatWasPostedToAPartitionIsSentOnAfterARestart(t *testing.T) {
	dir := t.TempDir()
	inMemory(t, func(t *testing.T, net *network) {
		alice := net.node("alice", onBroker, inDir(dir))
		for i := range 10 {
			rc, err := parted(alice).Post(t.Context(), fmt.Sprint(i), postrider.Key("key 0"))
			if err != nil {
				t.Fatal(err)
			}
			waitFor(t, rc, postrider.Kept)
		}
		alice.Close()
		net.broker()
		net.node("alice", onBroker, inDir(dir))
		bob := net.node("bob", onBroker)
		l := newLedger(t)
		if err := bob.Handle(t.Context(), parted(bob), l.work("bob", 0)); err != nil {
			t.Fatal(err)
		}
		l.wait(10, time.Hour)
		l.inOrder(1, 10)
	})
}

// What makes no sense is refused, and is not held against who names it rightly then.
func TestPartitionsThatCannotBe(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice := net.node("alice")
		for want, options := range map[string][]postrider.MailboxOption{
			"0 partitions, 1 to 256": {postrider.Partitions(0)},
			"-1 partitions":          {postrider.Partitions(-1)},
			"257 partitions":         {postrider.Partitions(257)},
			"one receiver for all":   {postrider.Partitions(8), postrider.SingleActive()},
		} {
			err := alice.Mailbox("jobs", options...).Send(t.Context(), "x", postrider.Key("k"))
			if fate(t, err, false); !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			}
		}
		if err := parted(alice).Send(t.Context(), "x", postrider.Key("k")); err != nil {
			t.Error(err)
		}
		long := strings.Repeat("n", 250)
		if err := alice.Mailbox(long, postrider.Partitions(2)).Send(t.Context(), "x"); err == nil || !strings.Contains(err.Error(), "255 are allowed") {
			t.Error(err)
		}
		if err := alice.Mailbox(long).Send(t.Context(), "x"); err != nil {
			t.Error(err)
		}
	})
}

// Who may publish on the broker can say that a worker is there that never was, and will not speak again for years.
func TestAWorkerThatIsNotThereIsForgotten(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		net.broker()
		alice := net.node("alice", onBroker)
		jobs := alice.Mailbox("jobs", postrider.Partitions(8))
		got := collect(t, alice, jobs)
		synctest.Wait() // the exchange of presences is bound by now
		for _, presence := range []string{`{"worker": "nobody", "every": 1000000000000}`, `{"worker": "nor he", "every": 9223372036854775807}`, `{"worker": 1}`, "no JSON"} {
			publishVia(t, "amqp://mq:1", net.Dialer("application"), amqp.Properties{}, "jobs.workers", "", presence)
		}
		time.Sleep(5 * time.Minute)
		for i := range 32 { // spread evenly
			if err := jobs.Send(t.Context(), fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if len(got) != 32 {
			t.Errorf("%d of 32 were handled", len(got))
		}
	})
}
