package core

import "github.com/postrider-mq/postrider/internal/journal"

// ref is what a queue holds of a message: the message itself, or the place in
// the journal where it lies. It is 16 bytes, so that ten million are cheap.
//
//	             msg      at
//	resident     set      LSN; 0 = this queue has no record of it
//	paged        nil      LSN/8 in 49 bits │ transient │ size in 14 bits
//	paged, large a shell  LSN │ transient in bit 0; the shell knows the size
//
// Records begin at multiples of 8. A large body is one of 16 KiB or more;
// beside it a shell costs next to nothing.
//
// Transient says that the record was only made to page the message out: it is
// dead after a restart, and needs no Settled.
type ref struct {
	msg *Message
	at  uint64
}

const (
	sizeBits       = 14
	pagedTransient = 1 << sizeBits
	shellTransient = 1
	sizeMask       = 1<<sizeBits - 1
	lsnShift       = sizeBits + 1 - 3
	compactLSNs    = 1 << (64 - lsnShift)
)

// pagedRef is the reference to a message in the journal, with a body of size bytes.
func pagedRef(lsn journal.LSN, transient bool, size int) ref {
	if size > sizeMask || lsn >= compactLSNs {
		r := ref{msg: &Message{rare: &rare{away: uint32(size) + 1}}, at: uint64(lsn)}
		if transient {
			r.at |= shellTransient
		}
		return r
	}
	r := ref{at: uint64(lsn)<<lsnShift | uint64(size)}
	if transient {
		r.at |= pagedTransient
	}
	return r
}

// resident says whether the message is in memory.
func (r ref) resident() bool { return r.msg != nil && !r.msg.isAway() }

// lsn is the record that the queue needs; 0 = none.
func (r ref) lsn() journal.LSN {
	if r.msg == nil {
		return journal.LSN(r.at >> (sizeBits + 1) << 3)
	}
	return journal.LSN(r.at &^ shellTransient)
}

// journaled says whether the message comes back after a restart, unless its
// end is recorded.
func (r ref) journaled() bool {
	switch {
	case r.msg == nil:
		return r.at&pagedTransient == 0 && r.at != 0
	case r.msg.isAway():
		return r.at&shellTransient == 0
	}
	return r.at != 0
}

// size is the length of the body, in bytes.
func (r ref) size() int {
	switch {
	case r.msg == nil:
		return int(r.at & sizeMask)
	case r.msg.isAway():
		return int(r.msg.rare.away - 1)
	}
	return len(r.msg.Body)
}

// large says whether so many of these as an event delivers would be too much at once for whoever reads slowly.
func (r ref) large() bool { return r.size() >= largeMessage }

// largeMessage is the body of one, in bytes.
const largeMessage = 16 << 10

// weight is what the message costs in memory, in bytes.
func (r ref) weight() int64 {
	if !r.resident() {
		return 0
	}
	return r.msg.weight()
}

// movedTo is the same reference to the message's record in another place.
func (r ref) movedTo(lsn journal.LSN) ref {
	if r.resident() {
		return ref{msg: r.msg, at: uint64(lsn)}
	}
	return pagedRef(lsn, !r.journaled(), r.size())
}
