package session

import (
	"testing"

	"github.com/postrider-mq/postrider/amqp"
)

// Fuzzed input is a list of frames, written without what the frame parser takes
// care of: type, channel, two bytes of length, payload.

func FuzzServer(f *testing.F) {
	for _, m := range clientMethods() {
		f.Add(false, fuzzFrame(0, m))
		f.Add(true, append(fuzzFrame(1, &amqp.ChannelOpen{}), fuzzFrame(1, m)...))
	}
	f.Add(true, append(append(append(fuzzFrame(1, &amqp.ChannelOpen{}), fuzzFrame(1, &amqp.BasicPublish{})...),
		2, 1, 0, 14, 0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0), 3, 1, 0, 2, 'h', 'i'))
	f.Add(false, append(append(fuzzFrame(0, &amqp.ConnectionStartOk{Mechanism: "PLAIN"}),
		fuzzFrame(0, &amqp.ConnectionTuneOk{})...), fuzzFrame(0, &amqp.ConnectionOpen{})...))
	f.Fuzz(func(t *testing.T, ready bool, data []byte) {
		s := NewServer(ServerConfig{Mechanisms: "PLAIN", Limits: Limits{ChannelMax: 20}})
		if ready {
			w := newWire(ClientConfig{}, ServerConfig{Mechanisms: "PLAIN", Limits: Limits{ChannelMax: 20}})
			w.run(t, whole)
			s = w.server
		} else if _, _, ok, err := s.Preamble(amqp.ProtocolHeader[:]); !ok || err != nil {
			t.Fatal(ok, err)
		}
		feed(t, data, &s.endpoint, func(frame amqp.Frame) {
			e, err := s.Receive(frame)
			switch {
			case err != nil:
				wellFormed(t, s.Fail(frame.Channel, err.(*amqp.Error)))
			case e.Kind == Login:
				wellFormed(t, s.AcceptLogin())
			case e.Kind == Open:
				wellFormed(t, s.AcceptOpen())
			case e.Kind == Publish && (e.Content == nil || e.Content.Props == nil):
				t.Fatal("a publish without content")
			}
			wellFormed(t, e.Reply)
		})
	})
}

func FuzzClient(f *testing.F) {
	for _, id := range amqp.MethodIDs() {
		if info, _ := id.Info(); info.FromServer {
			f.Add(false, fuzzFrame(0, amqp.NewMethod(id)))
			f.Add(true, fuzzFrame(1, amqp.NewMethod(id)))
		}
	}
	f.Fuzz(func(t *testing.T, ready bool, data []byte) {
		c := NewClient(ClientConfig{VHost: "/"})
		c.Hello()
		if ready {
			c, _ = readyPair(t)
		}
		feed(t, data, &c.endpoint, func(frame amqp.Frame) {
			e, err := c.Receive(frame)
			switch {
			case err != nil:
				wellFormed(t, c.Fail(frame.Channel, err.(*amqp.Error)))
			case e.Kind == Start:
				reply, err := c.Respond("PLAIN", "")
				if err != nil {
					t.Fatal(err)
				}
				wellFormed(t, reply)
			}
			wellFormed(t, e.Reply)
			if e.Kind == ChannelClosed && c.Ready() {
				_, open, err := c.OpenChannel()
				if err != nil {
					t.Fatal(err)
				}
				wellFormed(t, open)
			}
		})
	})
}

// feed passes the frames in data to receive, and checks after each that no more
// memory is held than some times what was sent, but for the first piece of each channel.
func feed(t *testing.T, data []byte, e *endpoint, receive func(amqp.Frame)) {
	sent := 0
	for len(data) >= 4 {
		n := min(int(data[2])<<8|int(data[3]), len(data)-4)
		f := amqp.Frame{Type: data[0], Channel: uint16(data[1]), Payload: data[4 : 4+n]}
		data = data[4+n:]
		sent += n
		receive(f)
		held, channels := 0, 0
		for _, ch := range e.channels.list {
			if ch != nil {
				held += cap(ch.assembly.buf)
				channels++
			}
		}
		if held > growth*sent+channels*exactBody || len(e.channels.list) > int(e.channels.max)+1 || channels != e.channels.used {
			t.Fatalf("%d bytes are held on %d channels (%d places) for %d sent", held, channels, len(e.channels.list), sent)
		}
	}
}

func clientMethods() (ms []amqp.Method) {
	for _, id := range amqp.MethodIDs() {
		if info, _ := id.Info(); info.FromClient {
			ms = append(ms, amqp.NewMethod(id))
		}
	}
	return ms
}

func fuzzFrame(channel byte, m amqp.Method) []byte {
	b, err := m.Append(nil)
	if err != nil {
		panic(err)
	}
	return append([]byte{amqp.FrameMethod, channel, byte(len(b) >> 8), byte(len(b))}, b...)
}

// wellFormed checks that a reply is whole frames with methods in them.
func wellFormed(t *testing.T, reply []byte) {
	t.Helper()
	for len(reply) > 0 {
		rest, f, ok, err := amqp.ParseFrame(reply, 0)
		if !ok || err != nil {
			t.Fatalf("the reply %q is no frame: %v", reply, err)
		}
		if _, err := amqp.ParseMethod(f.Payload, nil); err != nil {
			t.Fatal(err)
		}
		reply = rest
	}
}
