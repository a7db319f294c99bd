package queue

import "math/bits"

// chunkSize is one slot for each bit of a word.
const chunkSize = 64

// State says where an entry is.
type State uint8

const (
	// Reserved is a hole: the position was handed out, and nothing pushed yet.
	Reserved State = iota + 1

	// Ready is an entry that waits for a consumer.
	Ready

	// Out is an entry that a consumer or a Get has, and has not settled.
	Out
)

// chunk holds the slots of 64 consecutive positions. Bit i of its words speaks
// of slot i; at most one of the three is set, and none means gone (or not yet
// reserved). Chunks that live are linked in the order of their positions.
// What few slots have lies elsewhere, each kind by itself: who settles an entry that never came back looks at its holder and nothing more.
//
// With 16 bytes for M it is 1,096 bytes, for which the allocator takes 1,152: 18 for each slot.
type chunk[M any] struct {
	number     uint64 // position / chunkSize
	reserved   uint64
	ready      uint64
	out        uint64
	prev, next *chunk[M]
	holders    *[chunkSize]*consumer // of the entries that are out, nil for Get; nil until one was
	histories  *[chunkSize]history   // of the entries; nil until one came back
	expiries   *[chunkSize]Time      // when each entry expires, 0 for never; nil until one does
	slots      [chunkSize]M
}

// history is how often an entry was delivered and came back, times two, plus
// one if a consumer may have seen it.
type history uint32

func newHistory(redelivered bool, deliveries uint32) history {
	h := history(min(deliveries, 1<<31-1) << 1)
	if redelivered {
		h |= 1
	}
	return h
}

func (h history) redelivered() bool  { return h&1 != 0 }
func (h history) deliveries() uint32 { return uint32(h >> 1) }
func (h history) returned() history  { return newHistory(true, h.deliveries()+1) }

// live says whether any of the chunk's slots may still be of use.
func (c *chunk[M]) live() bool { return c.reserved|c.ready|c.out != 0 }

// history returns what the slot's entry has been through.
func (c *chunk[M]) history(slot uint64) history {
	if c.histories == nil {
		return 0
	}
	return c.histories[slot]
}

// expiry returns when the slot's entry expires, or 0.
func (c *chunk[M]) expiry(slot uint64) Time {
	if c.expiries == nil {
		return 0
	}
	return c.expiries[slot]
}

// expireAt notes when the slot's entry expires; 0 means never.
func (c *chunk[M]) expireAt(slot uint64, t Time) {
	if t == 0 {
		return
	}
	if c.expiries == nil {
		c.expiries = new([chunkSize]Time)
	}
	c.expiries[slot] = t
}

// erase forgets what a slot held, so that nothing keeps the message alive.
func (c *chunk[M]) erase(slot uint64) {
	var none M
	c.slots[slot] = none
	if c.holders != nil {
		c.holders[slot] = nil
	}
	if c.histories != nil {
		c.histories[slot] = 0
	}
	if c.expiries != nil {
		c.expiries[slot] = 0
	}
}

// firstReady returns the slot of the first ready entry; there must be one.
func (c *chunk[M]) firstReady() uint64 { return slotOf(c.ready) }

// slotOf returns the slot of the lowest bit.
func slotOf(word uint64) uint64 { return uint64(bits.TrailingZeros64(word)) }

// hold notes who has the slot's entry.
func (c *chunk[M]) hold(slot uint64, holder *consumer) {
	if c.holders == nil {
		c.holders = new([chunkSize]*consumer)
	}
	c.holders[slot] = holder
}

// remember notes what the slot's entry has been through.
func (c *chunk[M]) remember(slot uint64, h history) {
	if c.histories == nil {
		c.histories = new([chunkSize]history)
	}
	c.histories[slot] = h
}

// state tells which of the three words has the bit.
func (c *chunk[M]) state(bit uint64) (s State, ok bool) {
	switch {
	case c.ready&bit != 0:
		return Ready, true
	case c.out&bit != 0:
		return Out, true
	case c.reserved&bit != 0:
		return Reserved, true
	default:
		return 0, false
	}
}
