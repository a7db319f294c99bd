package session

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/postrider-mq/postrider/amqp"
)

func TestEachSideLearnsWhatTheOtherCanDo(t *testing.T) {
	w := newWire(
		ClientConfig{VHost: "/", Properties: amqp.Table{"connection_name": "till 4"}},
		ServerConfig{Mechanisms: "PLAIN", Properties: amqp.Table{"product": "postrider"}, Limits: Limits{MaxMessage: 1 << 20}},
	)
	w.run(t, whole)
	if name := w.server.Peer().Text("connection_name"); name != "till 4" {
		t.Errorf("the server knows the client as %q", name)
	}
	if product := w.client.Peer().Text("product"); product != "postrider" {
		t.Errorf("the client takes the server for %q", product)
	}
	if !w.client.Peer().Has("basic.nack") || w.client.Peer().Has("time.travel") {
		t.Error("the client has the server's capabilities wrong")
	}
	if n := w.client.Peer().MaxMessage(); n != 1<<20 {
		t.Errorf("the server takes %d bytes", n)
	}
	if n := w.server.Peer().MaxMessage(); n != 0 {
		t.Errorf("the client takes %d bytes", n)
	}
	all, _ := w.client.Peer().Properties["capabilities"].(amqp.Table)
	got := strings.Join(slices.Sorted(maps.Keys(all)), " ")
	want := "authentication_failure_close basic.nack connection.blocked consumer_cancel_notify consumer_priorities " +
		"direct_reply_to exchange_exchange_bindings per_consumer_qos publisher_confirms"
	if got != want {
		t.Errorf("the server has %s\nwant %s", got, want)
	}
}

func TestAClientNamesTheStrangerItReached(t *testing.T) {
	c := NewClient(ClientConfig{})
	for first, want := range map[string]string{
		"AMQP\x00\x01\x00\x00":     "another version of AMQP",
		"HTTP/1.1 400 Bad Request": "is the port right",
		"\x15\x03\x01\x00\x02":     "amqps://",
		"SSH-2.0-OpenSSH":          `"SSH-2.0-"`,
	} {
		if err := c.Greeting([]byte(first)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q in it", first, err, want)
		}
	}
	if err := c.Greeting([]byte{amqp.FrameMethod, 0}); err != nil {
		t.Error(err)
	}
}

func TestPropertiesThatCannotBeSentAreTheProgrammersFault(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a channel was encoded")
		}
	}()
	NewServer(ServerConfig{Properties: amqp.Table{"x": make(chan int)}})
}
