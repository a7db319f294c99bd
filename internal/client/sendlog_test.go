package client

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/pack"
)

// A naive log: a list of messages, and what of it is on the wire.
type naive struct {
	list  []*naiveMessage
	last  uint64
	begun *naiveMessage // it is half written
}

type naiveMessage struct {
	fate *Fate
	wait bool // somebody does, who may give up
	body string
	tag  uint64 // 0 = not written on this connection
}

func (n *naive) remove(m *naiveMessage) {
	n.list = slices.DeleteFunc(n.list, func(o *naiveMessage) bool { return o == m })
}

func (n *naive) confirm(tag uint64, multiple bool) (out []*Fate) {
	for _, m := range slices.Clone(n.list) {
		if m.tag != 0 && (m.tag == tag || multiple && (tag == 0 || m.tag < tag)) {
			out = append(out, m.fate)
			n.remove(m)
		}
	}
	return out
}

// next takes what a log has written: each list is what has one tag, and after them a message is begun, or none. Up to so many messages may
// have one tag, and nothing is left out.
func (n *naive) next(written [][]string, begun bool, packs int, all bool) error {
	if n.begun != nil && len(written) > 0 {
		if body := strings.Join(written[0], "|"); body != n.begun.body {
			return fmt.Errorf("went on with %.50q, want %.50q", body, n.begun.body)
		}
		n.begun, written = nil, written[1:]
	}
	for _, list := range written {
		n.last++
		if len(list) > max(packs, 1) {
			return fmt.Errorf("%d messages have one tag, %d may", len(list), packs)
		}
		for _, body := range list {
			m := n.held()
			if m == nil || m.body != body {
				return fmt.Errorf("wrote %.50q, want %.50v", body, m)
			}
			m.tag = n.last
		}
	}
	if begun && n.begun == nil {
		n.last++
		if n.begun = n.held(); n.begun == nil {
			return errors.New("a message was begun that nobody has sent")
		}
		n.begun.tag = n.last
	}
	if m := n.held(); all && (m != nil || begun) {
		return fmt.Errorf("%.50v is not written", m)
	}
	return nil
}

// held is the next message to be written.
func (n *naive) held() *naiveMessage {
	for _, m := range slices.Clone(n.list) {
		switch {
		case m.tag != 0:
		case m.fate.Decided():
			n.remove(m)
		default:
			return m
		}
	}
	return nil
}

func (n *naive) rewind() {
	n.begun = nil
	for _, m := range slices.Clone(n.list) {
		m.tag = 0
		if m.fate.Decided() { // given up: it will not be sent again
			n.remove(m)
		}
	}
	n.last = 0
}

// A reader takes the bodies out of what was written, those of a pack together.
type reader struct {
	left   []byte // of a message that is not whole
	counts bool   // it takes counted ids
}

// read returns the bodies that are whole now, and whether another has begun.
func (r *reader) read(t *testing.T, b []byte) (bodies [][]string, begun bool) {
	t.Helper()
	b = append(r.left, b...)
	r.left = b
	var body []byte
	var id string
	var left uint64
	var packed bool
	for want := byte(amqp.FrameMethod); len(b) > 0; {
		rest, f, ok, err := amqp.ParseFrame(b, 0)
		if !ok || err != nil {
			t.Fatalf("not frames: %v", err)
		}
		if f.Type != want || f.Channel != publishChannel {
			t.Fatalf("a frame of type %d on channel %d, want type %d", f.Type, f.Channel, want)
		}
		switch f.Type {
		case amqp.FrameMethod:
			want = amqp.FrameHeader
		case amqp.FrameHeader:
			var props amqp.RawProperties
			_, left, props, err = amqp.ParseHeader(f.Payload)
			v, _ := props.View()
			body, id, packed, want = nil, string(v.MessageID), string(v.ContentEncoding) == pack.Encoding, amqp.FrameBody
		case amqp.FrameBody:
			body = append(body, f.Payload...)
			left -= uint64(len(f.Payload))
		}
		if err != nil {
			t.Fatal(err)
		}
		if b = rest; f.Type != amqp.FrameMethod && left == 0 {
			bodies = append(bodies, r.messagesOf(t, id, body, packed))
			r.left, want = b, amqp.FrameMethod
		}
	}
	return bodies, len(r.left) > 0
}

// chunksHold checks that each chunk knows how many live in it: messages, parts of them, and what is half written.
func chunksHold(t *testing.T, l *sendLog) {
	t.Helper()
	live := map[*chunk]int{}
	hold := func(c *chunk, end int) {
		for ; end > 0; end -= chunkSize {
			live[c]++
			c = c.next
		}
	}
	l.each(l.tail, func(e *entry) { hold(e.in, int(e.off)+int(e.size)) })
	if g := l.going; g.left > 0 {
		hold(g.in, g.at+g.left)
	}
	for c, n := range live {
		if c.live != n {
			t.Fatalf("a chunk counts %d, and %d live in it", c.live, n)
		}
	}
}

// modelID is the id of what was added in a step, with which its body begins.
func modelID(body string) (id string, count uint64) {
	step, _, _ := strings.Cut(body, ".")
	if count, _ = strconv.ParseUint(step, 10, 64); count%2 == 1 {
		return "p-" + strconv.FormatUint(count, 36), count
	}
	return "i", 0
}

// messagesOf returns the bodies of what was written, whose ids are those of the model.
func (r *reader) messagesOf(t *testing.T, id string, body []byte, packed bool) (list []string) {
	t.Helper()
	if !packed {
		if want, _ := modelID(string(body)); id != want {
			t.Fatalf("%.20q has the id %q, want %q", body, id, want)
		}
		return []string{string(body)}
	}
	if n := pack.Count(body); n == 0 || len(body) > pack.MaxBytes {
		t.Fatalf("a pack of %d messages and %d bytes", n, len(body))
	}
	for len(body) > 0 {
		name, b, rest, _ := pack.Next(body)
		if want, _ := modelID(string(b)); string(name.AppendTo(nil, id)) != want || name.Counted() && !r.counts {
			t.Fatalf("%.20q has the name %x, want %q; counted ones are taken: %v", b, name, want, r.counts)
		}
		list, body = append(list, string(b)), rest
	}
	return list
}

var modelEnvelope = func() *Envelope {
	p := amqp.Properties{AppID: "model"}
	e, err := NewEnvelope("", "jobs", true, p)
	if err == nil {
		e, err = e.Packable(p, "p-")
	}
	if err != nil {
		panic(err)
	}
	return e
}()

// otherEnvelope is of messages that go alone, for they go elsewhere.
var otherEnvelope = func() *Envelope {
	e := *modelEnvelope
	e.method = slices.Clone(e.method)
	e.method[bytes.Index(e.method, []byte("jobs"))]++
	return &e
}()

// The log and a naive list are driven by the same random steps and must agree on what is written,
// what is settled, and what is left.
func TestTheLogAgreesWithANaiveOne(t *testing.T) {
	for seed := range uint64(30) {
		if !t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { compareLogs(t, rand.New(rand.NewPCG(seed, 1))) }) {
			return
		}
	}
}

func compareLogs(t *testing.T, rnd *rand.Rand) {
	var n naive
	l := sendLog{packs: packs{most: []int{0, 2, 5, pack.MaxMessages}[rnd.IntN(4)], to: modelEnvelope.destination()}}
	frameMax := []uint32{0, amqp.MinFrameMax, chunkSize, defaultFrameMax}[rnd.IntN(4)]
	places := map[*Fate]uint64{}
	l.packs.counts = rnd.IntN(2) == 0
	r := reader{counts: l.packs.counts}
	for step := range 1000 {
		switch rnd.IntN(12) {
		default: // add
			body := fmt.Sprint(step, ".")
			if rnd.IntN(20) == 0 {
				body += strings.Repeat(fmt.Sprint(step, " "), rnd.IntN(chunkSize/2))
			}
			f := new(Fate)
			env := modelEnvelope
			if rnd.IntN(10) == 0 {
				env = otherEnvelope
			}
			wait := rnd.IntN(2) == 0
			id, count := modelID(body)
			if !l.packs.counts || len(body) > pack.Small {
				count = 0
			}
			places[f] = l.add(f, env, []byte(id), count, []byte(body), wait, nil)
			if e := l.at(places[f]); !e.has([]byte(id)) || e.has([]byte(id+"0")) {
				t.Fatalf("step %d: it has not the id %q", step, id)
			}
			n.list = append(n.list, &naiveMessage{fate: f, body: body, wait: wait})
		case 5, 6: // write
			limit := 1 << rnd.IntN(18)
			if l.packs.most == 0 && rnd.IntN(2) == 0 {
				limit = 1
			}
			b := l.next(nil, limit, frameMax)
			written, begun := r.read(t, b)
			if err := n.next(written, begun, l.packs.most, len(b) < limit); err != nil {
				t.Fatalf("step %d: %v", step, err)
			}
		case 7, 8: // confirm one
			tag := rnd.Uint64N(l.last + 2)
			got, want := l.confirm(tag, false, nil), n.confirm(tag, false)
			if !slices.Equal(got, want) {
				t.Fatalf("step %d: tag %d settled %d, want %d", step, tag, len(got), len(want))
			}
			confirmAll(got)
		case 9: // confirm some
			tag := rnd.Uint64N(l.last + 1)
			got, want := l.confirm(tag, true, nil), n.confirm(tag, true)
			if !slices.Equal(got, want) {
				t.Fatalf("step %d: up to tag %d settled %d, want %d", step, tag, len(got), len(want))
			}
			confirmAll(got)
		case 10: // give up
			if len(n.list) == 0 {
				continue
			}
			m := n.list[rnd.IntN(len(n.list))]
			if m.wait && m.fate.Abandon(errors.New("enough")) {
				l.forget(places[m.fate], m.fate)
				if m.tag == 0 {
					n.remove(m)
				}
			}
		case 11:
			if rnd.IntN(5) == 0 {
				l.rewind()
				n.rewind()
				l.packs.counts = rnd.IntN(2) == 0 // another node may answer
				r = reader{counts: l.packs.counts}
			}
		}
		if step%20 == 0 {
			chunksHold(t, &l)
		}
		if l.last != n.last {
			t.Fatalf("step %d: last tag %d, want %d", step, l.last, n.last)
		}
	}
	for len(n.list) > 0 {
		written, begun := r.read(t, l.next(nil, 1<<30, 1<<17))
		if err := n.next(written, begun, l.packs.most, true); err != nil {
			t.Fatal("at last:", err)
		}
		if got, want := l.confirm(0, true, nil), n.confirm(0, true); !slices.Equal(got, want) {
			t.Fatalf("at last %d settled, want %d", len(got), len(want))
		}
	}
	l.next(nil, 1<<30, 1<<17)
	if l.live != 0 || l.bytes != 0 || l.fill != nil || l.tail != l.head {
		t.Fatalf("an empty log has %d messages, %d bytes, a chunk %v, %d entries", l.live, l.bytes, l.fill != nil, l.head-l.tail)
	}
}

// The fate of a post that went in a pack is not told that it was written; with a failure it knows.
func TestAPostThatWasWrittenInAPackSaysSoWhenItFails(t *testing.T) {
	for name, fail := range map[string]func(p *Publisher){
		"the client is closed": (*Publisher).close,
		"it is refused":        func(p *Publisher) { p.confirm(0, true, ErrRefused) },
		"it ended the connection, alone": func(p *Publisher) {
			p.confirm(1, false, nil)
			p.detach(ErrBroken, amqp.Errorf(amqp.PreconditionFailed, "no"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPublisher(0, 0, func() {}, nil)
			p.log.packs = packs{most: 2, to: modelEnvelope.destination()}
			post := func() *Fate {
				f := new(Fate)
				if err := p.Post(f, modelEnvelope, []byte("i"), []byte("body")); err != nil {
					t.Fatal(err)
				}
				return f
			}
			written := []*Fate{post(), post(), post()} // the last one goes alone
			p.log.next(nil, maxPiece, defaultFrameMax)
			held := post()
			fail(p)
			for i, f := range written {
				if f.Err() != nil && !f.WasWritten() {
					t.Errorf("message %d failed with %v, and was not written", i, f.Err())
				}
			}
			if last := written[2]; last.Err() == nil || held.WasWritten() {
				t.Errorf("the last one written: %v; one that was not was written: %v", last.Err(), held.WasWritten())
			}
			p.close()
		})
	}
}

func confirmAll(fates []*Fate) {
	for _, f := range fates {
		f.Confirmed(nil)
	}
}

func TestAnEnvelopeIsWhatTheCodecWrites(t *testing.T) {
	p := amqp.Properties{
		ContentType: "text/plain", Headers: amqp.Table{"k": "v"}, DeliveryMode: 2, CorrelationID: "c",
		ReplyTo: "r", Expiration: "100", Type: "t", AppID: "me",
	}
	e, err := NewEnvelope("x", "k", true, p)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{0, 1, 4087, 4088, 4089, 20000} {
		body := bytes.Repeat([]byte("b"), size)
		got := e.appendTo(nil, []byte("the id"), body, 4096)
		p.MessageID = "the id"
		want, _ := (&amqp.BasicPublish{Exchange: "x", RoutingKey: "k", Mandatory: true}).AppendFrame(nil, 1)
		raw, _ := p.Append(nil)
		want = amqp.AppendHeaderFrame(want, 1, 60, uint64(size), raw)
		want = amqp.AppendBodyFrames(want, 1, body, 4096)
		if !bytes.Equal(got, want) {
			t.Errorf("%d bytes: got %x\nwant %x", size, got[:min(len(got), 300)], want[:min(len(want), 300)])
		}
	}
}

func TestACallsEnvelopeHasItsIDTwice(t *testing.T) {
	for _, p := range []amqp.Properties{
		{ReplyTo: "r"},
		{ContentType: "text/plain", Headers: amqp.Table{"k": "v"}, DeliveryMode: 1, Priority: 3, ReplyTo: "r", Type: "t", AppID: "me"},
	} {
		e, err := NewCallEnvelope("x", "k", true, p)
		if err != nil {
			t.Fatal(err)
		}
		for _, expiring := range []bool{false, true} {
			if expiring {
				e = e.Expiring(1234 * time.Millisecond)
				p.Expiration = "0000001234"
			}
			p.MessageID, p.CorrelationID = "the id", "the id"
			got := e.appendTo(nil, []byte("the id"), []byte("body"), 4096)
			want, _ := (&amqp.BasicPublish{Exchange: "x", RoutingKey: "k", Mandatory: true}).AppendFrame(nil, 1)
			raw, _ := p.Append(nil)
			want = amqp.AppendHeaderFrame(want, 1, 60, 4, raw)
			want = amqp.AppendBodyFrames(want, 1, []byte("body"), 4096)
			if !bytes.Equal(got, want) {
				t.Errorf("got %q\nwant %q", got, want)
			}
			if at := e.expiry(got, len("the id")); expiring && string(at[:expiryDigits]) != p.Expiration {
				t.Errorf("%q where its expiration should be", at[:expiryDigits])
			}
		}
	}
}

func TestUnackedTags(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var s unacked
	set := map[uint64]bool{}
	last := uint64(0)
	for range 100_000 {
		if rnd.IntN(2) == 0 {
			last++
			s.add(last)
			set[last] = true
		} else if last > 0 {
			tag := max(1, last-min(last-1, rnd.Uint64N(300)))
			if s.remove(tag) != set[tag] {
				t.Fatalf("tag %d: want %v", tag, set[tag])
			}
			delete(set, tag)
		}
		if rnd.IntN(100) == 0 {
			want := last + 1
			for tag := range set {
				want = min(want, tag)
			}
			if got := s.oldest(); got != want {
				t.Fatalf("oldest %d, want %d", got, want)
			}
		}
	}
	if len(s.words) > 100_000/64+2 {
		t.Errorf("%d words", len(s.words))
	}
}

func BenchmarkPost(b *testing.B) {
	p := newPublisher(0, 0, func() {}, nil)
	id, body := []byte("ABCDEFGHIJKLMNOP-1234"), make([]byte, 100)
	out := make([]byte, 0, 2*maxPiece)
	b.ReportAllocs()
	var settled []*Fate
	for i := range b.N {
		if err := p.Post(new(Fate), modelEnvelope, id, body); err != nil {
			b.Fatal(err)
		}
		if i%500 == 499 {
			p.log.next(out[:0], maxPiece, 1<<17)
			settled = p.log.confirm(0, true, settled[:0])
			for _, f := range settled {
				f.Confirmed(nil)
			}
		}
	}
}
