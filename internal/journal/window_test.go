package journal

import (
	"errors"
	"testing"

	"github.com/postrider-mq/postrider/internal/disk"
)

// What a start has dropped behind a segment's end, and could not cut off, does not pass for what came to lie at its addresses.
func TestAWindowEndsWithItsSegment(t *testing.T) {
	mem := disk.NewMem()
	j, hand := byHand(t, mem)
	for _, body := range []string{"one", "two"} {
		j.Append(1, true, []byte(body))
		hand.Write()
	}
	torn := j.Append(1, true, []byte("torn"))
	dropped := j.Append(1, true, []byte("old!"))
	hand.Write()
	on := mem.Snapshot()
	name := segmentsOf(t, on)[0]
	flip(t, on, name, int64(torn-firstLSN)+segmentHeaderSize+recordHeaderSize)
	s := (*j.segments.Load())[0]
	writeAt(t, on, name, s.offset(dropped)+int64(recordSize(len("old!"))), make([]byte, commitSize))

	after, _ := openByHand(t, Config{SegmentSize: 1024, FS: disk.NewFaulty(on, func(op disk.Op) error {
		if op.Kind == disk.OpTruncate {
			return errors.New("it cannot be cut off")
		}
		return nil
	}, nil)})
	var at LSN
	for at < dropped {
		at = after.Append(1, true, []byte("new!"))
	}
	if err := after.Wait(t.Context(), at); err != nil {
		t.Fatal(err)
	}
	if at != dropped {
		t.Fatalf("the last record is at %d, want %d", at, dropped)
	}
	ws := after.NewWindows()
	if _, err := ws.Read(firstLSN, nil); err != nil {
		t.Fatal(err)
	}
	if r, err := ws.Read(at, nil); err != nil || string(r.Body) != "new!" {
		t.Errorf("Read = %q, %v", r.Body, err)
	}
}
