package queue

// Time is a moment on the caller's monotonic clock, in nanoseconds. Spans of
// time have the same type.
type Time int64

// An Entry is one message in its place in the queue.
type Entry[M any] struct {
	Pos uint64
	Msg M

	// Redelivered says that a consumer may have seen the entry before.
	Redelivered bool

	// Deliveries counts how often the entry was delivered before and came back.
	Deliveries uint32
}

// Effects is what an event leads to. The caller performs it in this order:
// drop, in the order of the list, deliver, then delete the queue; and if More
// is set, it calls Advance for the rest.
//
// It belongs to the queue, as do the slices, and is valid until the next method
// that returns Effects; Pause, Reserve, Get and the methods that only look
// leave it alone.
type Effects[M any] struct {
	// Drop lists entries that left the queue without having been acknowledged,
	// in the order in which they are to be dead-lettered.
	Drop []Dropped[M]

	// Deliver lists deliveries in the order in which they are to be sent.
	Deliver []Delivery[M]

	// More says that something is left to do. A single event delivers a bounded
	// number of entries, so that a consumer without limit can be paused in the
	// midst of ten million, and drops as few of those that are ready.
	More bool

	// Deleted says that the queue's life ended, and why. It is reported once.
	Deleted Deletion
}

// keepDrops is the largest buffer for dropped entries that is kept. Many may
// come back at once, all beyond the delivery limit.
const keepDrops = 1024

// reset forgets everything. Of what is in the buffers only the messages matter:
// they must not be kept alive.
func (fx *Effects[M]) reset() {
	var none M
	for i := range fx.Drop {
		fx.Drop[i].Entry.Msg = none
	}
	for i := range fx.Deliver {
		fx.Deliver[i].Entry.Msg = none
	}
	if cap(fx.Drop) > keepDrops {
		fx.Drop = nil
	}
	fx.Drop, fx.Deliver = fx.Drop[:0], fx.Deliver[:0]
	fx.More, fx.Deleted = false, Alive
}

// addDelivery makes room for one more and returns it. The caller sets all its
// fields, in place: a delivery is large enough for a copy to be felt.
func (fx *Effects[M]) addDelivery() *Delivery[M] {
	n := len(fx.Deliver)
	if n < cap(fx.Deliver) {
		fx.Deliver = fx.Deliver[:n+1]
	} else {
		fx.Deliver = append(fx.Deliver, Delivery[M]{})
	}
	return &fx.Deliver[n]
}

// addDropped makes room for one more; the caller sets its entry.
func (fx *Effects[M]) addDropped(why Reason) *Dropped[M] {
	fx.Drop = append(fx.Drop, Dropped[M]{Reason: why})
	return &fx.Drop[len(fx.Drop)-1]
}

// A Delivery is an entry on its way to a consumer.
type Delivery[M any] struct {
	Consumer ConsumerID
	Entry    Entry[M]

	// NoAck says that the delivery has settled the entry: it is gone from the queue.
	NoAck bool
}

// A Dropped entry is gone from the queue for the reason given.
type Dropped[M any] struct {
	Entry  Entry[M]
	Reason Reason
}

// Reason says why an entry was dropped.
type Reason uint8

const (
	// Rejected means that a consumer refused the entry for good.
	Rejected Reason = iota + 1

	// MessageExpired means that the entry's time to live was over when it was the first.
	MessageExpired

	// MaxLength means that the queue was over its limit, in entries or in bytes.
	MaxLength

	// DeliveryLimit means that the entry came back more often than Config.DeliveryLimit.
	DeliveryLimit
)

// String returns the reason's name in x-death headers.
func (r Reason) String() string {
	switch r {
	case Rejected:
		return "rejected"
	case MessageExpired:
		return "expired"
	case MaxLength:
		return "maxlen"
	case DeliveryLimit:
		return "delivery_limit"
	default:
		return "unknown"
	}
}

// Deletion says why a queue's life ended.
type Deletion uint8

const (
	// Alive is the zero value: the queue lives on.
	Alive Deletion = iota

	// Abandoned means that the last consumer of an auto-delete queue left.
	Abandoned

	// Expired means that nobody used the queue for Config.Expires.
	Expired
)
