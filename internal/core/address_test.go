package core

import (
	"fmt"
	"runtime"
	"testing"
	"weak"

	"github.com/postrider-mq/postrider/internal/route"
)

// Whoever publishes into many queues in turn makes neither a name nor an address for each message.
func TestPublishingIntoManyQueuesMakesNoAddresses(t *testing.T) {
	w := newWorld(t, nil)
	var names [][]byte
	for i := range 1000 {
		name := fmt.Sprint("q", i)
		w.declare(QueueSpec{Name: name})
		names = append(names, []byte(name))
	}
	if n := testing.AllocsPerRun(10, func() {
		for _, b := range names {
			name, ok := w.vhost().QueueName(b)
			if a := w.via.AddressOf("", name); !ok || a.Exchange != "" || a.Key != string(b) {
				t.Fatal(a, ok)
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if name, ok := w.vhost().QueueName([]byte("nobody")); ok {
		t.Error(name)
	}
}

// An address remembers no queue: what is published to it goes to who has the name then.
func TestAnAddressIsWhereItsNameLeadsNow(t *testing.T) {
	w := newWorld(t, nil)
	w.exchange("x", route.Direct, false)
	w.declare(QueueSpec{Name: "q"})
	w.declare(QueueSpec{Name: "other"})
	w.bind("other", "x", "q")
	old := w.via.AddressOf("", "q")
	w.delete("q")
	if out := w.publish(&Message{Address: old, Body: []byte("a")}); out.Routed {
		t.Error("a queue that is no more was reached")
	}
	w.declare(QueueSpec{Name: "q"})
	w.publish(&Message{Address: old, Body: []byte("b")})
	w.publish(&Message{Address: w.via.AddressOf("x", "q"), Body: []byte("c")})
	w.publish(&Message{Address: w.via.AddressOf("", "q"), Body: []byte("d")})
	w.publish(&Message{Address: w.via.AddressOf("", "later"), Body: []byte("e")})
	w.declare(QueueSpec{Name: "later"})
	w.publish(&Message{Address: w.via.AddressOf("", "later"), Body: []byte("f")})
	w.wantContents("q", "b", "d")
	w.wantContents("other", "c")
	w.wantContents("later", "f")
}

// Who has published and is silent now keeps none of the queues alive that there were then.
func TestAPublisherKeepsNoQueueThatIsGone(t *testing.T) {
	w := newWorld(t, nil)
	w.declare(QueueSpec{Name: "stays"})
	w.declare(QueueSpec{Name: "goes"})
	for _, queue := range []string{"stays", "nobody's"} {
		silent := w.client.VHost.NewPublisher()
		w.do(func(b *Burst) {
			_, err := silent.Publish(b, message("", queue, "m", false))
			w.must(err)
		})
		defer runtime.KeepAlive(silent)
	}
	goes := weak.Make(w.queue("goes"))
	w.delete("goes")
	for range 10 {
		runtime.GC()
	}
	if goes.Value() != nil {
		t.Error("a queue that was deleted is still in memory")
	}
}
