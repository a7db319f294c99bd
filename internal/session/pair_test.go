package session

import (
	"testing"

	"github.com/postrider-mq/postrider/amqp"
)

// readyServer returns a server whose client is logged in and has opened channel 1.
func readyServer(t testing.TB) *Server {
	_, s := readyPair(t)
	return s
}

// readyPair returns a client and a server that have reached Ready, with channel 1 open.
func readyPair(t testing.TB) (*Client, *Server) {
	t.Helper()
	w := newWire(ClientConfig{VHost: "/"}, ServerConfig{Mechanisms: "PLAIN"})
	w.run(t, whole)
	if !w.client.Ready() || !w.server.Ready() {
		t.Fatal("the handshake did not end")
	}
	_, open, err := w.client.OpenChannel()
	if err != nil {
		t.Fatal(err)
	}
	w.toServer = append(w.toServer, open...)
	w.run(t, whole)
	if !w.client.ChannelOpen(1) || !w.server.ChannelOpen(1) {
		t.Fatal("channel 1 is not open")
	}
	return w.client, w.server
}

// frames returns a method, and its content if it has one, as frames.
func frames(t testing.TB, channel uint16, m amqp.Method, body string) []amqp.Frame {
	t.Helper()
	b, err := m.AppendFrame(nil, channel)
	if err != nil {
		t.Fatal(err)
	}
	if m.ID().HasContent() {
		props, err := (&amqp.Properties{ContentType: "text/plain", DeliveryMode: 2}).Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		b = amqp.AppendHeaderFrame(b, channel, m.ID().Class(), uint64(len(body)), props)
		b = amqp.AppendBodyFrames(b, channel, []byte(body), 4096)
	}
	var fs []amqp.Frame
	for len(b) > 0 {
		rest, f, ok, err := amqp.ParseFrame(b, 0)
		if !ok || err != nil {
			t.Fatalf("our own frame: ok %v, %v", ok, err)
		}
		fs, b = append(fs, f), rest
	}
	return fs
}

// wire joins a client and a server: what one sends is what the other reads.
type wire struct {
	client *Client
	server *Server

	toServer, toClient   []byte // sent
	atServer, atClient   []byte // arrived, not yet parsed
	greeted              bool
	onServer, onClient   func(Event)
	serverErr, clientErr error
}

func newWire(client ClientConfig, server ServerConfig) *wire {
	w := &wire{client: NewClient(client), server: NewServer(server)}
	w.onServer, w.onClient = func(Event) {}, func(Event) {}
	w.toServer = append(w.toServer, w.client.Hello()...)
	return w
}

// whole lets everything that was sent arrive at once.
func whole(n int) int { return n }

// run moves bytes until both sides are silent; chunk says how many of the n
// that are on their way arrive next, at least one.
func (w *wire) run(t testing.TB, chunk func(n int) int) {
	t.Helper()
	for len(w.toServer)+len(w.toClient) > 0 {
		if n := len(w.toServer); n > 0 {
			n = chunk(n)
			w.atServer = append(w.atServer, w.toServer[:n]...)
			w.toServer = w.toServer[n:]
			w.serve(t)
		}
		if n := len(w.toClient); n > 0 {
			n = chunk(n)
			w.atClient = append(w.atClient, w.toClient[:n]...)
			w.toClient = w.toClient[n:]
			w.attend(t)
		}
	}
}

// serve is a server's shell.
func (w *wire) serve(t testing.TB) {
	t.Helper()
	if !w.greeted {
		rest, reply, ok, err := w.server.Preamble(w.atServer)
		if err != nil {
			t.Fatal(err)
		}
		w.atServer, w.greeted = rest, ok
		w.toClient = append(w.toClient, reply...)
	}
	for w.greeted {
		rest, f, ok, err := amqp.ParseFrame(w.atServer, w.server.FrameMax())
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return
		}
		w.atServer = rest
		event, err := w.server.Receive(f)
		if err != nil {
			w.serverErr = err
			w.toClient = append(w.toClient, w.server.Fail(f.Channel, err.(*amqp.Error))...)
			continue
		}
		w.onServer(event)
		reply := event.Reply
		switch event.Kind {
		case Login:
			reply = w.server.AcceptLogin()
		case Open:
			reply = w.server.AcceptOpen()
		}
		w.toClient = append(w.toClient, reply...)
	}
}

// attend is a client's shell.
func (w *wire) attend(t testing.TB) {
	t.Helper()
	for {
		rest, f, ok, err := amqp.ParseFrame(w.atClient, w.client.FrameMax())
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return
		}
		w.atClient = rest
		event, err := w.client.Receive(f)
		if err != nil {
			w.clientErr = err
			w.toServer = append(w.toServer, w.client.Fail(f.Channel, err.(*amqp.Error))...)
			continue
		}
		w.onClient(event)
		reply := event.Reply
		if event.Kind == Start {
			if reply, err = w.client.Respond("PLAIN", "\x00guest\x00guest"); err != nil {
				t.Fatal(err)
			}
		}
		w.toServer = append(w.toServer, reply...)
	}
}
