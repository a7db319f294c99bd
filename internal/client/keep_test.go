package client

import (
	"bytes"
	"runtime"
	"testing"

	"github.com/postrider-mq/postrider/amqp"
)

// shelf is a Keeper that remembers what it was given last.
type shelf struct{ last Kept }

func (s *shelf) Keep(m Kept, rest ...[]byte) (uint64, error) {
	s.last = m
	s.last.Encoded = append(s.last.Encoded[:len(m.Encoded):len(m.Encoded)], bytes.Join(rest, nil)...)
	return 7, nil
}

func (*shelf) Done([]uint64) {}

// Whatever its size, what is kept is what was posted.
func TestWhatIsKeptIsTheMessage(t *testing.T) {
	s := new(shelf)
	p := newPublisher(0, 1<<30, func() {}, s)
	e, err := NewEnvelope("shop", "orders", true, amqp.Properties{ContentType: "text/plain", AppID: "alice", Headers: amqp.Table{"n": int32(1)}})
	if err != nil {
		t.Fatal(err)
	}
	e = e.Kept("mailbox jobs")
	for _, size := range []int{0, 1, 4000, chunkSize - 1, chunkSize, chunkSize + 1, 3*chunkSize + 5, 1 << 20, largestFrame, largestFrame + 1} {
		body := bytes.Repeat([]byte("a body "), size/7+1)[:size]
		if err := p.Post(new(Fate), e, []byte("id"), body); err != nil {
			t.Fatal(size, err)
		}
		got, id, kept, err := s.last.parse()
		if err != nil || string(id) != "id" || !bytes.Equal(kept, body) || s.last.Target != "mailbox jobs" {
			t.Fatalf("%d bytes: %q, %d bytes, %v", size, id, len(kept), err)
		}
		if !bytes.Equal(got.destination(), e.destination()) {
			t.Errorf("to %q, want %q", got.destination(), e.destination())
		}
		p.close()
		p = newPublisher(0, 1<<30, func() {}, s)
	}
}

// takesNone is a Keeper that is interested in nothing.
type takesNone struct{}

func (takesNone) Keep(Kept, ...[]byte) (uint64, error) { return 7, nil }
func (takesNone) Done([]uint64)                        {}

// To keep a message takes no new memory of the body's size.
func TestToKeepALargeMessageCopiesNoBody(t *testing.T) {
	p := newPublisher(0, 0, func() {}, takesNone{})
	e, err := NewEnvelope("", "orders", true, amqp.Properties{})
	if err != nil {
		t.Fatal(err)
	}
	e = e.Kept("mailbox jobs")
	for _, size := range []int{100, chunkSize, 1 << 20} {
		body := make([]byte, size)
		keep := func() {
			if _, err := p.more(new(Fate), e, []byte("id"), body, false, nil); err != nil {
				t.Fatal(err)
			}
		}
		keep()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		const times = 100
		for range times {
			keep()
		}
		runtime.ReadMemStats(&after)
		if each := (after.TotalAlloc - before.TotalAlloc) / times; each > 1000 {
			t.Errorf("to keep a message of %d bytes took %d", size, each)
		}
	}
}
