package postrider

import (
	"context"
	"fmt"

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

// Grade says how far the message has come: [Pending], or [Kept] on this node's disk, until its fate is known; Pending again after a
// failure.
func (r *Receipt) Grade() Grade {
	switch {
	case r.fate.Decided() && r.fate.Err() == nil:
		return r.target.grade
	case !r.fate.Decided() && r.target.node.kept.has(&r.fate):
		return Kept
	}
	return Pending
}

// Err is why the message failed, a [*SendError]; nil if it did not, or not yet.
func (r *Receipt) Err() error {
	err := r.fate.Err()
	if err == nil {
		return nil
	}
	return r.target.failed(r.id, err, r.fate.WasWritten())
}

// WaitFor waits until the message has come as far as grade, and returns nil then. Errors: the [*SendError] that says why it will not; the context's when
// ctx ends first, and the message stays on its way; another when it cannot come so far there.
func (r *Receipt) WaitFor(ctx context.Context, grade Grade) error {
	if r.target.away() && grade == Kept && !r.fate.Decided() {
		if err := r.target.node.kept.await(ctx, &r.fate); err == nil || !r.fate.Decided() {
			return err
		}
	}
	switch got, err := r.Wait(ctx); {
	case err != nil:
		return err
	case got < grade:
		return fmt.Errorf("postrider: %s tells of messages that are %s, not that they are %s", r.target, got, grade)
	}
	return nil
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
