package core

import (
	"fmt"
	"testing"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/disk"
)

// counts are the contents of a queue: * for each that may have been seen, and how often it came back.
func (w *world) counts(name string) (list []string) {
	w.t.Helper()
	q := w.queue(name)
	q.mu.Lock()
	defer q.mu.Unlock()
	for e := range q.core.All() {
		s := string(w.message(e.Msg).Body)
		if e.Redelivered {
			s += "*"
		}
		if e.Deliveries > 0 {
			s += fmt.Sprint(e.Deliveries)
		}
		list = append(list, s)
	}
	return list
}

func (w *world) wantCounts(name string, want ...string) {
	w.t.Helper()
	if got := w.counts(name); fmt.Sprint(got) != fmt.Sprint(want) {
		w.t.Errorf("in %s: %v, want %v", name, got, want)
	}
}

func quorum(name string) QueueSpec {
	return QueueSpec{Name: name, Durable: true, Args: amqp.Table{"x-queue-type": "quorum", "x-delivery-limit": int32(3)}}
}

// A queue with two levels goes on behind the positions that it gave out, in either, though its messages are gone: what was said of those
// is not said of what comes.
func TestWhatWasSaidOfAMessageIsNotSaidOfAnother(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	w.declare(quorum("q"))
	both := func(bodies ...string) {
		for i, body := range bodies {
			w.publish(with("q", body, amqp.Properties{DeliveryMode: 2, Priority: uint8(i * 5)}))
		}
		w.sync()
	}
	both("a normal one", "a high one")
	w.get("q", false)
	w.crash(1)
	w.wantCounts("q", "a high one*", "a normal one*")
	for range 2 {
		d, _ := w.get("q", false)
		w.ack(d)
	}
	w.restart()
	both("another normal one", "another high one")
	w.restart()
	w.wantCounts("q", "another high one", "another normal one")
}

// After an orderly end each message is as it was. After a crash so is each of a queue from which nobody took anything; all of
// another may have been seen, and came back at least as often as was known.
func TestWhatWasSeenIsKnownAfterAnOrderlyEnd(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	w.declare(quorum("q"))
	w.declare(QueueSpec{Name: "p", Durable: true, Args: amqp.Table{"x-max-priority": int32(4)}})
	w.send("q", "returned", "out", "ready")
	for i, body := range []string{"low", "high"} {
		w.publish(with("p", body, amqp.Properties{DeliveryMode: 2, Priority: uint8(i * 3)}))
	}
	d, _ := w.get("q", false)
	w.get("q", false)
	w.requeue(d)
	w.get("p", false)
	w.restart()
	w.wantCounts("q", "returned*1", "out*1", "ready")
	w.wantCounts("p", "high*1", "low")
	w.restart() // and nothing happened between
	w.wantCounts("q", "returned*1", "out*1", "ready")
	w.crash(1) // and still nothing
	w.wantCounts("q", "returned*1", "out*1", "ready")
	w.wantCounts("p", "high*1", "low")
	w.get("q", false)
	w.crash(2)
	w.wantCounts("q", "returned*1", "out*1", "ready*")
	w.wantCounts("p", "high*1", "low")
	w.restart()
	w.wantCounts("q", "returned*1", "out*1", "ready*")
}

// How often a message came back survives a crash, and counts against the limit.
func TestReturnsSurviveACrash(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	w.declare(quorum("q"))
	w.send("q", "poison", "other")
	for i := range 3 {
		d, _ := w.get("q", false)
		if d.Deliveries != uint32(i) {
			t.Errorf("delivery %d: came back %d times", i, d.Deliveries)
		}
		w.requeue(d)
		w.sync()
		w.crash(uint64(i))
	}
	w.wantCounts("q", "poison*3", "other*")
	for i := range 300 { // the compaction takes the count along
		w.durable("filling")
		w.publish(message("", "filling", fmt.Sprintf("%0500d", i), true))
		w.get("filling", true)
		if i%50 == 0 {
			w.sync()
		}
	}
	w.sync()
	w.crash(7)
	w.wantCounts("q", "poison*3", "other*")
	d, _ := w.get("q", false)
	w.requeue(d)
	w.wantCounts("q", "other*")
}

// What is published after a crash was not there before it: only what was is marked by the next one.
func TestACrashMarksWhatWasThere(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	w.declare(quorum("q"))
	w.send("q", "old", "older")
	w.get("q", true)
	w.sync()
	w.crash(1)
	w.send("q", "new")
	w.publish(with("q", "urgent", amqp.Properties{DeliveryMode: 2, Priority: 9}))
	w.sync()
	w.crash(2)
	w.wantCounts("q", "urgent", "older*", "new")
	for i := range 300 { // the compaction takes along what is known, and that nobody took anything
		w.durable("filling")
		w.publish(message("", "filling", fmt.Sprintf("%0500d", i), true))
		w.get("filling", true)
		if i%50 == 0 {
			w.sync()
		}
	}
	w.sync()
	w.crash(3)
	w.wantCounts("q", "urgent", "older*", "new")
	d, _ := w.get("q", false)
	w.requeue(d)
	w.sync()
	w.crash(4)
	w.wantCounts("q", "urgent*1", "older*", "new*")
}

// The consumer that comes first waits until it is written that deliveries begin: there is no moment at which a crash could
// forget what it was given.
func TestNothingIsDeliveredBeforeThatIsOnDisk(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	w.durable("q")
	w.send("q", "m")
	s := &sink{}
	before := w.core.Durable()
	w.consume("q", 0, s)
	s.want(t, "m")
	if w.core.Durable() <= before {
		t.Error("a message was delivered, and nothing was written before")
	}
	begun := w.core.journal.Last()
	w.consume("q", 0, &sink{})
	w.get("q", true)
	if last := w.core.journal.Last(); last != begun {
		t.Errorf("the second consumer wrote something at %d", last)
	}
	w.crash(1)
	w.wantCounts("q", "m*")
}

// Where the journal has a hole nobody knows whether deliveries had begun.
func TestAHoleMarksEverything(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	w.durable("q", "other")
	w.send("q", "m")
	w.send("other", "victim", "last")
	after := w.disk.Crash(1)
	w.core.Close()
	damage(t, after, "victim")
	w.disk = after
	w.open(after)
	w.wantCounts("q", "m*")
	w.send("q", "n")
	w.crash(2)
	w.wantCounts("q", "m*", "n")
}

// Who gets from a quorum queue is told how often a message came back before.
func TestTheCountIsInTheHeaders(t *testing.T) {
	for _, paged := range []bool{false, true} {
		w := newWorld(t, disk.NewMem())
		if paged {
			w.core.Close()
			w.tight = true
			w.disk = disk.NewMem()
			w.open(w.disk)
		}
		w.declare(quorum("q"))
		w.durable("classic")
		w.send("q", "m", "n", "o", "p")
		w.send("classic", "m")
		for i := range 3 {
			d, _ := w.get("q", false)
			got := w.delivered(d).headers()["x-delivery-count"]
			if got != int64(i) {
				t.Errorf("delivery %d: %v", i, got)
			}
			w.requeue(d)
			d, _ = w.get("classic", false)
			if got := w.delivered(d).headers()["x-delivery-count"]; got != nil {
				t.Errorf("a classic queue says %v", got)
			}
			w.requeue(d)
		}
	}
}

// delivered is the message of a delivery.
func (w *world) delivered(d Delivery) *Message {
	w.t.Helper()
	if d.Paged == nil {
		return d.Message
	}
	m, err := new(Loader).Keep(d.Paged)
	w.must(err)
	return m
}
