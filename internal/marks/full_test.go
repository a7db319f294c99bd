package marks

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider/internal/disk"
)

// Others fill the disk at some moment, and may give room back later. What was waited for is known after a restart, for which there is room, and nothing
// waits for ever.
func TestOthersFillTheDisk(t *testing.T) {
	for before := 50; before < 700; before += 130 {
		for _, again := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) { fill(t, before, again) })
		}
	}
}

// full leaves no room on a disk.
func full(mem *disk.Mem) {
	mem.SetCapacity(1 << 30)
	free, _ := mem.Free()
	mem.SetCapacity(1<<30 - free)
}

func fill(t *testing.T, before int, again bool) {
	mem := disk.NewMem()
	l := mustOpen(t, mem)
	must, may := map[string]bool{}, map[string]bool{}
	late := 0
	for i := 0; i < before+700 && late < 10; i++ {
		if i == before {
			synctest.Wait()
			full(mem)
		}
		place, m := Place{"jobs", "", uint64(i / PageSize)}, Mark{Bit: uint16(i % PageSize), ID: "an order of some length, whose number is its own"}
		may[say(place, m)] = true
		lsn, err := l.Note(place, []Mark{m})
		if err == nil {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			err = l.Wait(ctx, lsn)
			cancel()
		}
		if err == nil {
			must[say(place, m)] = true
			continue
		}
		if !errors.Is(err, ErrSlow) {
			t.Errorf("%d: %v", before, err)
		}
		if late++; late == 3 && again {
			mem.SetCapacity(1 << 30)
		}
		time.Sleep(time.Second)
	}
	if again && len(must) < before+690 || !again && late == 0 {
		t.Errorf("%d: %d were written, %d late", before, len(must), late)
	}
	began := time.Now()
	if err := l.Close(context.Background()); err != nil || time.Since(began) > time.Second {
		t.Errorf("%d: it was closed after %v: %v", before, time.Since(began), err)
	}
	if !again {
		full(mem)
	}
	if err := survived(mem, must, may); err != nil {
		t.Errorf("%d: %v", before, err)
	}
}
