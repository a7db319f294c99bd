package seal_test

import (
	"crypto/rand"
	"testing"

	"github.com/postrider-mq/postrider/internal/seal"
)

// One piece of memory each: the message, and what is in it.
func TestAllocationsOfAMessage(t *testing.T) {
	o := newOrganisation(t)
	jobs := o.key("mailbox:jobs", year)
	e, opener, b := o.epoch(o.identity("alice", year), jobs), o.opener(jobs), aBound()
	c := &seal.Content{Time: o.now, Type: "text/plain", Body: make([]byte, 100)}
	var message []byte
	if n := testing.AllocsPerRun(100, func() {
		number, _ := e.Next(o.now)
		message, _ = e.Seal(number, b, c)
	}); n != 1 {
		t.Errorf("%v allocations to seal one, want 1", n)
	}
	if n := testing.AllocsPerRun(100, func() {
		if _, _, err := open(opener, message, b, o.now); err != nil {
			t.Fatal(err)
		}
	}); n != 1 {
		t.Errorf("%v allocations to open one, want 1", n)
	}
}

func benchmark(b *testing.B, size int, do func(e *seal.Epoch, opener *seal.Opener, bound *seal.Bound, c *seal.Content, message []byte)) {
	o := newOrganisation(new(testing.T))
	jobs := o.key("mailbox:jobs", year)
	alice := o.identity("alice", year)
	e, opener, bound := o.epoch(alice, jobs), o.opener(jobs), aBound()
	c := &seal.Content{Time: o.now, Type: "text/plain", Body: make([]byte, size)}
	message, err := e.Seal(1, bound, c)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		do(e, opener, bound, c, message)
	}
}

func BenchmarkSeal(b *testing.B) {
	benchmark(b, 1024, func(e *seal.Epoch, _ *seal.Opener, bound *seal.Bound, c *seal.Content, _ []byte) { e.Seal(1, bound, c) })
}

func BenchmarkOpen(b *testing.B) {
	benchmark(b, 1024, func(_ *seal.Epoch, opener *seal.Opener, bound *seal.Bound, c *seal.Content, message []byte) {
		if _, _, err := open(opener, message, bound, c.Time); err != nil {
			b.Fatal(err)
		}
	})
}

func BenchmarkOpenWithANewGrant(b *testing.B) {
	benchmark(b, 1024, func(_ *seal.Epoch, opener *seal.Opener, bound *seal.Bound, c *seal.Content, message []byte) {
		opener.Forget()
		if _, _, err := open(opener, message, bound, c.Time); err != nil {
			b.Fatal(err)
		}
	})
}

func BenchmarkNewEpoch(b *testing.B) {
	o := newOrganisation(new(testing.T))
	jobs, alice := o.key("mailbox:jobs", year), o.identity("alice", year)
	for b.Loop() {
		var data [32]byte
		rand.Read(data[:])
		if _, err := seal.NewEpoch(alice, jobs.Key, data, o.now, month); err != nil {
			b.Fatal(err)
		}
	}
}
