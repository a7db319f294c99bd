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

// Bytes go as they are, whether they are given or pointed to; it is what a *[]byte is decoded as, too.
func TestBytesThatAreOnlyPointedToGoAsTheyAre(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		looking := func(c *postrider.Config) {
			c.SendMiddleware = []postrider.SendMiddleware{func(next postrider.SendFunc) postrider.SendFunc {
				return func(ctx context.Context, m *postrider.Outgoing) error {
					if _, ok := m.Body.([]byte); !ok && m.Body != (*[]byte)(nil) {
						t.Errorf("middleware sees a %T", m.Body)
					}
					return next(ctx, m)
				}
			}}
		}
		bob := net.node("bob")
		for _, alice := range []*postrider.Node{net.node("alice"), net.node("carol", looking)} {
			body := []byte("first")
			if _, err := alice.Peer("bob").Post(t.Context(), &body); err != nil {
				t.Fatal(err)
			}
			body = append(body[:0], "again"...) // it was copied
			if err := alice.Peer("bob").Send(t.Context(), &body); err != nil {
				t.Fatal(err)
			}
			want := []string{"first", "again"}
			for m, err := range bob.Messages(t.Context()) {
				if err != nil || m.ContentType != postrider.TypeBytes || string(m.Body) != want[0] {
					t.Fatalf("got %+v, %v, want %s", m, err, want)
				}
				if want = want[1:]; len(want) == 0 {
					break
				}
			}
			if _, err := alice.Peer("bob").Post(t.Context(), (*[]byte)(nil)); err == nil || !strings.Contains(err.Error(), "*[]byte that is nil") {
				t.Errorf("of a pointer to nothing: %v", err)
			}
		}
	})
}
