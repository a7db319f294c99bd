package journal

import "testing"

func TestSegmentsFitTheDisk(t *testing.T) {
	for disk, want := range map[int64]int64{
		0: 64 << 20, 1: 1 << 20, 20 << 20: 1 << 20, 100 << 20: 4 << 20, 160 << 20: 8 << 20, 256 << 20: 16 << 20, 1000 << 20: 32 << 20,
		1 << 30: 64 << 20, 1 << 40: 64 << 20,
	} {
		if got := SizeFor(disk); got != want {
			t.Errorf("on a disk of %d bytes they grow to %d, want %d", disk, got, want)
		}
	}
}
