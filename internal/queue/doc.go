// Package queue decides, for one queue, which entry goes to whom and when.
//
// It is pure: no goroutine, no lock, no clock, no disk. Each method is one
// event ("an entry was published", "a consumer acknowledged"), takes the time
// as an argument where time matters, and returns Effects, which the caller
// performs. A Queue is a monitor's inside: its owner guards it with a lock of
// its own and performs the effects before it lets go of that lock.
//
// # Positions
//
// Every entry has a position, and the queue's order is the order of positions.
// Reserve hands one out before the entry is journalled, Push fills it. Two
// publishers may push out of turn: a position that is reserved but not filled
// is a hole, which deliveries pass over; filled late, it is simply next. An
// entry keeps its position for life, so that one which is returned comes back
// exactly where it was.
//
//	     Reserve          Push            take           Settle
//	gone ───────► reserved ──────► ready ──────► out ─────────────► gone
//	                  │              ▲            │
//	                  └─ Skip► gone  └── Requeue ─┘
//
// # Where entries live
//
// In one deque of chunks of 64 slots, see deque. Ready entries and those that
// are out with a consumer share it; three words of bits per chunk tell them
// apart. A ready entry costs the size of M and one byte or two more. A chunk
// without a live slot is freed, however old its neighbours are.
//
// # Who gets the next entry
//
// The consumer of highest priority that is neither paused nor out of credit;
// among equals they take turns, see roster.
package queue
