package journal

import "math/bits"

// leastSegment is what segments grow to on the smallest disks, in bytes.
const leastSegment = 1 << 20

// SizeFor is what segments grow to on a disk of so many bytes, 0 if that is not known: 64 MiB, or a power of two that is no more than a sixteenth
// of a smaller disk. A journal that is empty keeps room for about three of them, and publishers wait for another one: on a disk
// of a few they would wait for ever.
func SizeFor(disk int64) int64 {
	share := disk / 16
	switch {
	case disk <= 0 || share >= defaultSegmentSize:
		return defaultSegmentSize
	case share <= leastSegment:
		return leastSegment
	}
	return 1 << (bits.Len64(uint64(share)) - 1)
}
