package coord

import (
	"context"
	"crypto/rand"
	"slices"
	"time"

	"github.com/postrider-mq/postrider"
)

// renewal puts a copy in the place of the claim of who holds a seat, now and then. A broker takes from a receiver what it has not settled for half an hour,
// and the seat with it. The copy has the claim's number. As each claim it is counted on when it has come back and is stored, which a call
// tells that was sent after that.
//
//	claim 8 is kept ──► sends a copy ──► receives it ──► receives the call: settles claim 8, keeps the copy
type renewal struct {
	claim note
	due   time.Time

	copy, call string             // the ids of the latest
	sending    chan struct{}      // closed when both were sent
	back       *postrider.Message // the copy; nil until it is here
}

// renewEvery is less than brokers are likely to be told to be patient.
const renewEvery = time.Minute

func (r *renewal) begin(ctx context.Context, t *turn) {
	r.due = time.Now().Add(renewEvery)
	select {
	case <-r.sending:
	default:
		if r.sending != nil { // the broker takes nothing for now
			return
		}
	}
	claim, call := r.claim, t.note()
	claim.ID = rand.Text()
	r.copy, r.call, r.back, r.sending = claim.ID, call.ID, nil, make(chan struct{})
	go func(done chan struct{}) {
		defer close(done)
		if t.send(ctx, claim) == nil {
			t.send(ctx, call, postrider.Transient())
		}
	}(r.sending)
}

// arrived settles claims of who was given up and did not know, for they are lower, and the claim that has a copy.
func (r *renewal) arrived(t *turn, n note) {
	keep := t.kept[0]
	switch {
	case n.ID == r.copy:
		r.back = t.kept[len(t.kept)-1]
	case n.ID == r.call && r.back != nil:
		keep, r.back = r.back, nil
	}
	t.kept = slices.DeleteFunc(t.kept, func(m *postrider.Message) bool {
		if m == keep || m == r.back {
			return false
		}
		m.Ack()
		return true
	})
	t.top = t.kept[0]
}
