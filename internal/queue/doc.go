// Package queue decides, for one queue, which entry goes to whom and when.
//
// It is pure: no goroutine, no lock, no clock, no disk. Each method is one
// event ("an entry was published", "a consumer acknowledged"), takes the time
// as an argument where time matters, and returns Effects, which the caller
// performs. A Queue is a monitor's inside: its owner guards it with a lock of
// its own and performs the effects before it lets go of that lock. Dead letters
// are the exception: Effects.Drop says which and why, and the owner publishes
// them once it has let go.
//
// # Positions
//
// Every entry has a position, and within a priority the order of the queue is
// the order of positions. Reserve hands one out before the entry is journalled,
// Push fills it. Two publishers may push out of turn: a position that is
// reserved but not filled is a hole, which deliveries pass over; filled late, it
// is simply next. An entry keeps its position for life, so that one which is
// returned comes back exactly where it was.
//
//	     Reserve          Push            take           Settle, Reject
//	gone ───────► reserved ──────► ready ──────► out ─────────────► gone
//	                  │            │ ▲            │
//	                  └─ Skip      │ └── Requeue ─┤
//	                      │        │     Return   │
//	                      │        │     TakeBack │
//	                      ▼        ▼              ▼
//	                     gone   dropped        dropped
//	                            (expired,      (delivery limit)
//	                            max length)
//
// # Where entries live
//
// In one deque of chunks of 64 slots, see deque. Ready entries and those that
// are out with a consumer share it; three words of bits per chunk tell them
// apart. A ready entry costs the size of M and one byte or two more, and 8 more
// if it expires. A chunk without a live slot is freed, however old its
// neighbours are.
//
// A queue with priorities has such a deque for each of them, its lanes. The
// position of an entry says which lane it is in, see lanes; so it is found at
// once, and a recovered entry has its priority back. A queue with two levels of
// priority has one for each, see levels.
//
// # Who gets the next entry
//
// The consumer of highest priority that is neither paused nor out of credit;
// among equals they take turns, see roster. Where one consumer is active at a
// time, that one, and the others wait to succeed it, see single.
//
// # What is dropped, and when
//
// Only the first ready entry expires; one that is due behind another that is
// not waits for it, and is dropped when it becomes the first. So the queue
// watches a single expiry, and Deadline tells it. Nothing expires while it is
// out.
//
// A queue with a limit has a choice. It may drop from the front until the rest
// fits: that happens by itself. Or it may refuse what is new, which must be
// known before the message is journalled: whoever publishes asks Admit, and only
// then reserves:
//
//	lock → Admit → Reserve → journal → Push → perform → unlock
//
// In detail, the order of things within an event is RabbitMQ's:
//
//   - Push delivers first, if a consumer waits; then it drops what is over the
//     limit, then what has expired. A message that may not wait at all, or a
//     queue that may hold nothing, still serves consumers that are ready.
//   - Requeue and Advance drop what is over the limit first, then what has
//     expired, then deliver.
//   - All others drop what has expired, and deliver.
//
// Deliveries and drops of one event are bounded, see Effects.More.
package queue
