package core

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/postrider-mq/postrider/internal/disk"
	"github.com/postrider-mq/postrider/internal/route"
)

// TestDamageWhileItRunsCostsNothingThatIsInMemory damages everything that was written first, while the broker runs. It is written
// anew from memory, and the disk space comes back.
func TestDamageWhileItRunsCostsNothingThatIsInMemory(t *testing.T) {
	mem := disk.NewMem()
	w := newWorld(t, mem)
	w.exchange("x", route.Fanout, true)
	w.durable("old", "other", "busy")
	w.bind("old", "x", "")
	w.bind("other", "x", "")
	w.publish(message("x", "", "survivor", true))
	w.sync()
	spoil(t, mem, "survivor")

	body := strings.Repeat("x", 300)
	for range 500 {
		w.publish(message("", "busy", body, true))
		w.get("busy", true)
		w.core.Throttle(context.Background())
	}
	waitFor(t, "the disk space to come back", func() bool {
		w.send("busy", body)
		w.get("busy", true)
		return w.used() < 20*smallSegment
	})
	w.sync()
	w.crash(3)
	w.wantContents("old", "survivor")
	w.wantContents("other", "survivor")
	w.wantBindings("x  old", "x  other")
	w.wantNoLeak()
}

// spoil overwrites all records of the oldest segment up to the one with text in it.
func spoil(t *testing.T, mem *disk.Mem, text string) {
	t.Helper()
	names, err := mem.List(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if !strings.HasSuffix(name, ".seg") {
			continue
		}
		f, err := mem.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		size, _ := f.Size()
		b := make([]byte, size)
		if _, err := f.ReadAt(b, 0); err != nil {
			t.Fatal(err)
		}
		const header = 4096
		at := bytes.Index(b, []byte(text))
		if at < 0 {
			t.Fatalf("%q is not in %s", text, name)
		}
		if _, err := f.WriteAt(bytes.Repeat([]byte{0x5A}, at+len(text)-header), header); err != nil {
			t.Fatal(err)
		}
		return
	}
}
