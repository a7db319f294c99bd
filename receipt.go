package postrider

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/postrider-mq/postrider/internal/client"
)

// Receipt is what becomes of a message that was posted. Any goroutine may use it. Receipts of one target are made several at a time: who keeps one
// keeps up to 17 others, a kilobyte.
type Receipt struct {
	fate     client.Fate
	id       messageID
	target   *Target
	*inquiry // nil unless the message was posted with Until(Handled)
}

// receipts makes those of the posts to one target.
type receipts struct{ last atomic.Pointer[receiptSlab] }

type receiptSlab struct {
	used atomic.Int32
	of   [18]Receipt // a size of the allocator's, on 64 bits
}

// next returns one that nobody has had.
func (s *receipts) next() *Receipt {
	for {
		slab := s.last.Load()
		if slab != nil {
			if n := int(slab.used.Add(1)); n <= len(slab.of) {
				return &slab.of[n-1]
			}
		}
		fresh := new(receiptSlab)
		fresh.used.Store(1)
		if s.last.CompareAndSwap(slab, fresh) {
			return &fresh.of[0]
		}
	}
}

// ID is the message's id.
func (r *Receipt) ID() string { return r.id.String() }

// Done returns a channel that is closed when the message has come as far as was asked for, see [Until], or never will.
func (r *Receipt) Done() <-chan struct{} { return r.end().Done() }

// end is what Done is about.
func (r *Receipt) end() *client.Fate {
	if r.inquiry != nil {
		return &r.handled
	}
	return &r.fate
}

// Grade says how far the message has come: [Pending], or [Kept] on this node's disk, until it is [Stored] or [Received]; then [Handled],
// if that was asked for. Where a message that failed was last is in its error.
func (r *Receipt) Grade() Grade {
	switch {
	case r.inquiry != nil && r.handled.Decided():
		if r.handled.Err() == nil {
			return Handled
		}
	case r.fate.Decided():
		if r.fate.Err() == nil {
			return r.target.grade
		}
	case r.target.node.kept.has(&r.fate):
		return Kept
	}
	return Pending
}

// Err is why the message failed, a [*SendError]; nil if it did not, or not yet. The handler's final failure is a [*RemoteError] in it.
func (r *Receipt) Err() error {
	err := r.end().Err()
	if err == nil {
		return nil
	}
	delivered := r.inquiry != nil && r.fate.Decided() && r.fate.Err() == nil
	return r.target.failed(r.id, err, delivered || r.fate.WasWritten())
}

// Wait waits until the message has come as far as was asked for, see [Until], or never will, and returns how far it came, or the
// [*SendError] that says why it failed. When ctx ends first the error is the context's, and the message stays on its way.
func (r *Receipt) Wait(ctx context.Context) (Grade, error) {
	if end := r.end(); !end.Decided() {
		select {
		case <-end.Done():
		case <-ctx.Done():
			return r.Grade(), ctx.Err()
		}
	}
	return r.Grade(), r.Err()
}

// WaitFor waits until the message has come as far as grade, and returns nil then. Errors: the [*SendError] that says why it will not; the context's
// when ctx ends first, and the message stays on its way; another when nobody tells of that grade.
func (r *Receipt) WaitFor(ctx context.Context, grade Grade) error {
	switch {
	case grade > Handled:
		return fmt.Errorf("postrider: WaitFor: %w", unwanted("its grade", grade, "Kept, Stored, Received or Handled"))
	case grade == Kept && r.target.away() && !r.fate.Decided():
		if err := r.target.node.kept.await(ctx, &r.fate); err == nil || !r.fate.Decided() {
			return err
		}
	case grade > r.target.grade && r.inquiry == nil:
		return fmt.Errorf("postrider: %s tells of messages that are %s, not that they are %s: see Until", r.target, r.target.grade, grade)
	}
	end := &r.fate
	if grade > r.target.grade {
		end = &r.handled
	}
	select {
	case <-end.Done():
	case <-r.Done(): // it failed
	case <-ctx.Done():
		return ctx.Err()
	}
	if end.Decided() && end.Err() == nil {
		return nil
	}
	return r.Err()
}
