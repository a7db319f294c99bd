package postrider

import (
	"context"
	"slices"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/broker"
	"github.com/postrider-mq/postrider/internal/client"
)

// An outlet is the way to one queue: over a connection to another process, or straight
// into the broker of this one. Errors are those of internal/client; see Target.fail.
type outlet interface {
	// send waits for the confirm. written says, with an error, that the message
	// may have been delivered all the same.
	send(ctx context.Context, d draft) (written bool, err error)
	// post returns at once; f is decided later unless there is an error.
	post(f *client.Fate, d draft) error
	// call waits for the answer that the recipient's handler gives: until ctx ends, or for so long as limit says, if it is not 0. Then the
	// error is client.ErrLate.
	call(ctx context.Context, limit time.Duration, d draft) (a answer, written bool, err error)
	// answers is the address for receipts of messages that go this way.
	answers(ctx context.Context) (string, error)
	// reply answers a message that was received here. With more, others were received with it, and their answers may go out together.
	reply(to, correlation []byte, d draft, more bool) error
	// pass publishes a message that was received here once more, into a queue that is made if it is missing.
	pass(ctx context.Context, f *client.Fate, to *client.Queue, p *amqp.Properties, body []byte) error
	// take begins to receive.
	take(prefetch int, to receiver) intake
}

// answer is what came back from a call.
type answer struct {
	contentType string
	body        []byte
}

// A receiver is handed what arrives, maybe under locks: it must not block, nor settle, nor keep the slice. ready follows one
// or more arrivals, without locks.
type receiver interface {
	hand([]arrival)
	ready()
}

// An idler is a receiver that may use the lull of who has brought an arrival: use reports true then, and is called in the place of ready.
type idler interface {
	use(*broker.Lull) bool
}

// bringer hands to a receiver what a queue has delivered together. It belongs to who reads the connection.
type bringer struct {
	to       receiver
	arrivals []arrival
}

// keepArrivals is the largest buffer for arrivals that is kept.
const keepArrivals = 1024

// room is for the next arrivals, to be filled in.
func (b *bringer) room(n int) []arrival {
	b.arrivals = slices.Grow(b.arrivals[:0], n)[:n]
	return b.arrivals
}

// all hands them over. The lull is that of who brings them.
func (b *bringer) all(l *broker.Lull) {
	b.to.hand(b.arrivals)
	if clear(b.arrivals); cap(b.arrivals) > keepArrivals {
		b.arrivals = nil
	}
	if to, ok := b.to.(idler); !ok || !l.Free() || !to.use(l) {
		b.to.ready()
	}
}

// An intake is a consumer of a queue.
type intake interface {
	// first is closed when the first attempt to consume has ended; err says how. It goes on trying.
	first() <-chan struct{}
	err() error
	// stop ends the deliveries; the channel is closed when none come.
	stop() <-chan struct{}
	// release gives back what is not settled. No arrival of it may be settled afterwards.
	release()
}
