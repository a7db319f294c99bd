package core

import (
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider/internal/queue"
	"github.com/postrider-mq/postrider/internal/route"
)

// crowdedWorld is a queue with a consumer and a publisher who, after each burst, waits as a connection does.
type crowdedWorld struct {
	*world
	sink *sink
	next int
}

func newCrowdedWorld(t *testing.T, prefetch uint16) *crowdedWorld {
	w := &crowdedWorld{world: newWorld(t, nil), sink: &sink{}}
	w.durable("q")
	w.consume("q", prefetch, w.sink)
	return w
}

// publish publishes n messages in one burst and returns for how long that was kept waiting.
func (w *crowdedWorld) publish(n int) time.Duration {
	w.t.Helper()
	w.fill("q", w.next, w.next+n)
	w.next += n
	return w.keepStep()
}

// keepStep waits as a connection does after a burst, and returns for how long.
func (w *world) keepStep() time.Duration {
	began := time.Now()
	if q, n := w.burst.Crowded(); q != nil {
		q.KeepStep(n, w.t.Context().Done())
	}
	return time.Since(began)
}

func (w *crowdedWorld) takeEach(n int, stop <-chan struct{}) { w.takesEach("q", w.sink, n, stop) }

// takesEach acknowledges so many of a queue a millisecond, until stop is closed.
func (w *world) takesEach(queue string, sink *sink, n int, stop <-chan struct{}) {
	var b Burst
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-stop:
			return
		}
		var given []uint64
		for _, d := range sink.take() {
			given = append(given, d.Pos)
		}
		b.Begin(w.core.Now())
		w.queue(queue).Settle(&b, given[:min(n, len(given))]...)
		b.End()
	}
}

func (w *crowdedWorld) ready() int { return w.world.ready("q") }

// Who can publish without end keeps as far ahead of a consumer who takes a million a second as much is, and no further.
func TestPublishersKeepStepWithQuickConsumers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newCrowdedWorld(t, 1000)
		stop := make(chan struct{})
		defer close(stop)
		go w.takeEach(1000, stop)
		const burst = 500
		began := time.Now()
		for range 400 {
			w.publish(burst)
			if n := w.ready(); n > crowdedFrom+2*burst {
				t.Fatalf("%d messages are ready", n)
			}
		}
		if took := time.Since(began); took > 250*time.Millisecond {
			t.Errorf("200,000 messages took %v, where 1,000 are taken each millisecond", took)
		}
	})
}

// So it is where each message goes to many queues, each of which is then taken from by so much more slowly. One of them that nobody takes from holds nobody up.
func TestPublishersKeepStepWithManyQuickConsumers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const queues, burst = 20, 500
		w := newWorld(t, nil)
		w.exchange("x", route.Fanout, true)
		stop := make(chan struct{})
		defer close(stop)
		for i := range queues {
			name := strconv.Itoa(i)
			w.durable(name)
			w.bind(name, "x", "")
			sink := new(sink)
			w.consume(name, 1000, sink)
			if i > 0 {
				go w.takesEach(name, sink, 30, stop)
			}
		}
		began := time.Now()
		for i := range 40 {
			for range burst {
				w.burst.Begin(w.core.Now())
				_, err := w.via.Publish(&w.burst, message("x", "", "news", false))
				w.must(err)
			}
			w.burst.End()
			w.keepStep()
			if n := w.ready("1"); i >= 10 && n > much(queues)+2*burst {
				t.Fatalf("%d messages are ready", n)
			}
		}
		if took := time.Since(began); took > 750*time.Millisecond {
			t.Errorf("20,000 messages took %v, where 30 are taken each millisecond", took)
		}
	})
}

// However much many publishers bring before they know of each other, what is too much is taken while they wait, and then they are as far ahead as one is.
func TestManyPublishersAreNoFurtherAheadThanOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const publishers, burst = 500, 50
		w := newCrowdedWorld(t, 1000)
		stop := make(chan struct{})
		defer close(stop)
		go func() {
			time.Sleep(time.Millisecond / 2) // never as a slice ends, when nobody is expected to publish for having gone on
			w.takeEach(1000, stop)
		}()
		var all sync.WaitGroup
		for range publishers {
			all.Go(func() {
				var b Burst
				via := w.client.VHost.NewPublisher()
				for range 8 { // who has nothing more to say does not wait
					if q, n := b.Crowded(); q != nil {
						q.KeepStep(n, t.Context().Done())
					}
					b.Begin(w.core.Now())
					for range burst {
						if _, err := via.Publish(&b, message("", "q", "news", false)); err != nil {
							t.Error(err)
						}
					}
					b.End()
				}
			})
		}
		began := time.Now()
		time.Sleep(40 * time.Millisecond)
		synctest.Wait()
		if n := w.ready(); n < crowdedFrom/2 || n > crowdedFrom+10*burst {
			t.Errorf("%d messages are ready when 40,000 were taken, where 25,000 were brought at once", n)
		}
		all.Wait()
		if took := time.Since(began); took < 185*time.Millisecond || took > 210*time.Millisecond {
			t.Errorf("200,000 messages took %v, where 1,000 are taken each millisecond", took)
		}
	})
}

// A queue takes what comes, however slowly it is taken.
func TestNobodyWaitsLongForSlowConsumers(t *testing.T) {
	for _, c := range []struct {
		name string
		each int // taken in a millisecond
	}{{"nothing is taken", 0}, {"50,000 are taken a second", 50}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newCrowdedWorld(t, 1000)
				stop := make(chan struct{})
				defer close(stop)
				go w.takeEach(c.each, stop)
				var waited time.Duration
				for range 400 {
					waited += w.publish(500)
				}
				if least, most := mostLull*flowSlice, (mostLull+2)*flowSlice; waited < least || waited > most {
					t.Errorf("waited for %v, want %v to %v, once", waited, least, most)
				}
			})
		})
	}
}

// Who was found slow is asked again when he has taken nearly all.
func TestConsumersAreJudgedAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newCrowdedWorld(t, 1000)
		if w.publish(2*crowdedFrom) == 0 {
			t.Error("did not wait")
		}
		if d := w.publish(500); d != 0 {
			t.Errorf("waited for %v once more", d)
		}
		for w.ready() >= much(1)/2 {
			var given []uint64
			for _, d := range w.sink.take() {
				given = append(given, d.Pos)
			}
			w.do(func(b *Burst) { w.queue("q").Settle(b, given...) })
		}
		if d := w.publish(500); d != 0 {
			t.Errorf("waited for %v where little is ready", d)
		}
		if w.publish(2*crowdedFrom) == 0 {
			t.Error("did not wait when much was ready again")
		}
	})
}

func TestTheWaitEndsWithTheQueueAndWithWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newCrowdedWorld(t, 1000)
		w.fill("q", 0, 2*crowdedFrom)
		stop := make(chan struct{})
		close(stop)
		began := time.Now()
		q, n := w.burst.Crowded()
		q.KeepStep(n, stop)
		if d := time.Since(began); d != 0 {
			t.Errorf("who ends waited for %v", d)
		}
		w.fill("q", 0, 10)
		q, n = w.burst.Crowded()
		time.AfterFunc(time.Millisecond, func() { w.delete("q") })
		q.KeepStep(n, t.Context().Done())
		if d := time.Since(began); d > time.Millisecond {
			t.Errorf("waited for %v for a queue that was deleted", d)
		}

		w = newCrowdedWorld(t, 1000)
		w.fill("q", 0, 2*crowdedFrom)
		began = time.Now()
		q, n = w.burst.Crowded()
		time.AfterFunc(time.Millisecond, q.rest)
		q.KeepStep(n, t.Context().Done())
		if d := time.Since(began); d > time.Millisecond {
			t.Errorf("waited for %v for a queue that rests", d)
		}
	})
}

// Consumers may be quick and yet never come to what somebody waits for.
func TestNobodyWaitsLongerThanASecond(t *testing.T) {
	var f flow
	f.ease(0, crowdedFrom+1, 1)
	patient, late := f.join(0, 1_000_000), f.join(queue.Time(flowSlice), 1)
	for now := queue.Time(flowSlice); now < queue.Time(longestTurn); now += queue.Time(flowSlice) {
		for range quickSlice {
			f.took(crowdedFrom)
		}
		if !f.watch(now, crowdedFrom) || over(patient) {
			t.Fatalf("goes on after %v", time.Duration(now))
		}
	}
	if !f.watch(queue.Time(longestTurn), crowdedFrom) || !over(patient) || over(late) {
		t.Error("the first in line has to go on, and he alone")
	}
}

func over(t *turn) bool {
	select {
	case <-t.come:
		return true
	default:
		return false
	}
}

// Who waits goes on in turn, as soon as there is room for what those publish who went on before.
func TestWhoWaitsGoesOnInTurn(t *testing.T) {
	var f flow
	f.ease(0, crowdedFrom+1, 1)
	turns := []*turn{f.join(0, 3), f.join(0, 2), f.join(0, 1)}
	ready := crowdedFrom + 2
	take := func() { ready--; f.took(ready) }
	publish := func() { ready++; f.ease(0, ready, 1) }
	for n, step := range []struct {
		do   func()
		want string
	}{
		{take, ""}, {take, ""}, {take, "0"}, // 8,191 are ready, and 3 to come
		{take, "0"}, {publish, "0"}, {publish, "0"}, {take, "0"}, {publish, "0"}, // they have come
		{take, "0 1"}, {take, "0 1"}, // and 2 are to come, which do not
		{take, "0 1 2"},
	} {
		step.do()
		var on []string
		for i, turn := range turns {
			if over(turn) {
				on = append(on, strconv.Itoa(i))
			}
		}
		if got := strings.Join(on, " "); got != step.want {
			t.Errorf("after step %d, with %d ready, go on: %q, want %q", n, ready, got, step.want)
		}
	}
}

// Who goes on and publishes nothing keeps the others waiting no longer than consumers have something to take.
func TestWhoGoesOnAndIsSilentHoldsNobodyUp(t *testing.T) {
	var f flow
	f.ease(0, crowdedFrom+1, 1)
	f.join(0, crowdedFrom)
	next := f.join(0, 1)
	for ready := crowdedFrom; ready > 0; ready-- {
		f.took(ready)
	}
	if over(next) {
		t.Fatal("what the first may publish is forgotten at once")
	}
	if f.took(0); !over(next) {
		t.Error("waits though nothing is ready")
	}
	f.join(0, crowdedFrom)
	next = f.join(0, 1)
	f.took(1)
	if f.watch(queue.Time(flowSlice), 1); !over(next) {
		t.Error("waits though the first has been silent for a slice")
	}
}

// A queue that gets messages alone, too, is taken from as quickly as such a one, or nobody waits for its consumers.
func TestWhoPublishesToOneQueueWaitsForItsConsumersAlone(t *testing.T) {
	var f flow
	f.ease(0, crowdedFrom+1, 100)
	f.ease(0, crowdedFrom+1, 1)
	for i := 1; i <= mostLull; i++ {
		for range quickSlice / 100 {
			f.took(crowdedFrom)
		}
		if slow := f.slow(queue.Time(i) * queue.Time(flowSlice)); slow != (i == mostLull) {
			t.Errorf("after %d slices: slow %v", i, slow)
		}
	}
}

// As long as more come to wait, that they come is what the broker is busy with.
func TestConsumersAreNotJudgedWhileTheLineGrows(t *testing.T) {
	var f flow
	f.ease(0, crowdedFrom+1, 1)
	slow := func() bool { return f.slow(f.since + queue.Time(flowSlice)) }
	for i := range 20 {
		f.join(0, 100)
		if slow() {
			t.Fatalf("given up on after %d slices, in each of which one has come", i+1)
		}
	}
	for range mostLull - 1 {
		if slow() {
			t.Fatal("given up on too early")
		}
	}
	if !slow() {
		t.Error("not given up on when nobody came any more")
	}
	for range quickSlice {
		f.took(crowdedFrom)
	}
	if slow() {
		t.Error("a slice that was quick changed nothing")
	}
}
