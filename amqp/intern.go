package amqp

import "math/bits"

const internSlots = 256 // a power of two

// An Interner remembers short strings that were seen lately, so that a name which
// comes again costs no allocation. It holds at most 256 strings of at most 255
// octets. The zero value is ready for use; a nil *Interner remembers nothing.
//
// It is not safe for concurrent use: one reader owns it.
type Interner struct {
	// Known, if it is set, is asked for a string that is not remembered, before the octets are copied. It must not keep them.
	Known func(b []byte) (s string, ok bool)

	slots *[internSlots]string // pairs: the newer string first
}

// String returns b as a string, an older one with the same content if it is
// remembered. It keeps no reference to b.
func (in *Interner) String(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if in == nil || len(b) > maxShortstr {
		return string(b)
	}
	if in.slots == nil {
		in.slots = new([internSlots]string)
	}
	i := hash(b) & (internSlots - 2)
	if s := in.slots[i]; s == string(b) {
		return s
	}
	if s := in.slots[i|1]; s == string(b) {
		return s
	}
	s := in.fresh(b)
	in.slots[i|1] = in.slots[i]
	in.slots[i] = s
	return s
}

// fresh returns b as a string that is known, or as a copy.
func (in *Interner) fresh(b []byte) string {
	if in.Known != nil {
		if s, ok := in.Known(b); ok {
			return s
		}
	}
	return string(b)
}

// hash mixes the length and all octets, eight at a time. It spreads names over the slots and
// resists nobody: who forces collisions only loses the cache.
func hash(b []byte) uint {
	const k = 0x9e3779b97f4a7c15
	h := uint64(len(b)) * k
	for len(b) >= 8 {
		w := uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
			uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
		h = bits.RotateLeft64((h^w)*k, 29)
		b = b[8:]
	}
	var w uint64
	for i, c := range b {
		w |= uint64(c) << (8 * uint(i))
	}
	h = (h ^ w) * k
	return uint(h >> 40)
}
