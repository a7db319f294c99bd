package core

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/disk"
)

// The keys of BCC are seen by nobody, and outlive a crash: a dead letter, and what a delayed exchange kept, goes to them then, too.
func TestHiddenKeysOutliveACrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, disk.NewMem())
		w.delaying()
		w.durable("hidden", "plain")
		w.bind("hidden", "x", "hidden")
		w.declare(args(amqp.Table{"x-dead-letter-exchange": "amq.direct"})("dying"))
		w.bind("hidden", "amq.direct", "letter")
		w.publish(with("dying", "dead", amqp.Properties{Headers: amqp.Table{"BCC": []any{"letter", "plain"}}}))
		m := with("q", "late", amqp.Properties{Headers: amqp.Table{"x-delay": int32(5000), "BCC": []any{"hidden"}}})
		m.Exchange = "x"
		w.publish(m)

		w.sync()
		w.crash(1)
		w.wantHidden("plain", "dead")
		d, ok := w.get("dying", false)
		if !ok {
			t.Fatal("the message is gone")
		}
		w.discard(d)
		w.wantHidden("hidden", "dead")
		time.Sleep(6 * time.Second)
		synctest.Wait()
		w.wantHidden("q", "late")
		w.wantHidden("hidden", "late")
	})
}

func (w *world) wantHidden(queue, body string) {
	w.t.Helper()
	w.wantUnseen(w.wantTaken(queue, body)...)
}

// wantUnseen checks that nobody sees the BCC of what was taken.
func (w *world) wantUnseen(list ...*Message) {
	w.t.Helper()
	for _, m := range list {
		if _, there := m.headers()["BCC"]; there {
			w.t.Errorf("who gets %s sees its BCC", m.Body)
		}
	}
}

// copied is a message with a CC and a BCC.
func copied(key string, persistent bool) *Message {
	p := amqp.Properties{Headers: amqp.Table{"CC": []any{"cc"}, "BCC": []any{"bcc"}}}
	if persistent {
		p.DeliveryMode = 2
	}
	props, _ := p.Append(nil)
	return &Message{Address: &Address{Key: key}, Props: props, Body: []byte("m")}
}

// What dies goes where its BCC says, too, wherever it lay meanwhile, and though it
// died before; and nobody sees that.
func TestADeadLetterKnowsItsBCC(t *testing.T) {
	for _, test := range []struct {
		name      string
		transient bool
		tight     bool
		meanwhile func(*world)
	}{
		{name: "in memory", meanwhile: func(*world) {}},
		{name: "transient and paged out", transient: true, tight: true, meanwhile: (*world).settleDown},
		{name: "paged out", tight: true, meanwhile: (*world).settleDown},
		{name: "after a restart", meanwhile: (*world).restart},
		{name: "after a crash", meanwhile: func(w *world) { w.sync(); w.crash(1) }},
		{name: "after the compaction and a crash", meanwhile: func(w *world) {
			w.durable("other")
			for i := range 300 {
				w.send("other", strconv.Itoa(i))
				w.take("other")
			}
			w.sync()
			w.crash(2)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, disk.NewMem())
			if test.tight {
				w = tightWorld(t)
			}
			dying := amqp.Table{"x-dead-letter-exchange": "amq.direct"}
			w.declare(QueueSpec{Name: "first", Durable: true, Args: dying})
			w.declare(QueueSpec{Name: "second", Durable: true, Args: dying})
			w.durable("by cc", "by bcc")
			w.bind("second", "amq.direct", "first")
			w.bind("by cc", "amq.direct", "cc")
			w.bind("by bcc", "amq.direct", "bcc")

			for range 20 {
				w.publish(copied("first", !test.transient))
			}
			for _, from := range []string{"first", "second"} {
				test.meanwhile(w)
				for range 20 { // the second gets them back
					d, ok := w.get(from, false)
					if !ok {
						t.Fatal(from, "is empty")
					}
					w.wantUnseen(d.Message)
					w.discard(d)
				}
				for _, q := range []string{"by cc", "by bcc"} {
					list := w.take(q)
					if len(list) != 20 {
						t.Errorf("%d came %s from %s", len(list), q, from)
					}
					w.wantUnseen(list...)
				}
				w.wantInfo("second", 20, 0)
			}
			w.wantNoLeak()
		})
	}
}
