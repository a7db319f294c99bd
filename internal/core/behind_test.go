package core

import (
	"context"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/disk"
	"github.com/postrider-mq/postrider/internal/journal"
	"github.com/postrider-mq/postrider/internal/policy"
)

// handWorld is a broker in memory whose timer looks at the time when it is told to.
func handWorld(t *testing.T, now *time.Time) (*world, *Manual) {
	t.Helper()
	m := &Manual{Now: func() time.Time { return *now }}
	c, err := Open(Config{Manual: m})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	v, _ := c.VHost("/")
	return &world{t: t, core: c, client: v.NewClient("test"), via: v.NewPublisher()}, m
}

// fill publishes what is called by its number.
func (w *world) fill(queue string, from, to int) {
	for i := from; i < to; i++ {
		w.burst.Begin(w.core.Now())
		_, err := w.via.Publish(&w.burst, message("", queue, strconv.Itoa(i), false))
		w.must(err)
	}
	w.burst.End()
}

func (w *world) ready(queue string) int {
	info, err := w.tryDeclare(w.client, QueueSpec{Name: queue, Durable: true})
	w.must(err)
	return info.Messages
}

// A policy makes 100,000 messages too many. Who sets it drops a few of them; the
// rest is dropped in slices, between which consumers and publishers are served,
// and everything reaches the dead letter's queue in its order.
func TestALimitDropsInSlices(t *testing.T) {
	const many, kept = 100_000, 10
	now := time.Now()
	w, hand := handWorld(t, &now)
	w.durable("q", "dead")
	w.fill("q", 0, many)

	p, names, err := readPolicy(UserPolicy, "short", rules("^q$", policy.Definition{
		"max-length": int64(kept), "dead-letter-exchange": "", "dead-letter-routing-key": "dead",
	}))
	w.must(err)
	_, err = w.vhost().enact(func(all *policies) journal.LSN {
		all.users = all.users.With(p, names)
		return 0
	})
	w.must(err)
	w.vhost().followAll()
	first := w.ready("dead")
	if first < dropsABurst || first >= 2*dropsABurst {
		t.Fatalf("%d were dropped and buried, want about %d", first, dropsABurst)
	}

	s := &sink{}
	c := w.consume("q", 3, s) // nobody waits for the timer
	out := s.want(t, strconv.Itoa(first), strconv.Itoa(first+1), strconv.Itoa(first+2))
	w.fill("q", many, many+1) // and drops some more
	if n := w.ready("q"); n < many-3*dropsABurst {
		t.Fatalf("%d are left: a publish dropped more than its share", n)
	}
	w.cancel(c)
	w.ack(out...)

	hand.Tick()
	if n := w.ready("q"); n != kept {
		t.Fatalf("%d are left, want %d", n, kept)
	}
	dead := w.contents("dead")
	want := 0
	for i, body := range dead {
		if want == first {
			want += 3 // which were consumed
		}
		if body != strconv.Itoa(want) {
			t.Fatalf("the dead letter %d is %s, want %d", i, body, want)
		}
		want++
	}
	if want != many+1-kept {
		t.Errorf("the last dead letter is %d, want %d", want-1, many-kept)
	}
}

// Without dead letters it is the same: the lock is held for a slice.
func TestALimitWithoutDeadLettersDropsInSlices(t *testing.T) {
	const many = 50_000
	now := time.Now()
	w, hand := handWorld(t, &now)
	w.durable("q")
	w.fill("q", 0, many)
	w.setPolicy("short", "", policy.Definition{"max-length": int64(10)})
	if n := w.ready("q"); n < many-2*dropsABurst {
		t.Fatalf("%d are left: one slice dropped the rest", n)
	}
	hand.Tick()
	if n := w.ready("q"); n != 10 {
		t.Errorf("%d are left, want 10", n)
	}
}

// What has expired is not delivered, however many stand before the first that has not.
func TestAGetWaitsForWhatHasExpired(t *testing.T) {
	now := time.Now()
	w, _ := handWorld(t, &now)
	w.durable("q")
	w.setPolicy("brief", "", policy.Definition{"message-ttl": int64(1000)})
	w.fill("q", 0, 5*dropsABurst)
	w.clearPolicy("brief")
	w.fill("q", 5*dropsABurst, 5*dropsABurst+2)
	now = now.Add(time.Minute)
	w.do(func(b *Burst) {
		_, d, left, ok, err := w.client.Get(t.Context(), b, "q", true)
		w.must(err)
		if !ok || string(d.Message.Body) != strconv.Itoa(5*dropsABurst) || left != 1 {
			t.Errorf("got %+v, %d left, want the first that has not expired, and one", d.Message, left)
		}
	})
}

// A broker that dies between two slices goes on where it was, and one that has a
// clock comes to the end by itself.
func TestACrashBetweenSlices(t *testing.T) {
	const many = 5 * dropsABurst
	w := newWorld(t, disk.NewMem())
	w.durable("q", "dead")
	for i := range many {
		w.publish(message("", "q", strconv.Itoa(i), true))
	}
	w.sync()
	w.core.timer.stop() // nothing goes on
	w.setPolicy("short", "^q$", policy.Definition{"max-length": int64(10), "dead-letter-exchange": "", "dead-letter-routing-key": "dead"})
	w.sync()
	if n := w.ready("q"); n <= 10 {
		t.Fatalf("%d are left: there were no slices", n)
	}
	w.crash(1)
	for w.ready("q") != 10 { // by its clock
		w.must(w.core.Sync(context.Background()))
	}
	for w.ready("dead") < many-10 { // the last slice is being buried
		w.must(w.core.Sync(context.Background()))
	}
	have := map[string]bool{}
	for _, body := range append(w.contents("q"), w.contents("dead")...) {
		have[body] = true
	}
	if len(have) != many {
		t.Errorf("%d of %d messages are there", len(have), many)
	}
}

// Twenty thousand delayed messages are due at once. They are released in slices,
// in the order of their times, between which consumers and publishers are served.
func TestDelayedMessagesAreReleasedInSlices(t *testing.T) {
	const many = 20_000
	now := time.Now()
	w, hand := handWorld(t, &now)
	w.delaying()
	w.durable("aside")
	w.bind("aside", "x", "aside")
	for i := range many {
		w.burst.Begin(w.core.Now())
		_, err := w.via.Publish(&w.burst, later(1000+i%2, strconv.Itoa(i), false)) // the even ones first
		w.must(err)
	}
	w.burst.End()
	now = now.Add(time.Minute)

	w.do(w.vhost().stores["x"].advance) // as the timer does
	first := w.ready("q")
	if first < dropsABurst || first >= 2*dropsABurst {
		t.Fatalf("%d were released at once, want about %d", first, dropsABurst)
	}
	s := &sink{}
	c := w.consume("q", 3, s) // nobody waits for the timer
	out := s.want(t, "0", "2", "4")
	w.cancel(c)
	w.ack(out...)
	w.publish(&Message{Address: &Address{Exchange: "x", Key: "aside"}, Body: []byte("at once")})
	w.wantTaken("aside", "at once")
	w.publish(later(3600_000, "much later", false))
	if n := w.stored(); n < many-3*dropsABurst {
		t.Fatalf("%d are left: a publish released more than its share", n)
	}

	hand.Tick()
	if n := w.stored(); n != 1 {
		t.Fatalf("%d are left, want the one that is not due", n)
	}
	for i, body := range w.contents("q") {
		want := 2 * (i + 3)
		if want >= many {
			want -= many - 1
		}
		if body != strconv.Itoa(want) {
			t.Fatalf("the released message %d is %s, want %d", i, body, want)
		}
	}
	if n := w.ready("q"); n != many-3 {
		t.Errorf("%d were released, want %d", n, many-3)
	}
}

// A broker that dies between two slices releases the rest when it is back, and nothing is lost.
func TestACrashBetweenTheSlicesOfARelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const many = 5 * dropsABurst
		w := newWorld(t, disk.NewMem())
		w.delaying()
		for i := range many {
			w.publish(later(1000, strconv.Itoa(i), true))
		}
		w.sync()
		w.core.timer.stop() // nothing goes on by itself
		time.Sleep(2 * time.Second)
		w.do(w.vhost().stores["x"].advance)
		w.sync()
		if n := w.stored(); n == 0 || n == many {
			t.Fatalf("%d are left: there were no slices", n)
		}
		w.crash(1)
		time.Sleep(time.Second)
		synctest.Wait()
		if n := w.stored(); n != 0 {
			t.Errorf("%d are still stored", n)
		}
		have := map[string]bool{}
		for _, body := range w.contents("q") {
			have[body] = true
		}
		if len(have) != many {
			t.Errorf("%d of %d messages are there", len(have), many)
		}
	})
}

// It is the same with what has expired: who comes upon it, and the timer, drop a slice at a time.
func TestAnExpiryDropsInSlices(t *testing.T) {
	const many = 50_000
	now := time.Now()
	w, hand := handWorld(t, &now)
	w.durable("q", "dead")
	w.setPolicy("brief", "^q$", policy.Definition{"message-ttl": int64(1000), "dead-letter-exchange": "", "dead-letter-routing-key": "dead"})
	w.fill("q", 0, many)
	w.clearPolicy("brief")
	w.setPolicy("buried", "^q$", policy.Definition{"dead-letter-exchange": "", "dead-letter-routing-key": "dead"})
	now = now.Add(time.Minute)
	w.fill("q", many, many+1)
	if n := w.ready("q"); n < many-2*dropsABurst {
		t.Fatalf("%d are left: a publish dropped the rest", n)
	}
	w.do(w.queue("q").advance) // as the timer does
	if n := w.ready("q"); n < many-4*dropsABurst || n >= many {
		t.Fatalf("%d are left of %d: one slice dropped the rest, or none", n, many)
	}
	hand.Tick()
	w.wantContents("q", strconv.Itoa(many))
	dead := w.contents("dead")
	for i, body := range dead {
		if body != strconv.Itoa(i) {
			t.Fatalf("the dead letter %d is %s", i, body)
		}
	}
	if len(dead) != many {
		t.Errorf("%d dead letters, want %d", len(dead), many)
	}
}

// A purge of many lets others have their turn: one slice of it ends so many, and what comes between is there, or goes with the rest.
func TestAPurgeIsDoneInSlices(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	w.durable("q")
	for range purgeSlice + 100 {
		w.publish(message("", "q", "x", true))
	}
	q := w.queue("q")
	w.do(func(b *Burst) {
		if n, of := q.purgeSome(b, purgeSlice); n != purgeSlice || of != purgeSlice+100 {
			t.Errorf("%d of %d went at once, want %d", n, of, purgeSlice)
		}
		if n, of := q.purgeSome(b, 40); n != 40 || of != 100 {
			t.Errorf("%d of %d went then, want 40", n, of)
		}
	})
	w.publish(message("", "q", "between", true))
	var n int
	w.do(func(b *Burst) { n, _ = w.client.PurgeQueue(b, "q") })
	if left := w.ready("q"); n != 61 || left != 0 {
		t.Errorf("%d went, and %d are left", n, left)
	}
	w.restart()
	if left := w.ready("q"); left != 0 {
		t.Errorf("%d are there after a restart", left)
	}
}

// What comes into a queue during its purge expires in its time, though what was purged stood before it.
func TestWhatComesDuringAPurgeExpires(t *testing.T) {
	now := time.Now()
	w, hand := handWorld(t, &now)
	w.durable("q")
	w.fill("q", 0, 10)
	w.do(func(b *Burst) {
		q := w.queue("q")
		w.publish(with("q", "brief", amqp.Properties{Expiration: "1000"}))
		q.purgeSome(b, 10)
	})
	now = now.Add(time.Minute)
	hand.Tick()
	if n := w.ready("q"); n != 0 {
		t.Errorf("%d are there after their time", n)
	}
}

// The messages of a deleted queue are let go when no lock is held: others declare meanwhile what they like.
func TestADeletedQueueLetsGoBehindEverybody(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	w.durable("q")
	before := w.core.journal.Stats().LiveRecords
	for range 1000 {
		w.publish(message("", "q", "x", true))
	}
	var b Burst
	b.Begin(w.core.Now())
	n, err := w.client.DeleteQueue(t.Context(), &b, "q", false, false)
	w.must(err)
	if live := w.core.journal.Stats().LiveRecords; n != 1000 || live < before+999 {
		t.Errorf("%d of %d messages were let go at once", before+1000-live, n)
	}
	w.durable("q") // another one of that name
	b.End()
	if live := w.core.journal.Stats().LiveRecords; live != before {
		t.Errorf("%d records are live, want %d", live, before)
	}
	w.restart()
	if left := w.ready("q"); left != 0 {
		t.Errorf("%d are there after a restart", left)
	}
}

// Who waits to succeed the consumer that a queue serves alone gets nothing of a queue that is deleted: all that was in it is counted, and let go.
func TestADeletedQueueIsGivenToNobody(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	before := w.core.journal.Stats().LiveRecords
	w.declare(args(amqp.Table{"x-single-active-consumer": true})("q"))
	for range 100 {
		w.publish(message("", "q", "x", true))
	}
	w.consume("q", 10, &sink{})
	for range 3 {
		_, err := w.tryConsume(w.client, ConsumeSpec{Queue: "q", Tag: "next", NoAck: true}, &sink{})
		w.must(err)
	}
	var n int
	w.do(func(b *Burst) {
		var err error
		n, err = w.client.DeleteQueue(t.Context(), b, "q", false, false)
		w.must(err)
	})
	if live := w.core.journal.Stats().LiveRecords; n != 90 || live != before {
		t.Errorf("%d were ready, want 90; %d records are live, want %d", n, live, before)
	}
}

// So are the messages that a deleted exchange has delayed.
func TestADeletedExchangeLetsGoBehindEverybody(t *testing.T) {
	const many = 1000
	w := newWorld(t, disk.NewMem())
	w.delaying()
	for range many {
		w.publish(later(60_000, "x", true))
	}
	before := w.core.journal.Stats().LiveRecords
	var b Burst
	b.Begin(w.core.Now())
	w.must(w.client.DeleteExchange(t.Context(), &b, "x", false))
	if live := w.core.journal.Stats().LiveRecords; live < many {
		t.Errorf("%d of %d messages were let go while the virtual host was locked", before-live, many)
	}
	b.End()
	if live := w.core.journal.Stats().LiveRecords; live != before-many-3 { // nor are there exchange, store and binding
		t.Errorf("%d records are live, want %d", live, before-many-3)
	}
	w.restart()
	w.delaying()
	if n := w.stored(); n != 0 {
		t.Errorf("%d messages of the exchange before are there", n)
	}
}

// While the disk does not answer, dead letters wait for it, and all else that is due is done.
func TestADiskThatIsBehindHoldsUpDeadLettersAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, stuck, goOn := stuckWorld(t)
		defer w.core.Close()
		w.durable("dead")
		w.declare(args(amqp.Table{"x-message-ttl": int32(1000), "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"})("dying"))
		w.declare(args(amqp.Table{"x-message-ttl": int32(2000)})("brief"))
		w.declare(args(amqp.Table{"x-expires": int32(2000)})("passing"))
		w.fill("dying", 0, 3*dropsABurst)
		w.fill("brief", 0, 10)
		stuck.Store(true)
		for w.core.Behind() == 0 {
			w.publish(message("", "dead", string(make([]byte, 1<<20)), true))
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if n := w.queue("brief").info().Messages; n != 0 {
			t.Errorf("%d have not expired in time", n)
		}
		if w.client.HasQueue("passing") {
			t.Error("a queue has not expired in time")
		}
		stuck.Store(false)
		close(goOn)
		time.Sleep(time.Second)
		synctest.Wait()
		if n := w.queue("dying").info().Messages; n != 0 {
			t.Errorf("%d have not expired when the disk has answered", n)
		}
	})
}
