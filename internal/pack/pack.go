package pack

import (
	"encoding/binary"
	"math/bits"
)

const (
	// Encoding is the content-encoding of a pack.
	Encoding = "x-postrider-pack"

	// Properties of a server: how many messages a pack may hold, and the queue that takes packs. None does where they are not.
	Property = "postrider_pack"
	Inbox    = "postrider_inbox"
	Counts   = "postrider_pack_counts" // true: it may hold counted names

	MaxMessages = 128         // in a pack
	MaxBytes    = 8<<10 - 256 // of its body, so that all of it takes 8 KiB, which is a size of the allocator's
	Small       = 1 << 10     // the largest Size of a message that is packed
	CountedSize = 8           // octets of a counted name
	MaxCount    = 1<<56 - 1   // in one
)

// Name is the id of a message as it lies in a pack.
type Name []byte

// Counted says that the name is a count, which follows the pack's message-id.
func (n Name) Counted() bool { return n[0] == 0 }

// Count is that of a counted name.
func (n Name) Count() uint64 { return binary.BigEndian.Uint64(n) }

// AppendTo appends the id, where prefix is the pack's message-id.
func (n Name) AppendTo(b []byte, prefix string) []byte {
	if n.Counted() {
		return AppendCount(append(b, prefix...), n.Count())
	}
	return append(b, n[1:]...)
}

// Base is that of counts that are written out.
const Base = 36

// AppendCount appends n, two digits at a time: strconv.AppendUint divides by a base that it does not know, for each digit.
func AppendCount(b []byte, n uint64) []byte {
	var text [14]byte
	at := len(text)
	for ; n >= Base; n /= uint64(len(pairs)) {
		at -= 2
		p := &pairs[n%uint64(len(pairs))]
		text[at], text[at+1] = p[0], p[1]
	}
	if n > 0 || at == len(text) {
		at--
		text[at] = digits[n]
	}
	return append(b, text[at:]...)
}

// NextDigit is the digit of a count that comes after d, which is not 'z'.
func NextDigit(d byte) byte {
	if d == '9' {
		return 'a'
	}
	return d + 1
}

const digits = "0123456789abcdefghijklmnopqrstuvwxyz"

// pairs are all numbers of two digits.
var pairs = func() (p [Base * Base][2]byte) {
	for n := range p {
		p[n] = [2]byte{digits[n/Base], digits[n%Base]}
	}
	return p
}()

// Size is what a message takes in a pack, with its id written out.
func Size(id, body int) int { return HeadSize(id, body) + body }

// HeadSize is how much of that comes before the body.
func HeadSize(id, body int) int { return 1 + id + (bits.Len(uint(body)|1)+6)/7 }

// SizeOfCounted is what a message takes in a pack whose name is a count.
func SizeOfCounted(body int) int { return Size(CountedSize-1, body) }

// Append appends a message, whose id is at most 255 octets, to the body of a pack.
func Append(pack, id, body []byte) []byte {
	return append(AppendHead(pack, id, len(body)), body...)
}

// AppendCounted appends a message whose id is the pack's message-id and a count, of at most MaxCount.
func AppendCounted(pack []byte, count uint64, body []byte) []byte {
	pack = binary.BigEndian.AppendUint64(pack, count)
	return append(binary.AppendUvarint(pack, uint64(len(body))), body...)
}

// AppendHead appends what comes before a message's body of that size.
func AppendHead(pack, id []byte, body int) []byte {
	pack = append(append(pack, byte(len(id))), id...)
	return binary.AppendUvarint(pack, uint64(body))
}

// Head takes apart what AppendHead has appended, or with counts AppendCounted: the body is so large and begins there, whether it is in b or not.
func Head(b []byte, counts bool) (name Name, body, at int) {
	n := 1 + int(b[0])
	if counts && n == 1 {
		n = CountedSize
	}
	size, width := binary.Uvarint(b[n:])
	return Name(b[:n:n]), int(size), n + width
}

// Next takes the first message out of a pack; not ok if there is none, for it is no pack.
func Next(pack []byte) (name Name, body, rest []byte, ok bool) {
	n, from, end := first(pack)
	if end == 0 {
		return nil, nil, nil, false
	}
	return Name(pack[:n:n]), pack[from:end:end], pack[end:], true
}

// first says where the first message lies: its name ends at n, and its body begins at from; end is 0 if there is none.
func first(pack []byte) (n, from, end int) {
	if len(pack) == 0 {
		return 0, 0, 0
	}
	if n = 1 + int(pack[0]); n == 1 {
		n = CountedSize
	}
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
