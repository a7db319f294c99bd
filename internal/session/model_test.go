package session

import (
	"bytes"
	"fmt"
	"math/rand"
	"testing"
	"time"

	"github.com/postrider-mq/postrider/amqp"
)

// The model is what the specification says of a running connection, written
// down as plainly as possible: a map of channels, each with at most one content
// on its way. It says what each frame must amount to.
type model struct {
	channelMax uint16
	maxMessage uint64
	channels   map[uint16]*modelChannel
	left       map[uint16]bool // what comes there may have crossed close-ok
	closing    bool            // connection.close was sent
	closed     bool
}

type modelChannel struct {
	closing bool
	stage   stage
	left    int
	body    []byte
}

// outcome is what a frame amounts to: an event's kind or an error's code.
type outcome struct {
	kind Kind
	code uint16
	body string // of Publish
}

func (m *model) method(n uint16, id amqp.MethodID) outcome {
	switch {
	case m.closed:
		return outcome{}
	case n == 0:
		return m.connectionMethod(id)
	case m.closing:
		return outcome{}
	}
	ch := m.channels[n]
	switch {
	case ch == nil && n > m.channelMax:
		return outcome{code: 530}
	case ch == nil && id == amqp.ChannelOpenID:
		m.channels[n] = &modelChannel{}
		delete(m.left, n)
		return outcome{kind: ChannelOpen}
	case ch == nil && m.left[n]:
		return outcome{}
	case ch == nil:
		return outcome{code: 504}
	case ch.closing:
		if id == amqp.ChannelCloseOkID {
			m.leave(n)
		}
		return outcome{}
	case ch.stage != idle:
		return outcome{code: 505}
	}
	switch id {
	case amqp.BasicPublishID:
		ch.stage = wantHeader
		return outcome{}
	case amqp.ChannelOpenID:
		return outcome{code: 504}
	case amqp.ChannelCloseID:
		m.leave(n)
		return outcome{kind: ChannelClosed}
	case amqp.BasicDeliverID, amqp.ChannelCloseOkID:
		return outcome{code: 503}
	case amqp.BasicCancelOkID:
		return outcome{}
	}
	return outcome{kind: Command}
}

func (m *model) leave(n uint16) {
	delete(m.channels, n)
	m.left[n] = true
}

func (m *model) connectionMethod(id amqp.MethodID) outcome {
	switch {
	case id == amqp.ConnectionCloseOkID && m.closing:
		m.closed = true
		return outcome{kind: Closed}
	case m.closing:
		return outcome{}
	case id == amqp.ConnectionCloseID:
		m.closed = true
		return outcome{kind: Closed}
	}
	return outcome{code: 504}
}

// busy returns the channel that takes content, or what happens if none does.
func (m *model) busy(n uint16) (*modelChannel, outcome) {
	ch := m.channels[n]
	switch {
	case m.closed || m.closing:
		return nil, outcome{}
	case n == 0:
		return nil, outcome{code: 505}
	case ch == nil && n > m.channelMax:
		return nil, outcome{code: 530}
	case ch == nil && m.left[n]:
		return nil, outcome{}
	case ch == nil:
		return nil, outcome{code: 505}
	case ch.closing:
		return nil, outcome{}
	}
	return ch, outcome{}
}

func (m *model) header(n uint16, class uint16, size int) outcome {
	ch, o := m.busy(n)
	switch {
	case ch == nil:
		return o
	case ch.stage != wantHeader || class != 60:
		return outcome{code: 505}
	case uint64(size) > m.maxMessage:
		return outcome{code: 406}
	}
	ch.stage, ch.left, ch.body = wantBody, size, nil
	return ch.whole()
}

func (m *model) body(n uint16, b []byte) outcome {
	ch, o := m.busy(n)
	switch {
	case ch == nil:
		return o
	case ch.stage != wantBody:
		return outcome{code: 505}
	case len(b) > ch.left:
		return outcome{code: 501}
	}
	ch.left -= len(b)
	ch.body = append(ch.body, b...)
	return ch.whole()
}

func (c *modelChannel) whole() outcome {
	if c.left > 0 {
		return outcome{}
	}
	c.stage = idle
	return outcome{kind: Publish, body: string(c.body)}
}

func (m *model) heartbeat(n uint16) outcome {
	if n == 0 {
		return outcome{kind: Heartbeat}
	}
	_, o := m.busy(n)
	if ch := m.channels[n]; ch != nil && !ch.closing && !m.closing && !m.closed {
		o = outcome{code: 505}
	}
	return o
}

// fail is what the shell's Fail does.
func (m *model) fail(n uint16, code uint16) {
	switch e := (&amqp.Error{Code: code}); {
	case m.closing || m.closed:
	case n == 0 || e.Scope() == amqp.ScopeConnection:
		m.closing, m.channels = true, nil
	case m.channels[n] != nil:
		m.channels[n].closing = true
	}
}

func TestServerDoesWhatThePlainModelSays(t *testing.T) {
	var seen [len(kindNames)]int
	codes := map[uint16]int{}
	for seed := range int64(400) {
		againstModel(t, seed, &seen, codes)
	}
	for _, k := range []Kind{None, Heartbeat, ChannelOpen, ChannelClosed, Closed, Command, Publish} {
		if seen[k] == 0 {
			t.Errorf("no run came to %s", k)
		}
	}
	for _, code := range []uint16{406, 501, 503, 504, 505, 530} {
		if codes[code] == 0 {
			t.Errorf("no run came to error %d", code)
		}
	}
}

func againstModel(t *testing.T, seed int64, seen *[len(kindNames)]int, codes map[uint16]int) {
	r := rand.New(rand.NewSource(seed))
	m := &model{channelMax: 6, maxMessage: 5000, channels: map[uint16]*modelChannel{}, left: map[uint16]bool{}}
	w := newWire(ClientConfig{VHost: "/"}, ServerConfig{
		Mechanisms: "PLAIN", Limits: Limits{ChannelMax: m.channelMax, MaxMessage: m.maxMessage},
	})
	w.run(t, whole)
	for step := range 300 {
		if r.Intn(60) == 0 {
			n, code := uint16(r.Intn(7)), []uint16{404, 406, 541}[r.Intn(20)/9]
			m.fail(n, code)
			w.server.Fail(n, amqp.Errorf(code, "the shell's choice"))
			continue
		}
		if r.Intn(20) == 0 { // time passes
			w.server.At(time.Duration(step) * crossingTime)
			clear(m.left)
		}
		f, want := randomFrame(t, r, m)
		e, err := w.server.Receive(f)
		got := outcome{kind: e.Kind}
		if err != nil {
			got.code = err.(*amqp.Error).Code
		}
		if e.Kind == Publish {
			got.body = string(e.Content.Body)
		}
		if got != want {
			t.Fatalf("seed %d step %d: %s is %s %d, want %s %d", seed, step, show(f), got.kind, got.code, want.kind, want.code)
		}
		seen[got.kind]++
		codes[got.code]++
		if err != nil {
			m.fail(f.Channel, got.code)
			w.server.Fail(f.Channel, err.(*amqp.Error))
		}
		if w.server.Closed() != m.closed {
			t.Fatalf("seed %d step %d: closed is %v, want %v", seed, step, w.server.Closed(), m.closed)
		}
	}
}

func show(f amqp.Frame) string {
	s := fmt.Sprintf("frame type %d on channel %d", f.Type, f.Channel)
	if id, _, err := amqp.PeekMethod(f.Payload); f.Type == amqp.FrameMethod && err == nil {
		s += " " + id.String()
	}
	return s
}

// randomFrame makes a frame, mostly one that is in order, and asks the model about it.
func randomFrame(t *testing.T, r *rand.Rand, m *model) (amqp.Frame, outcome) {
	n := uint16(1 + r.Intn(int(m.channelMax)))
	if r.Intn(80) == 0 {
		n = uint16(r.Intn(2) * 9)
	}
	ch := m.channels[n]
	wild := r.Intn(60) == 0
	switch {
	case wild && r.Intn(4) == 0:
		return amqp.Frame{Type: amqp.FrameHeartbeat, Channel: n}, m.heartbeat(n)
	case r.Intn(40) == 0:
		return amqp.Frame{Type: amqp.FrameHeartbeat}, m.heartbeat(0)
	case ch != nil && ch.stage == wantHeader && !wild || wild && r.Intn(3) == 0:
		class, size := uint16(60), r.Intn(4)*r.Intn(1000)
		if r.Intn(50) == 0 {
			class, size = 50+10*uint16(r.Intn(2)), 4000+r.Intn(2000)
		}
		return one(amqp.AppendHeaderFrame(nil, n, class, uint64(size), nil)), m.header(n, class, size)
	case ch != nil && ch.stage == wantBody && !wild || wild && r.Intn(3) == 0:
		size := r.Intn(50)
		if ch != nil && r.Intn(30) > 0 {
			size = r.Intn(ch.left + 1)
		}
		b := make([]byte, size)
		r.Read(b)
		return amqp.Frame{Type: amqp.FrameBody, Channel: n, Payload: b}, m.body(n, b)
	}
	method := randomMethod(r, ch, n, wild)
	b, err := method.AppendFrame(nil, n)
	if err != nil {
		t.Fatal(err)
	}
	return one(b), m.method(n, method.ID())
}

func randomMethod(r *rand.Rand, ch *modelChannel, n uint16, wild bool) amqp.Method {
	switch {
	case n == 0:
		return []amqp.Method{
			&amqp.ConnectionClose{}, &amqp.ConnectionCloseOk{}, &amqp.ConnectionOpen{}, &amqp.ConnectionStartOk{},
		}[r.Intn(4)]
	case wild:
		return []amqp.Method{&amqp.BasicDeliver{}, &amqp.ChannelOpen{}, &amqp.ChannelCloseOk{}}[r.Intn(3)]
	case ch == nil:
		return &amqp.ChannelOpen{}
	case ch.closing && r.Intn(3) == 0:
		return &amqp.ChannelCloseOk{}
	}
	return []amqp.Method{
		&amqp.BasicPublish{}, &amqp.BasicPublish{}, &amqp.BasicPublish{}, &amqp.BasicPublish{},
		&amqp.BasicAck{}, &amqp.BasicNack{}, &amqp.BasicReject{}, &amqp.BasicGet{}, &amqp.BasicConsume{},
		&amqp.QueueDeclare{}, &amqp.ConfirmSelect{}, &amqp.BasicCancelOk{}, &amqp.ChannelClose{},
	}[r.Intn(13)]
}

// one parses a frame that was just made.
func one(b []byte) amqp.Frame {
	_, f, _, _ := amqp.ParseFrame(b, 0)
	return f
}

// Whatever the limits and wherever the stream is cut, client and server reach
// Ready, and contents come back as they were sent, in the order of each channel.
func TestContentsMakeTheRoundTripWhereverTheStreamIsCut(t *testing.T) {
	for seed := range int64(60) {
		roundTrip(t, rand.New(rand.NewSource(seed)), seed)
	}
}

func roundTrip(t *testing.T, r *rand.Rand, seed int64) {
	w := newWire(
		ClientConfig{VHost: "/", Limits: randomLimits(r)},
		ServerConfig{Mechanisms: "PLAIN", Limits: randomLimits(r)},
	)
	cut := func(n int) int { return 1 + r.Intn(min(n, 1<<uint(r.Intn(18)))) }
	w.run(t, cut)
	if !w.client.Ready() || !w.server.Ready() {
		t.Fatalf("seed %d: client ready %v, server ready %v", seed, w.client.Ready(), w.server.Ready())
	}
	if w.client.FrameMax() != w.server.FrameMax() || w.client.ChannelMax() != w.server.ChannelMax() ||
		w.client.Heartbeat() != w.server.Heartbeat() {
		t.Fatalf("seed %d: the sides disagree on their limits", seed)
	}
	sent, got := map[uint16][][]byte{}, map[uint16]int{}
	w.onServer = func(e Event) { echo(t, w, e) }
	w.onClient = func(e Event) {
		if e.Kind != Deliver {
			return
		}
		i := got[e.Channel]
		got[e.Channel]++
		want := sent[e.Channel][i]
		tag := e.Method.(*amqp.BasicDeliver).DeliveryTag
		if tag != uint64(len(want)) || !bytes.Equal(e.Content.Body, want) || e.Content.Props.DeliveryMode() != 2 {
			t.Fatalf("seed %d: message %d of channel %d came back changed", seed, i, e.Channel)
		}
	}
	channels := openSome(t, w, 1+r.Intn(5), cut)
	for range 4 {
		w.toServer = append(w.toServer, interleaved(t, r, w, channels, sent)...)
		w.run(t, cut)
	}
	for n, bodies := range sent {
		if got[n] != len(bodies) {
			t.Fatalf("seed %d: %d of %d messages of channel %d came back", seed, got[n], len(bodies), n)
		}
	}
	w.toServer = append(w.toServer, w.client.CloseChannel(channels[0])...)
	w.run(t, cut)
	if w.client.channels.used != len(channels)-1 || w.server.channels.used != len(channels)-1 {
		t.Fatalf("seed %d: the channel is still open", seed)
	}
	w.toServer = append(w.toServer, w.client.Close()...)
	w.run(t, cut)
	if !w.client.Closed() || !w.server.Closed() || w.clientErr != nil || w.serverErr != nil {
		t.Fatalf("seed %d: no clean end: client %v, server %v", seed, w.clientErr, w.serverErr)
	}
}

func randomLimits(r *rand.Rand) Limits {
	return Limits{
		FrameMax:   uint32(r.Intn(3)) * uint32(2048+r.Intn(100_000)),
		ChannelMax: uint16(r.Intn(2) * (5 + r.Intn(100))),
		Heartbeat:  uint16(r.Intn(2) * r.Intn(100)),
	}
}

func openSome(t *testing.T, w *wire, count int, cut func(int) int) (channels []uint16) {
	for range count {
		n, open, err := w.client.OpenChannel()
		if err != nil {
			t.Fatal(err)
		}
		channels = append(channels, n)
		w.toServer = append(w.toServer, open...)
	}
	w.run(t, cut)
	return channels
}

// interleaved publishes on all channels at once: frames of one channel keep
// their order, and those of others come between.
func interleaved(t *testing.T, r *rand.Rand, w *wire, channels []uint16, sent map[uint16][][]byte) (out []byte) {
	queues := map[uint16][][]byte{}
	for _, n := range channels {
		for range r.Intn(4) {
			body := make([]byte, r.Intn(2)*r.Intn(1<<uint(1+r.Intn(18))))
			r.Read(body)
			sent[n] = append(sent[n], body)
			queues[n] = append(queues[n], cutFrames(publishBytes(t, n, body, w.client.FrameMax()))...)
		}
	}
	for len(queues) > 0 {
		n := channels[r.Intn(len(channels))]
		if len(queues[n]) == 0 {
			delete(queues, n)
			continue
		}
		out = append(out, queues[n][0]...)
		queues[n] = queues[n][1:]
	}
	return out
}

func publishBytes(t *testing.T, n uint16, body []byte, frameMax uint32) []byte {
	b, err := (&amqp.BasicPublish{RoutingKey: "echo"}).AppendFrame(nil, n)
	if err != nil {
		t.Fatal(err)
	}
	props, err := (&amqp.Properties{DeliveryMode: 2, MessageID: "m"}).Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	b = amqp.AppendHeaderFrame(b, n, 60, uint64(len(body)), props)
	return amqp.AppendBodyFrames(b, n, body, frameMax)
}

func cutFrames(b []byte) (frames [][]byte) {
	for len(b) > 0 {
		rest, _, _, _ := amqp.ParseFrame(b, 0)
		frames = append(frames, b[:len(b)-len(rest)])
		b = rest
	}
	return frames
}

// echo is a broker that delivers what is published to its publisher.
func echo(t *testing.T, w *wire, e Event) {
	if e.Kind != Publish {
		return
	}
	b, err := (&amqp.BasicDeliver{ConsumerTag: "c", DeliveryTag: uint64(len(e.Content.Body))}).AppendFrame(nil, e.Channel)
	if err != nil {
		t.Fatal(err)
	}
	b = amqp.AppendHeaderFrame(b, e.Channel, 60, uint64(len(e.Content.Body)), e.Content.Props)
	b = amqp.AppendBodyFrames(b, e.Channel, e.Content.Body, w.server.FrameMax())
	w.toClient = append(w.toClient, b...)
}

func TestAPromiseOfAHugeBodyCostsNothing(t *testing.T) {
	s := readyServer(t)
	fs := frames(t, 1, &amqp.BasicPublish{}, "")
	fs[1] = one(amqp.AppendHeaderFrame(nil, 1, 60, 100<<20, nil))
	for _, f := range append(fs[:2], amqp.Frame{Type: amqp.FrameBody, Channel: 1, Payload: make([]byte, 4000)}) {
		if _, err := s.Receive(f); err != nil {
			t.Fatal(err)
		}
	}
	if room := cap(s.channels.at(1).assembly.buf); room > exactBody+growth*(4000+64) {
		t.Errorf("%d bytes are held for the 4000 that came", room)
	}
}

func TestAChannelThatFailsLetsGoOfItsHalfContent(t *testing.T) {
	s := readyServer(t)
	fs := frames(t, 1, &amqp.BasicPublish{}, "hello")
	for _, f := range fs[:2] {
		if _, err := s.Receive(f); err != nil {
			t.Fatal(err)
		}
	}
	s.Fail(1, amqp.Errorf(amqp.NotFound, "no exchange 'x' in vhost '/'"))
	if held := cap(s.channels.at(1).assembly.buf); held != 0 {
		t.Errorf("%d bytes are still held", held)
	}
}

// A body that comes in frames of the usual size moves seldom, and what it left behind is little.
func TestALargeBodyMovesSeldom(t *testing.T) {
	for _, size := range []int{defaultFrameMax + 1, 1 << 20, 8 << 20} {
		s := readyServer(t)
		buffers, made, last := 0, 0, 0
		for _, f := range cutFrames(publishBytes(t, 1, make([]byte, size), defaultFrameMax)) {
			e, err := s.Receive(one(f))
			if err != nil {
				t.Fatal(err)
			}
			if n := cap(s.channels.at(1).assembly.buf); e.Kind != Publish && n != last {
				buffers, made, last = buffers+1, made+n, n
			}
		}
		if buffers > 2 || made > size+size/4 {
			t.Errorf("a body of %d bytes had %d buffers of %d bytes in all", size, buffers, made)
		}
	}
}
