package postrider

import (
	"context"

	"github.com/postrider-mq/postrider/internal/client"
)

// Receipt is what becomes of a message that was posted. Any goroutine may use it.
type Receipt struct {
	fate   client.Fate
	id     messageID
	target *Target
}

// ID is the message's id.
func (r *Receipt) ID() string { return r.id.String() }

// Done returns a channel that is closed when the fate of the message is known.
func (r *Receipt) Done() <-chan struct{} { return r.fate.Done() }

// Grade says how far the message has come: [Pending] until its fate is known, and
// after a failure.
func (r *Receipt) Grade() Grade {
	if !r.fate.Decided() || r.fate.Err() != nil {
		return Pending
	}
	return r.target.grade
}

// Err is why the message failed, a [*SendError]; nil if it did not, or not yet.
func (r *Receipt) Err() error {
	err := r.fate.Err()
	if err == nil {
		return nil
	}
	return r.target.failed(r.id, err, r.fate.WasWritten())
}

// Wait waits until the fate of the message is known and returns how far it came, or the
// [*SendError] that says why it failed. When ctx ends first the error is the context's, and the
// message stays on its way.
func (r *Receipt) Wait(ctx context.Context) (Grade, error) {
	if !r.fate.Decided() {
		select {
		case <-r.fate.Done():
		case <-ctx.Done():
			return Pending, ctx.Err()
		}
	}
	return r.Grade(), r.Err()
}
