package postrider

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/broker"
	"github.com/postrider-mq/postrider/internal/client"
	"github.com/postrider-mq/postrider/internal/seal"
)

// Target is where messages go: a peer's inbox, a mailbox, a topic, or this node's own inbox. Any
// goroutine may use it. Messages that one goroutine sends to one target keep their
// order, also when the connection breaks in between.
type Target struct {
	node   *Node
	name   string
	title  string // "peer bob"
	grade  Grade  // what a confirm means
	takes  bool   // this node can receive what is sent there
	single bool   // one receiver at a time
	way    outlet // nil: nowhere, see why
	why    error
	needs  []need // what has to be made in the embedded broker before it is used; empty once that is done
	made   sync.Once
	peerAt *place        // of a peer: where it is
	queue  *client.Queue // of a remote mailbox: whether the broker has it
	box    string        // the mailbox in whose name failures are kept; "": its own
	holds  bool          // what failed is held here until it is tried again
	copies bool          // each receiver gets a copy of each message
	topic  bool          // who receives subscribes

	relay  *Target      // where it goes while direct is down; nil: it waits
	direct *client.Conn // the connection to the peer, where there is a relay
	relays bool         // it is the relay of another

	partitions int // how many queues it is; 0: one, and no partitions

	sealed  bool        // nothing goes there, or is taken there, that is not
	sealTo  seal.Target // to whom; the zero Target: nothing can be
	control bool        // it is the lane for control messages

	receipts receipts // of what is posted there
	repeats  *repeats // what was received there, also by way of other targets at the same queue
	place    string   // what the marks of it on disk go by; "": there are none
}

// Name is the peer's, the mailbox's or the topic's name.
func (t *Target) Name() string { return t.name }

// mailbox is the name in which what failed there is kept.
func (t *Target) mailbox() string {
	if t.box != "" {
		return t.box
	}
	return t.name
}

// away reports whether messages leave this process.
func (t *Target) away() bool {
	switch t.way.(type) {
	case *remote:
		return true
	case *partitioned:
		return len(t.node.mail) > 0
	}
	return false
}

// isInbox reports whether messages go straight into the inbox of a node.
func (t *Target) isInbox() bool { return t.peerAt != nil || t.way == outlet(t.node.inbox) }

// String says what the target is, for people: "peer bob", "mailbox jobs", "inbox of billing". A name with what cannot be seen in it is
// quoted, and a URL's password is left out.
func (t *Target) String() string { return t.title }

// Send sends a message and waits until the target has it: until it is in a peer's
// inbox, or stored by the broker of a mailbox. []byte and string bodies go as they are, any other
// is encoded by one of [Config.Codecs], or as JSON. A *[]byte goes as what it points to: who sends many, from one variable, saves an allocation for each.
//
// Nothing is sent when ctx has ended before. A target that cannot be reached now is waited for until ctx ends; a ctx without end waits
// forever. A full inbox is not waited for: that is [ErrFull], at once. An error is a [*SendError] unless the body cannot be encoded or an option is wrong.
func (t *Target) Send(ctx context.Context, body any, opts ...SendOption) error {
	o := sendOptionsOf(opts)
	if t.node.out != nil {
		return t.sendThrough(ctx, body, o)
	}
	return t.send(ctx, body, &o)
}

func (t *Target) send(ctx context.Context, body any, o *sendOptions) error {
	t = t.route(ctx, o, true)
	d, err := t.draft(body, o)
	if err != nil {
		return err
	}
	way, err := t.via(ctx, o)
	if err == nil {
		err = t.enclose(&d, o.wish(t))
	}
	if err != nil {
		return t.failed(d.id, err, false)
	}
	if o.until != Pending {
		return t.sendUntil(ctx, d, o.until)
	}
	if written, err := way.send(ctx, d); err != nil {
		return t.failed(d.id, err, written)
	}
	return nil
}

// sendUntil is Send for a sender who has said how long he waits.
func (t *Target) sendUntil(ctx context.Context, d draft, until Grade) error {
	switch {
	case until > t.grade:
		return t.sendUntilHandled(ctx, d)
	case until == Kept && t.node.kept == nil:
		return t.failed(d.id, errNotKept, false)
	case until == Kept && t.away():
		r := &Receipt{target: t, id: d.id}
		if err := t.way.post(&r.fate, d); err != nil {
			return t.failed(d.id, err, false)
		}
		err := r.WaitFor(ctx, Kept)
		var failed *SendError
		if err != nil && !errors.As(err, &failed) { // it stays on its way
			err = t.failed(d.id, err, true)
		}
		return err
	}
	written, err := t.way.send(ctx, d)
	if err != nil {
		return t.failed(d.id, err, written)
	}
	return nil
}

// Post sends a message and returns at once; the body is copied. The [Receipt] tells later what
// became of it. What cannot be delivered now is kept in this node's outbox and goes out when the target is back. With [Config.Dir]
// the outbox is on disk, too, and what was [Kept] there goes out after a restart. It is bounded: a Post
// that does not fit, or finds the disk far behind, fails with [ErrFull].
//
// A program that ends has to call [Node.Shutdown], which waits until what was posted is confirmed. [Node.Close] does not.
//
// An error is a [*SendError] unless the body cannot be encoded or an option is wrong.
func (t *Target) Post(ctx context.Context, body any, opts ...SendOption) (*Receipt, error) {
	o := sendOptionsOf(opts)
	if t.node.out != nil {
		return t.postThrough(ctx, body, o)
	}
	return t.post(ctx, body, &o, nil)
}

// post tells m, if it is not nil, of the message's fate.
func (t *Target) post(ctx context.Context, body any, o *sendOptions, m *Outgoing) (*Receipt, error) {
	t = t.route(ctx, o, false)
	d, err := t.draft(body, o)
	if err != nil {
		return nil, err
	}
	way, err := t.via(ctx, o)
	if err == nil {
		err = t.enclose(&d, o.wish(t))
	}
	var r *Receipt
	switch {
	case err != nil:
	case o.until == Kept:
		err = errWaitFor
	case o.until > t.grade:
		r, err = t.ask(ctx, d, m)
	default:
		r = t.receipts.next()
		r.target, r.id = t, d.id
		if m != nil {
			r.fate.Tell(m.follow(d.id, &r.fate, t.grade))
		}
		err = way.post(&r.fate, d)
	}
	if err != nil {
		return nil, t.failed(d.id, err, false)
	}
	return r, nil
}

// failed makes the error that a caller sees of one of the lower floors.
func (t *Target) failed(id messageID, err error, written bool) error {
	e := &SendError{ID: id.String(), Target: t.title, Err: t.cause(err)}
	verdict := errors.Is(e.Err, ErrNoSuchTarget) || errors.Is(e.Err, ErrRefused) || errors.As(e.Err, new(*RemoteError))
	switch {
	case written && verdict && !isDown(err): // whatever a connection ended over is none upon the message
		e.Stage = AtTarget
	case written:
		e.Stage, e.MaybeDelivered = OnWire, true
	case verdict:
	case errors.Is(e.Err, context.DeadlineExceeded):
		e.Err = also{e.Err, []error{ErrExpired}}
	}
	return e
}

// cause puts an error of the lower floors into this package's words.
func (t *Target) cause(err error) error {
	var refused *amqp.Error
	if errors.Is(err, client.ErrInstead) {
		return t.asItIs(err)
	}
	if t.partitions > 0 && errors.As(err, &refused) && refused.Code == amqp.PreconditionFailed && !isTooLarge(refused) {
		err = fmt.Errorf("%s has another number of partitions than %d, or its queues are not those of partitions: %w", t, t.partitions, err)
		return also{err, []error{ErrPartitions, &RemoteError{Code: int(refused.Code), Reason: refused.Text}}}
	}
	switch {
	case errors.Is(err, client.ErrUnroutable):
		if t.queue != nil && t.queue.Err() != nil {
			return fmt.Errorf("%w: %w", ErrNoSuchTarget, t.cause(t.queue.Err()))
		}
		if t.topic {
			return fmt.Errorf("%w: %w topic %q", ErrNoSuchTarget, errUnheard, t.name)
		}
		return fmt.Errorf("%w: queue %q %w", ErrNoSuchTarget, t.name, errNoQueue)
	case errors.Is(err, client.ErrRefused) && t.isInbox():
		return also{errInboxFull, []error{ErrFull, ErrRefused}}
	case errors.Is(err, client.ErrQueueFull):
		return also{errQueueFull, []error{ErrFull, ErrRefused}}
	case errors.Is(err, client.ErrRefused):
		return ErrRefused
	case errors.Is(err, client.ErrClosed), errors.Is(err, broker.ErrClosed): // the latter of what could not be made there
		return ErrClosed
	case errors.Is(err, client.ErrExpired):
		is := []error{ErrExpired}
		if errors.Is(err, client.ErrDown) {
			is = append(is, ErrPeerDown)
		}
		return also{err, is}
	case errors.Is(err, client.ErrTooLarge):
		return also{err, []error{ErrTooLarge}}
	}
	var is []error
	if errors.As(err, &refused) {
		is = append(is, &RemoteError{Code: int(refused.Code), Reason: refused.Text})
		if isTooLarge(refused) {
			is = append(is, ErrTooLarge)
		}
	}
	if errors.Is(err, client.ErrFull) {
		is = append(is, ErrFull)
	}
	if errors.Is(err, client.ErrBlocked) {
		is = append(is, ErrBlocked)
	}
	if isDown(err) {
		is = append(is, ErrPeerDown)
	}
	if is == nil {
		return err
	}
	return also{err, is}
}

// isDown says that there was no connection, or that it broke before the answer.
func isDown(err error) bool {
	return errors.Is(err, client.ErrDown) || errors.Is(err, client.ErrBroken)
}

// also is an error of a lower floor that is one or more of this package's, too.
type also struct {
	error
	is []error
}

func (e also) Unwrap() []error { return append([]error{e.error}, e.is...) }
