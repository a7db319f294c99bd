package server

import (
	"bytes"
	"io"
	"net"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/postrider-mq/postrider/amqp"
)

// What one fuzzed connection may cost. So short an input cannot ask for as many
// answers as a connection may leave lying, so it never has to wait for its client,
// who here is the same goroutine.
const (
	fuzzInput  = 16 << 10  // bytes
	fuzzPiece  = 4 << 10   // bytes that one read brings at most
	fuzzMemory = 128 << 20 // bytes allocated, freed ones too
	fuzzTime   = time.Minute
)

// FuzzConnection: whatever a client says, before its login, in the midst of it or
// after it, the connection comes to its end, allocates no more than so much input
// is worth, and what it answers are whole frames in an order that clients can read.
//
// stage is how much of a good conversation precedes the input. The input is octets
// as they are, or, where framed, a list of frames without what a mutation would
// break at once: type, channel, two octets of length, payload.
func FuzzConnection(f *testing.F) {
	opening := conversation(f)
	f.Add(uint8(0), false, uint16(7), amqp.ProtocolHeader[:])
	f.Add(uint8(0), false, uint16(0), []byte("GET / HTTP/1.1\r\n\r\n"))
	for stage := range opening {
		for _, id := range amqp.MethodIDs() {
			if info, _ := id.Info(); info.FromClient {
				f.Add(uint8(stage), true, uint16(100), framed(f, min(1, stage/4), amqp.NewMethod(id)))
			}
		}
	}
	last := uint8(len(opening) - 1)
	header := []byte{amqp.FrameHeader, 1, 0, 14, 0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0}
	message := append(append(framed(f, 1, &amqp.BasicPublish{RoutingKey: "q", Mandatory: true}), header...), amqp.FrameBody, 1, 0, 2, 'h', 'i')
	f.Add(last, true, uint16(3), message)
	f.Add(last, true, uint16(0), append(bytes.Clone(message), framed(f, 1, &amqp.BasicGet{Queue: "q"}, &amqp.TxSelect{}, &amqp.BasicAck{Multiple: true})...))
	f.Fuzz(func(t *testing.T, stage uint8, isFramed bool, step uint16, data []byte) {
		data = data[:min(len(data), fuzzInput)]
		if isFramed {
			data = unframed(data)
		}
		script := &scripted{left: append(bytes.Join(opening[:int(stage)%len(opening)], nil), data...), step: 1 + int(step)%fuzzPiece}
		before := allocated()
		script.play(t)
		if grown := allocated() - before; grown > fuzzMemory {
			t.Errorf("%d bytes of input cost %d bytes of memory", len(data), grown)
		}
		readable(t, script.said)
	})
}

// conversation is what a client says that does everything right, in stages.
func conversation(t testing.TB) [][]byte {
	say := func(channel uint16, methods ...amqp.Method) (b []byte) {
		for _, m := range methods {
			var err error
			if b, err = m.AppendFrame(b, channel); err != nil {
				t.Fatal(err)
			}
		}
		return b
	}
	capabilities := amqp.Table{"capabilities": amqp.Table{"authentication_failure_close": true, "consumer_cancel_notify": true}}
	return [][]byte{
		amqp.ProtocolHeader[:],
		say(0, &amqp.ConnectionStartOk{Mechanism: "PLAIN", Response: "\x00guest\x00guest", Locale: "en_US", ClientProperties: capabilities}),
		say(0, &amqp.ConnectionTuneOk{}),
		say(0, &amqp.ConnectionOpen{VirtualHost: "/"}),
		append(say(1, &amqp.ChannelOpen{}, &amqp.QueueDeclare{Queue: "q"}, &amqp.ConfirmSelect{}, &amqp.BasicConsume{Queue: "q", ConsumerTag: "c"}),
			say(2, &amqp.ChannelOpen{}, &amqp.QueueDeclare{Queue: "r", Arguments: amqp.Table{"x-max-priority": int32(3)}})...),
		nil, // so that all of it may precede
	}
}

func framed(t testing.TB, channel int, methods ...amqp.Method) (b []byte) {
	for _, m := range methods {
		payload, err := m.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		b = append(append(b, amqp.FrameMethod, byte(channel), byte(len(payload)>>8), byte(len(payload))), payload...)
	}
	return b
}

func unframed(data []byte) (b []byte) {
	for len(data) >= 4 {
		n := min(int(data[2])<<8|int(data[3]), len(data)-4)
		b = append(b, data[0], 0, data[1], 0, 0, byte(n>>8), byte(n))
		b = append(append(b, data[4:4+n]...), amqp.FrameEnd)
		data = data[4+n:]
	}
	return b
}

// scripted is a connection whose client has said everything in advance. The
// goroutine that reads it writes too, each time before it reads on.
type scripted struct {
	left []byte
	step int
	said []byte
	pump func() bool
}

func (s *scripted) play(t *testing.T) {
	b := newBroker(t)
	read, write := b.server.Attach(s, s.yield)
	s.pump = write
	over := make(chan struct{})
	go func() {
		defer close(over)
		read()
	}()
	select {
	case <-over:
	case <-time.After(fuzzTime):
		panic("the connection hangs") // which shows where
	}
	if n := b.server.Connections(); n != 0 {
		t.Errorf("%d connections are left", n)
	}
}

func (s *scripted) yield() {
	for s.pump() {
	}
}

func (s *scripted) Read(p []byte) (int, error) {
	s.yield()
	if len(s.left) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.left[:min(s.step, len(s.left))])
	s.left = s.left[n:]
	return n, nil
}

func (s *scripted) Write(p []byte) (int, error) {
	s.said = append(s.said, p...)
	return len(p), nil
}

func (*scripted) Close() error                     { return nil }
func (*scripted) LocalAddr() net.Addr              { return net.TCPAddrFromAddrPort(addrPort("127.0.0.1:5672")) }
func (*scripted) RemoteAddr() net.Addr             { return net.TCPAddrFromAddrPort(addrPort("127.0.0.1:50000")) }
func (*scripted) SetDeadline(time.Time) error      { return nil }
func (*scripted) SetReadDeadline(time.Time) error  { return nil }
func (*scripted) SetWriteDeadline(time.Time) error { return nil }

// readable checks what a client would read: whole frames, methods that a broker
// may say, and behind those with content the header and just as much body.
func readable(t *testing.T, said []byte) {
	t.Helper()
	said = bytes.TrimPrefix(said, amqp.ProtocolHeader[:])
	body := map[uint16]uint64{}
	content := map[uint16]bool{}
	for len(said) > 0 {
		rest, f, ok, err := amqp.ParseFrame(said, 131072)
		if !ok || err != nil {
			t.Fatalf("%q is no frame: %v", said, err)
		}
		said = rest
		if due := content[f.Channel] || body[f.Channel] > 0; due == (f.Type == amqp.FrameMethod) {
			t.Fatalf("on channel %d came a frame of type %d, content due: %v", f.Channel, f.Type, due)
		}
		switch f.Type {
		case amqp.FrameMethod:
			content[f.Channel] = saysContent(t, f.Payload)
		case amqp.FrameHeader:
			if _, body[f.Channel], _, err = amqp.ParseHeader(f.Payload); err != nil || !content[f.Channel] {
				t.Fatalf("header %q: %v", f.Payload, err)
			}
			content[f.Channel] = false
		case amqp.FrameBody:
			if uint64(len(f.Payload)) > body[f.Channel] {
				t.Fatalf("%d octets of a body that has %d left", len(f.Payload), body[f.Channel])
			}
			body[f.Channel] -= uint64(len(f.Payload))
		}
	}
}

func saysContent(t *testing.T, payload []byte) bool {
	t.Helper()
	m, err := amqp.ParseMethod(payload, nil)
	if err != nil {
		t.Fatal(err)
	}
	info, _ := m.ID().Info()
	if !info.FromServer {
		t.Fatalf("a broker says %s", m.ID())
	}
	return info.HasContent
}

func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
