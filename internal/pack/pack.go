package pack

import "encoding/binary"

const (
	// Encoding is the content-encoding of a pack.
	Encoding = "x-postrider-pack"

	// Properties of a server: how many messages a pack may hold, and the queue that takes packs. None does where they are not.
	Property = "postrider_pack"
	Inbox    = "postrider_inbox"

	MaxMessages = 128         // in a pack
	MaxBytes    = 8<<10 - 256 // of its body, so that all of it takes 8 KiB, which is a size of the allocator's
	Small       = 1 << 10     // the largest Size of a message that is packed
	lengths     = 1 + 5       // octets of the lengths of a message, at most
)

// Size is about what a message takes in a pack, and never less.
func Size(id, body int) int { return lengths + id + body }

// Append appends a message, whose id is at most 255 octets, to the body of a pack.
func Append(pack, id, body []byte) []byte {
	return append(AppendHead(pack, id, len(body)), body...)
}

// AppendHead appends what comes before a message's body of that size.
func AppendHead(pack, id []byte, body int) []byte {
	pack = append(append(pack, byte(len(id))), id...)
	return binary.AppendUvarint(pack, uint64(body))
}

// Head takes apart what AppendHead has appended: the body is so large and begins there, whether it is in b or not.
func Head(b []byte) (id []byte, body, at int) {
	n := 1 + int(b[0])
	size, width := binary.Uvarint(b[n:])
	return b[1:n:n], int(size), n + width
}

// Next takes the first message out of a pack; not ok if there is none, for it is no pack.
func Next(pack []byte) (id, body, rest []byte, ok bool) {
	n, from, end := first(pack)
	if end == 0 {
		return nil, nil, nil, false
	}
	return pack[1:n:n], pack[from:end:end], pack[end:], true
}

// first says where the first message lies: its id ends at n, and its body begins at from; end is 0 if there is none.
func first(pack []byte) (n, from, end int) {
	if len(pack) == 0 {
		return 0, 0, 0
	}
	n = 1 + int(pack[0])
	if n >= len(pack) {
		return 0, 0, 0
	}
	size, width := uint64(pack[n]), 1
	if size >= 0x80 { // it is longer than one octet
		if size, width = binary.Uvarint(pack[n:]); width <= 0 {
			return 0, 0, 0
		}
	}
	from = n + width
	if size > uint64(len(pack)-from) {
		return 0, 0, 0
	}
	return n, from, from + int(size)
}

// In says how many messages are in a body with that content-encoding: 0 if it is no pack.
func In(encoding, body []byte) int {
	if string(encoding) != Encoding {
		return 0
	}
	return Count(body)
}

// Count says how many messages are in a pack: 0 if it is none, or holds more than are allowed.
func Count(pack []byte) (n int) {
	for len(pack) > 0 {
		_, _, end := first(pack)
		if end == 0 || n == MaxMessages {
			return 0
		}
		pack = pack[end:]
		n++
	}
	return n
}
