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

// After an orderly end each message is as it was; after a crash all may have been seen, and what had come back did so at least as often.
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
	w.crash(1)
	w.wantCounts("q", "returned*1", "out*1", "ready*")
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

// A consumer of a quorum queue is told how often a message came back, from the second time on.
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
			if i == 0 && got != nil || i > 0 && got != int64(i) {
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
