package journal

import (
	"testing"

	"github.com/postrider-mq/postrider/internal/disk"
)

// TestWhatStandsBehindAGap loses a piece from the midst of the last batch, as a power failure can before the sync is over: what
// follows in that batch is shown as standing behind a gap, at this start and at the next, and what precedes it or comes later is not.
func TestWhatStandsBehindAGap(t *testing.T) {
	mem := disk.NewMem()
	hand := &Manual{Random: func(b []byte) { b[0] = 1 }}
	hand.Yield = func() { hand.Write() }
	j, _ := openT(t, Config{FS: mem, SegmentSize: 4096, Manual: hand})
	j.Append(1, true, []byte("sure"))
	hand.Write()
	j.Append(1, true, []byte("before"))
	lost := j.Append(1, true, []byte("lost"))
	behind := j.Append(1, true, []byte("behind"))
	j.Append(1, true, []byte("last"))
	hand.Write()
	at := j.segment(lost).offset(lost)
	image := mem.Snapshot()
	writeAt(t, image, segmentsOf(t, image)[0], at, make([]byte, behind-lost))

	for start := range 2 {
		gaps := map[string]bool{}
		_, err := Open(Config{FS: image, SegmentSize: 4096}, func(r Record) error {
			gaps[string(r.Body)] = r.AfterGap
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]bool{"sure": false, "before": false, "behind": true, "last": true}
		for body, gap := range want {
			if got, there := gaps[body]; got != gap || !there {
				t.Errorf("start %d: %q is there %t, behind a gap %t; want %t", start+1, body, there, got, gap)
			}
		}
		image = image.Snapshot()
	}
}
