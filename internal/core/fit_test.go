package core

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/disk"
)

// full is a table that is as large as one may be: t with as many bytes more, or as many entries.
func full(t amqp.Table, bytes bool) amqp.Table {
	left := func() int {
		b, _ := amqp.AppendTable(nil, t)
		return amqp.MaxTableBytes + 4 - len(b)
	}
	if bytes {
		t["large"] = strings.Repeat("x", left()-len("large")-6)
		return t
	}
	for i := len(t) + 1; i < amqp.MaxTableEntries; i++ { // and one in a list
		t[fmt.Sprint(i)] = nil
	}
	return t
}

// A dead letter tells of its death, whatever its publisher has put into its headers. What there is no room for is left out; the message is not.
func TestADeadLetterThatHasNoRoomForItsDeath(t *testing.T) {
	for what, bytes := range map[string]bool{"bytes": true, "entries": false} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t, disk.NewMem())
			w.declare(dying(amqp.Table{}))
			w.durable("dead", "copy")
			headers := full(amqp.Table{"small": "s", "CC": []any{"copy"}}, bytes)
			m := with("q", "m", amqp.Properties{DeliveryMode: 2, MessageID: "id", Headers: headers})
			w.publish(m)
			w.take("copy")
			d, _ := w.get("q", false)
			w.discard(d)
			dead := w.wantTaken("dead", "m")
			if len(dead) != 1 {
				return
			}
			h := dead[0].headers()
			if ds := deaths(t, dead[0]); len(ds) != 1 || ds[0]["queue"] != "q" || h["x-first-death-queue"] != "q" {
				t.Errorf("its deaths are %v", ds)
			}
			if kept := len(h); bytes && h["small"] != "s" || kept < len(headers)/2 {
				t.Errorf("%d of %d headers are left", kept, len(headers))
			}
		})
	}
}

// It goes no more rounds than another.
func TestALargeDeadLetterDoesNotGoRoundForEver(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	for queue, next := range map[string]string{"a": "b", "b": "c", "c": "a"} {
		w.declare(QueueSpec{Name: queue, Durable: true, Args: amqp.Table{
			"x-message-ttl": int32(0), "x-dead-letter-exchange": "", "x-dead-letter-routing-key": next,
		}})
	}
	w.publish(with("a", "m", amqp.Properties{DeliveryMode: 2, Headers: full(amqp.Table{}, true)}))
	for _, queue := range []string{"a", "b", "c"} {
		w.wantContents(queue)
	}
}

// To say that it was delayed may take a few bytes more than to ask for it.
func TestADelayedMessageThatHasNoRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.delaying()
		m := with("", "m", amqp.Properties{Headers: full(amqp.Table{"x-delay": "5", "small": "s"}, true)})
		m.Address = &Address{Exchange: "x", Key: "q"}
		w.publish(m)
		time.Sleep(10 * time.Millisecond)
		synctest.Wait()
		for _, m := range w.wantTaken("q", "m") {
			if h := m.headers(); h["x-delay"] != int64(-5) || h["small"] != "s" || h["large"] != nil {
				t.Errorf("its headers are %v", h)
			}
		}
	})
}
