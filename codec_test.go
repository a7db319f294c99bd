package postrider_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/postrider-mq/postrider"
)

// point has a wire format of its own: that of protobuf's message Point { sint64 x = 1; sint64 y = 2; }.
type point struct{ x, y int64 }

// points is a codec for points, by hand what generated code does.
type points struct{}

func (points) ContentType() string { return "application/x-protobuf" }

func (points) Marshal(v any) ([]byte, error) {
	p, ok := v.(*point)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	b := binary.AppendVarint([]byte{1 << 3}, p.x)
	return binary.AppendVarint(append(b, 2<<3), p.y), nil
}

func (points) Unmarshal(body []byte, v any) error {
	p, ok := v.(*point)
	if !ok {
		return fmt.Errorf("a point does not fit a %T", v)
	}
	for len(body) > 0 {
		value, n := binary.Varint(body[1:])
		if n <= 0 {
			return errors.New("the body ends too early")
		}
		switch body[0] {
		case 1 << 3:
			p.x = value
		case 2 << 3:
			p.y = value
		default:
			return fmt.Errorf("unknown field %d", body[0]>>3)
		}
		body = body[1+n:]
	}
	return nil
}

func withPoints(c *postrider.Config) { c.Codecs = []postrider.Codec{points{}} }

func TestACodecEncodesWhatItTakes(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice, bob := net.node("alice", withPoints), net.node("bob", withPoints)
		err := bob.Handle(t.Context(), bob.Inbox(), func(ctx context.Context, m *postrider.Message) error {
			if m.ContentType == postrider.TypeJSON {
				return m.Reply(ctx, ask{7})
			}
			var p point
			if err := m.Decode(&p); err != nil {
				return err
			}
			return m.Reply(ctx, &point{p.y, p.x})
		})
		if err != nil {
			t.Fatal(err)
		}
		p, err := postrider.Call[point](t.Context(), alice.Peer("bob"), &point{-3, 4})
		if err != nil || p != (point{4, -3}) {
			t.Error(p, err)
		}
		a, err := postrider.Call[ask](t.Context(), alice.Peer("bob"), ask{1}) // which no codec takes
		if err != nil || a.N != 7 {
			t.Error(a, err)
		}
	})
}

func TestABodyThatNoCodecDecodes(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice, bob := net.node("alice", withPoints), net.node("bob")
		got := collect(t, bob, bob.Inbox())
		if err := alice.Peer("bob").Send(t.Context(), &point{1, 2}); err != nil {
			t.Fatal(err)
		}
		m := <-got
		var p point
		err := m.Decode(&p)
		if !errors.Is(err, postrider.ErrNoCodec) || !strings.Contains(err.Error(), `"application/x-protobuf"`) ||
			!strings.Contains(err.Error(), "Config.Codecs") {
			t.Error(err)
		}
		var raw []byte
		if err := m.Decode(&raw); err != nil || len(raw) != 4 {
			t.Error(raw, err)
		}
	})
}
