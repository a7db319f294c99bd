package postrider

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/postrider-mq/postrider/internal/client"
)

// Retry is returned by a handler that cannot act upon a message yet: it comes again after d, and that
// does not count as a failure. d is at least 30 ms. For a [Call] it is an error like any other.
func Retry(d time.Duration) error { return &retryError{after: d} }

type retryError struct{ after time.Duration }

func (e *retryError) Error() string { return fmt.Sprintf("handled again after %v", e.after) }

// Reject is returned by a handler for a message that nobody will ever be able to act upon: it goes to the dead
// letters of its target at once, see [Target.Dead], with err as the reason. For a [Call] err goes to the caller. A nil err rejects, too.
func Reject(err error) error {
	if err == nil {
		err = errNoReason
	}
	return &rejectError{err}
}

var errNoReason = errors.New("rejected, and no reason was given")

type rejectError struct{ error }

func (e *rejectError) Unwrap() error { return e.error }

const (
	defaultMaxTries = 10
	lastBackoff     = 10 * time.Minute
)

// backoff is how long a message waits after its n-th failure, from 1: 100 ms, 300 ms, 1 s, 3 s and so on, up to 10 minutes.
func backoff(n int) time.Duration {
	for _, step := range ladder {
		switch {
		case step.Wait < 100*time.Millisecond:
		case n <= 1 || step.Wait >= lastBackoff:
			return step.Wait
		default:
			n--
		}
	}
	return lastBackoff
}

// A verdict is what becomes of a message that was not handled.
type verdict struct {
	failure Failure   // as it is from now on
	dead    bool      // nobody tries again
	due     time.Time // when somebody may, otherwise
	why     error     // of a dead one
	bare    bool      // without a history, see inRoom
	early   bool      // nobody has handled it, for it is not due
}

// judge gives the verdict upon a message that has this history, after one more handler returned err.
func (o *handleOptions) judge(now time.Time, f Failure, err error) verdict {
	var later *retryError
	if errors.As(err, &later) {
		return verdict{failure: f, due: now.Add(later.after)}
	}
	f = f.and(now, err)
	var reject *rejectError
	if errors.As(err, &reject) || o.maxTries > 0 && f.Tries >= o.maxTries {
		return verdict{failure: f, dead: true, why: err}
	}
	return verdict{failure: f, due: now.Add(max(0, o.backoff(f.Tries)))}
}

// dispose has the verdict carried out: the message goes where it is to wait, and once it is safe there, it
// is done with here. As long as that cannot be, it is kept. The caller has counted one more of the node's
// workers for it.
func (m *Message) dispose(v verdict) {
	n := m.tap.target.node
	if m.tap.target.holds && !v.dead {
		go func() {
			defer n.workers.Done()
			m.hold(v)
		}()
		return
	}
	stored := new(client.Fate)
	err := m.passOn(stored, v) // here, so that what one worker disposes of stays in its order
	go func() {
		defer n.workers.Done()
		if err == nil {
			err = m.safe(stored, v)
		}
		since := time.Now()
		for tries := 0; err != nil; tries++ {
			madeAgain := tries == 0 && errors.Is(err, client.ErrUnroutable) // where it was to go, which somebody had deleted
			if !madeAgain && !m.keep(v, since, tries, err) {
				return
			}
			err = m.passOnNow(v)
		}
		m.disposed(v)
	}()
}

// passOnNow is passOn for who waits until the message is safe.
func (m *Message) passOnNow(v verdict) error {
	stored := new(client.Fate)
	if err := m.passOn(stored, v); err != nil {
		return err
	}
	return m.safe(stored, v)
}

// blockedFor is how long what is to be tried again waits for a broker that takes nothing.
const blockedFor = 5 * time.Second

// safe waits until a message that was passed on is stored. A broker that takes nothing, for it is low on memory or disk, may only wait for what is received from
// it to be handled: so what is due by then is handled here again. It is taken back, unless it was written already, as the first few are: those will be known
// as repeats here, though not by other nodes.
func (m *Message) safe(stored *client.Fate, v verdict) error {
	n := m.tap.target.node
	if v.dead {
		return n.decided(stored)
	}
	timer := time.NewTimer(max(time.Until(v.due), blockedFor))
	defer timer.Stop()
	select {
	case <-stored.Done():
	case <-n.ctx.Done():
	case <-timer.C:
		comesAgain := m.from.stale(m.tag)
		if !comesAgain && (stored.Withdraw(client.ErrBlocked) || !stored.Decided() && m.tap.target.isBlocked()) {
			return client.ErrBlocked
		}
	}
	return n.decided(stored)
}

// disposed ends a message that is safe where its verdict has sent it.
func (m *Message) disposed(v verdict) {
	if !v.dead {
		m.handOver(passedOn)
		return
	}
	m.handOver(buried)
	m.observed(StepDead, v.why)
	if m.receipt {
		m.tell(v.why)
	}
}

// handOver ends the message here without its being handled: it is safe elsewhere.
func (m *Message) handOver(o outcome) {
	if m.settled.CompareAndSwap(0, acked) {
		m.tap.repeats.pass(m.mark, dueAt(m.props))
		m.from.ack(m.tag)
		m.tap.settled(m.mark, o)
	}
}

// isBlocked reports whether the target's broker says that it takes nothing for now.
func (t *Target) isBlocked() bool {
	r, ok := t.way.(*remote)
	return ok && r.pub.Blocked() != ""
}

// unpassed is why a message could not be passed on, as far as that is known.
func (t *Target) unpassed(err error) error {
	if r, ok := t.way.(*remote); ok && errors.Is(err, client.ErrUnroutable) {
		err = cmp.Or(r.unpassed(t.mailbox()), err)
	}
	return advise(err)
}

// unpassed is why one of the queues in which what failed in a mailbox waits or lies dead is not there; nil if the broker has not said so.
func (r *remote) unpassed(mailbox string) error {
	if err := r.conn.Refused(mailbox + deadSuffix); err != nil {
		return err
	}
	for _, s := range ladder {
		if err := r.conn.Refused(s.Queue(mailbox).Name); err != nil {
			return err
		}
	}
	return nil
}

// decided waits for a fate for as long as the node runs.
func (n *Node) decided(f *client.Fate) error {
	select {
	case <-f.Done():
		return f.Err()
	case <-n.ctx.Done():
		return ErrClosed
	}
}

// say logs a verdict.
func (m *Message) say(v verdict, err error) {
	about := []any{"message", m.ID, "from", m.From, "target", m.tap.target.String(), "tries", v.failure.Tries, "error", err}
	if v.dead {
		m.log().Error("handler failed, the message is dead", append(about, "kept in", m.tap.target.mailbox()+deadSuffix)...)
		return
	}
	m.log().Warn("handler failed, the message comes again", append(about, "after", time.Until(v.due).Round(time.Millisecond))...)
}
