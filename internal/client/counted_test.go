package client

import (
	"bytes"
	"testing"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/pack"
	"github.com/postrider-mq/postrider/internal/session"
)

// keeps is a Keeper that remembers what it was given last.
type keeps struct{ last Kept }

func (k *keeps) Keep(m Kept, body ...[]byte) (uint64, error) {
	k.last = m
	k.last.Encoded = append(append([]byte(nil), m.Encoded...), bytes.Join(body, nil)...)
	return 1, nil
}

func (k *keeps) Done([]uint64) {}

// An id is counted where the other side knows how and nobody keeps the message; elsewhere it is written out. It is the same id.
func TestACountedIDIsTheSameHoweverItIsWritten(t *testing.T) {
	const id = "p-" + "zz" // 1295
	for name, c := range map[string]struct {
		counts  bool
		keeper  Keeper
		body    int
		counted bool
	}{
		"both know how":  {counts: true, body: 10, counted: true},
		"an older node":  {body: 10},
		"it is kept":     {counts: true, keeper: new(keeps), body: 10},
		"it is large":    {counts: true, body: pack.Small + 1},
		"it is as large": {counts: true, body: pack.Small, counted: true},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPublisher(0, 0, func() {}, c.keeper)
			defer p.close()
			p.log.packs = packs{most: 10, to: modelEnvelope.destination(), counts: c.counts}
			env := modelEnvelope.Kept("somebody")
			for range 3 {
				if err := p.PostCounted(new(Fate), env, 1295, make([]byte, c.body)); err != nil {
					t.Fatal(err)
				}
			}
			e := p.log.at(0)
			if e.counted() != c.counted || !e.has([]byte(id)) {
				t.Errorf("counted: %v, and has the id: %v", e.counted(), e.has([]byte(id)))
			}
			if k, ok := c.keeper.(*keeps); ok && k.last.ID() != id {
				t.Errorf("what is kept has the id %q", k.last.ID())
			}
			b := p.log.next(nil, maxPiece, defaultFrameMax)
			var body []byte
			var prefix string
			for len(b) > 0 {
				rest, f, _, err := amqp.ParseFrame(b, 0)
				if err != nil {
					t.Fatal(err)
				}
				switch b = rest; f.Type {
				case amqp.FrameHeader:
					_, _, props, _ := amqp.ParseHeader(f.Payload)
					v, _ := props.View()
					prefix = string(v.MessageID)
				case amqp.FrameBody:
					body = append(body, f.Payload...)
				}
			}
			name, _, _, ok := pack.Next(body)
			if !ok || name.Counted() != c.counted || string(name.AppendTo(nil, prefix)) != id {
				t.Errorf("written is %x, of a pack with the id %q", name, prefix)
			}

			props, err := (&amqp.Properties{ContentEncoding: pack.Encoding, MessageID: prefix}).Append(nil)
			if err != nil {
				t.Fatal(err)
			}
			p.returned("", "jobs", &session.Content{Props: props, Body: body})
			if !p.log.at(0).fate.returned || !p.log.at(2).fate.returned {
				t.Error("it came back, and its fate does not know")
			}
		})
	}
}

// A node that answers in place of another may be an older one: what was counted for the first goes alone to it, written out.
func TestWhatWasCountedGoesWrittenOutToAnOlderNode(t *testing.T) {
	p := newPublisher(0, 0, func() {}, nil)
	defer p.close()
	p.log.packs = packs{most: 10, to: modelEnvelope.destination(), counts: true}
	bodies := []string{"1.", "3.", "5."}
	for _, body := range bodies {
		_, count := modelID(body)
		if err := p.PostCounted(new(Fate), modelEnvelope, count, []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	p.log.packs.counts = false
	var r reader
	written, _ := r.read(t, p.log.next(nil, maxPiece, defaultFrameMax))
	if len(written) != len(bodies) {
		t.Errorf("%d messages went, want each of %d alone", len(written), len(bodies))
	}
}

// Packs are for the inbox of who takes them: what the same connection has for another queue goes message by message.
func TestWhatIsForAnotherQueueIsNotPacked(t *testing.T) {
	for to, want := range map[string]int{"": 1, "another": 3} {
		p := newPublisher(0, 0, func() {}, nil)
		defer p.close()
		p.log.packs = packs{most: 10, to: modelEnvelope.destination()}
		if to != "" {
			p.log.packs.to = []byte(destinationOf("", to))
		}
		for range 3 {
			if err := p.Post(new(Fate), modelEnvelope, []byte("i"), []byte("body")); err != nil {
				t.Fatal(err)
			}
		}
		if written, _ := new(reader).read(t, p.log.next(nil, maxPiece, defaultFrameMax)); len(written) != want {
			t.Errorf("packs to %q: %d were written, want %d", to, len(written), want)
		}
	}
}
