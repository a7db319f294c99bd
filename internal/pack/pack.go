package pack

import "encoding/binary"

const (
	// Encoding is the content-encoding of a pack.
	Encoding = "x-postrider-pack"

	// Property of a server says how many messages a pack for its inbox may hold; it takes none where there is no such property.
	Property = "postrider_pack"

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

// Next takes the first message out of what [Count] has found to be a pack.
func Next(pack []byte) (id, body, rest []byte) {
	n := 1 + int(pack[0])
	id, rest = pack[1:n:n], pack[n:]
	size, width := binary.Uvarint(rest)
	end := width + int(size)
	return id, rest[width:end:end], rest[end:]
}

// Count says how many messages are in a pack: 0 if it is none, or holds more than are allowed.
func Count(pack []byte) (n int) {
	for len(pack) > 0 {
		if n++; n > MaxMessages {
			return 0
		}
		id := 1 + int(pack[0])
		if id > len(pack) {
			return 0
		}
		size, width := binary.Uvarint(pack[id:])
		if width <= 0 || size > uint64(len(pack)-id-width) {
			return 0
		}
		pack = pack[id+width+int(size):]
	}
	return n
}
