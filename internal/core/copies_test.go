package core

import (
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
	for _, m := range w.wantTaken(queue, body) {
		if _, there := m.headers()["BCC"]; there {
			w.t.Errorf("who gets %s from %s sees its BCC", body, queue)
		}
	}
}
