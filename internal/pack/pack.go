package pack

import "encoding/binary"

const (
	// Encoding is the content-encoding of a pack.
	Encoding = "x-postrider-pack"

	// Properties of a server: how many messages a pack may hold, and the queue that takes packs. None does where they are not.
	Property = "postrider_pack"
	Inbox    = "postrider_inbox"

	MaxMessages = 128     // in a pack
	MaxBytes    = 8 << 10 // of its body
	Small       = 1 << 10 // the largest Size of a message that is packed
	lengths     = 1 + 5   // octets of the lengths of a message, at most
)

// Size is about what a message takes in a pack, and never less.
func Size(id, body int) int { return lengths + id + body }

// Append appends a message, whose id is at most 255 octets, to the body of a pack.
func Append(pack, id, body []byte) []byte {
	pack = append(append(pack, byte(len(id))), id...)
	pack = binary.AppendUvarint(pack, uint64(len(body)))
	return append(pack, body...)
}

// Next takes the first message out of a pack; not ok if there is none, for it is no pack.
func Next(pack []byte) (id, body, rest []byte, ok bool) {
	if len(pack) == 0 || 1+int(pack[0]) > len(pack) {
		return nil, nil, nil, false
	}
	n := 1 + int(pack[0])
	id, rest = pack[1:n:n], pack[n:]
	size, width := binary.Uvarint(rest)
	if width <= 0 || size > uint64(len(rest)-width) {
		return nil, nil, nil, false
	}
	end := width + int(size)
	return id, rest[width:end:end], rest[end:], true
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
		var ok bool
		if _, _, pack, ok = Next(pack); !ok || n == MaxMessages {
			return 0
		}
		n++
	}
	return n
}
