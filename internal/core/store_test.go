package core

import (
	"fmt"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/disk"
	"github.com/postrider-mq/postrider/internal/route"
)

// delaying declares a durable delayed exchange x, with a queue q bound to it by q.
func (w *world) delaying() {
	w.t.Helper()
	w.must(w.tryExchange(route.Exchange{Name: "x", Kind: route.Delayed, Durable: true, Args: amqp.Table{"x-delayed-type": "direct"}}))
	w.durable("q")
	w.bind("q", "x", "q")
}

func (w *world) tryExchange(x route.Exchange) (err error) {
	w.do(func(b *Burst) { err = w.client.DeclareExchange(w.t.Context(), b, x) })
	return err
}

// later is a message for x that is to wait for so many milliseconds.
func later(ms int, body string, persistent bool) *Message {
	p := amqp.Properties{Headers: amqp.Table{"x-delay": int32(ms)}}
	if persistent {
		p.DeliveryMode = 2
	}
	props, _ := p.Append(nil)
	return &Message{Address: &Address{Exchange: "x", Key: "q"}, Props: props, Body: []byte(body)}
}

func (w *world) stored() int {
	v := w.client.VHost
	v.mu.Lock()
	defer v.mu.Unlock()
	n := 0
	for _, q := range v.stores {
		n += q.info().Messages
	}
	return n
}

// Each message comes at its time, whichever was published first; who gets it
// sees that it was delayed.
func TestDelaysDoNotWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.delaying()
		for _, ms := range []int{5000, 1000, 3000, 1000, 0, -7} {
			if out := w.publish(later(ms, fmt.Sprint(ms), false)); !out.Routed {
				t.Errorf("%d was not taken", ms)
			}
		}
		w.publish(&Message{Address: &Address{Exchange: "x", Key: "q"}, Body: []byte("plain")})
		w.wantTaken("q", "0", "-7", "plain")
		time.Sleep(999 * time.Millisecond)
		synctest.Wait()
		w.wantContents("q")
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		for _, m := range w.wantTaken("q", "1000", "1000") {
			if h := m.headers(); h["x-delay"] != int64(-1000) || m.Exchange != "x" || m.Key != "q" || h["x-death"] != nil {
				t.Errorf("%+v of %s/%s", h, m.Exchange, m.Key)
			}
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		w.wantTaken("q", "3000")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		w.wantTaken("q", "5000")
	})
}

// Where it goes is decided when the time has come; what goes nowhere then is gone.
func TestADelayedMessageIsRoutedLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.delaying()
		w.unbind("q", "x", "q")
		w.publish(later(1000, "bound in time", false))
		w.bind("q", "x", "q")
		w.publish(later(2000, "gone", false))
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
		w.unbind("q", "x", "q")
		time.Sleep(time.Second)
		synctest.Wait()
		w.wantContents("q", "bound in time")
		if n := w.stored(); n != 0 {
			t.Errorf("%d are still stored", n)
		}
	})
}

// Who gets it learns where it was published to, though it reached the delayed exchange by way of others.
func TestADelayedMessageKeepsItsAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, disk.NewMem())
		w.delaying()
		w.exchange("first", route.Fanout, true)
		w.do(func(b *Burst) {
			w.must(w.client.Bind(t.Context(), b, route.Binding{Source: "first", Destination: "x"}))
		})
		m := later(1000, "m", true)
		m.Address = &Address{Exchange: "first", Key: "q"}
		w.publish(m)
		w.restart()
		time.Sleep(1100 * time.Millisecond)
		synctest.Wait()
		for _, m := range w.wantTaken("q", "m") {
			if m.Exchange != "first" || m.Key != "q" {
				t.Errorf("it comes from %s/%s", m.Exchange, m.Key)
			}
		}
	})
}

// Persistent messages keep their time over a crash; their exchange takes them along when it goes.
func TestDelayedMessagesSurvive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, disk.NewMem())
		w.delaying()
		for _, ms := range []int{3600_000, 60_000, 120_000} {
			w.publish(later(ms, strconv.Itoa(ms), true))
		}
		w.publish(later(60_000, "transient", false))
		w.sync()
		time.Sleep(30 * time.Second)
		synctest.Wait()
		w.crash(1)
		if n := w.stored(); n != 3 {
			t.Errorf("%d are stored, want 3", n)
		}
		time.Sleep(31 * time.Second)
		synctest.Wait()
		w.wantContents("q", "60000")
		w.sync()
		w.crash(2) // what was released stays where it went
		w.wantContents("q", "60000")
		time.Sleep(61 * time.Second)
		synctest.Wait()
		w.wantContents("q", "60000", "120000")
		w.do(func(b *Burst) { w.must(w.client.DeleteExchange(t.Context(), b, "x", false)) })
		w.sync()
		w.crash(3)
		if n := w.stored(); n != 0 || w.exchangeExists("x") {
			t.Errorf("%d are stored for a deleted exchange", n)
		}
		w.delaying() // one of the same name begins empty
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		w.wantContents("q", "60000", "120000")
		if used := w.used(); used > 20*smallSegment {
			t.Errorf("%d bytes on the disk", used)
		}
	})
}

// A restart while the time came: what is due is released at once.
func TestWhatIsDueAtTheStartIsReleased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, disk.NewMem())
		w.delaying()
		w.publish(later(1000, "due", true))
		w.sync()
		after := w.disk.Crash(1)
		w.core.Close()
		time.Sleep(time.Hour)
		w.disk = after
		w.open(after)
		time.Sleep(time.Millisecond)
		synctest.Wait()
		w.wantContents("q", "due")
	})
}

// Delayed messages outlive their segments.
func TestCompactionKeepsDelayedMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, disk.NewMem())
		w.delaying()
		w.publish(later(3600_000, "hour", true))
		for i := range 2000 {
			w.publish(message("", "q", fmt.Sprint("filling ", i), true))
			w.get("q", true)
			if i%100 == 0 {
				w.sync()
			}
		}
		w.sync()
		w.crash(1)
		if n := w.stored(); n != 1 {
			t.Fatalf("%d are stored", n)
		}
		time.Sleep(61 * time.Minute)
		synctest.Wait()
		w.wantContents("q", "hour")
	})
}
