package postrider

import (
	"fmt"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/client"
)

// A SendOption changes one Send, Post or Call.
type SendOption func(*sendOptions)

type sendOptions struct {
	amiss
	id        string
	fresh     bool // this node has just made the id
	transient bool
	key       string
	headers   amqp.Table
	expires   time.Duration
	until     Grade
	control   string
}

// ID gives the message an id of the caller's choosing in place of a generated one:
// an order number, or the id of the failed attempt that is being repeated. At most 255 bytes; "" is a generated one.
// A second message of that id from this node counts as a repeat, which who has handled the first drops; what becomes of that of a [Call] is told there.
func ID(id string) SendOption { return func(o *sendOptions) { o.id = id } }

// Transient lets a broker forget the message when it stops: it is confirmed without
// waiting for a disk. Messages are persistent otherwise, in mailboxes that are durable.
func Transient() SendOption { return func(o *sendOptions) { o.transient = true } }

// Key says what the message is about, such as a user or an order, in at most 255 bytes. Messages of one key keep their order in a
// partitioned mailbox, see [Partitions]; a topic's subscribers choose by it, see [Matching]; elsewhere it just
// travels along, see [Message.Key].
func Key(key string) SendOption { return func(o *sendOptions) { o.key = key } }

// Until says how far a message has to come before [Target.Send] returns, or [Receipt.Wait] for a Post; without it, until it is in the peer's inbox or the
// broker has stored it.
//
// [Handled]: the handler has returned nil. The recipient says so in a message of its own; one that is a program in another language
// does not. A handler that fails tries again as always; when it gives up, the error is a [*RemoteError]. From a topic the first one counts. The deadline
// of a Send that waits for this is the message's expiry, see [Expires]. Nobody tells when a message has expired where it waited: a Post of one ends with
// [ErrExpired], [Config.ConsumerTimeout] later at the latest, for somebody may be handling it still. Nobody tells when what is in a mailbox or a topic is [Received]: asked for, that is Handled, too.
//
// [Kept], for a Send alone: it is on this node's own disk and will be sent on, even if this process is killed now; that takes [Config.Dir]. Of a Post
// [Receipt.WaitFor] tells.
//
// [Pending] is as without the option, and a Call waits for its answer, whatever it is given.
func Until(grade Grade) SendOption {
	return func(o *sendOptions) {
		if grade > Handled {
			o.wants("Until", grade, "Kept, Stored, Received or Handled")
		}
		o.until = grade
	}
}

// Expires lets nobody handle the message later than d from now. Wherever it waits by then, it is dropped: here, at its target, or to be tried again. One that
// was not delivered in time fails with [ErrExpired]; one that was delivered, and waits too long there, is dropped without a word. d counts in milliseconds, is at least one, and at most 2³²-1 of them, or 49 days. Where it
// is not positive the time is over: nothing is sent, and the error is ErrExpired at once.
// Brokers do not tell how long a message has waited there: one that a receiver has fetched (see [Prefetch]), and that waits behind others, has d for that once more.
func Expires(d time.Duration) SendOption {
	return func(o *sendOptions) {
		switch {
		case d <= 0 && o.wrong == nil:
			o.wrong = also{unwanted("Expires", d, "more than 0"), []error{ErrExpired}}
		case d > client.MaxExpiry:
			o.wants("Expires", d, "at most "+client.MaxExpiry.String())
		}
		o.expires = max(d, time.Millisecond)
	}
}

// Header adds a header to the message: a name of 1 to 255 bytes, and a string, a []byte, a bool, a [time.Time], or a number of any type but uint and uint64, which
// AMQP does not have. Programs in other languages see it among the AMQP headers. Names that begin with x-postrider- are reserved.
// All headers of a message may take 64 KiB together.
func Header(name string, value any) SendOption {
	return func(o *sendOptions) {
		if o.headers == nil {
			o.headers = make(amqp.Table)
		}
		o.headers[name] = value
	}
}

func sendOptionsOf(opts []SendOption) sendOptions {
	if len(opts) == 0 {
		return sendOptions{}
	}
	var o sendOptions
	applyAll(&o, opts)
	return o
}

// A MailboxOption says what a mailbox has to be.
type MailboxOption func(*mailboxOptions)

type mailboxOptions struct {
	single     bool
	parted     bool
	partitions int
}

func (o *mailboxOptions) check(name string) error {
	if err := checkName("the mailbox's name", name); err != nil || !o.parted {
		return err
	}
	switch {
	case o.single:
		return fmt.Errorf("mailbox %s: SingleActive is one receiver for all, and Partitions one for each of %d", name, o.partitions)
	case o.partitions < 1 || o.partitions > maxPartitions:
		return fmt.Errorf("mailbox %s: %d partitions, 1 to %d are allowed", name, o.partitions, maxPartitions)
	}
	return checkName("the mailbox's name", name+markerSuffix)
}

// SingleActive makes it a mailbox with one receiver at a time, of all nodes and goroutines: the first to ask. When that one ends, or dies, the
// next one gets what it had not settled, and only then what follows: an order that a change of receivers does not break.
// Receiving with this option from a mailbox that was made without it is an error. So name the option wherever the mailbox may be made.
func SingleActive() MailboxOption { return func(o *mailboxOptions) { o.single = true } }

// A HandleOption changes one [Node.Handle].
type HandleOption func(*handleOptions)

type handleOptions struct {
	amiss
	workers  int
	prefetch int
	maxTries int
	backoff  func(failures int) time.Duration
}

// Workers runs up to n handlers at the same time, at most 65,535. The default is 1, which is also
// the only number that keeps messages in order.
func Workers(n int) HandleOption {
	return func(o *handleOptions) { o.workers = o.within("Workers", n, 1, maxPrefetch) }
}

// Prefetch lets up to n messages be on their way to this node's handlers, or in
// them, before any is acknowledged: 1 to 65,535. The default is 256, and it is never less than the
// number of workers.
func Prefetch(n int) HandleOption {
	return func(o *handleOptions) { o.prefetch = o.within("Prefetch", n, 1, maxPrefetch) }
}

// MaxTries is how many handlers may fail upon a message before it goes to the dead letters. The default is 10; 0
// means that there is no limit.
func MaxTries(n int) HandleOption {
	return func(o *handleOptions) {
		if n < 0 {
			o.wants("MaxTries", n, "1 or more, or 0 for no limit")
		}
		o.maxTries = n
	}
}

// Backoff says how long a message waits after its first, second, … failure. The default is 100 ms, 300 ms, 1 s,
// 3 s and so on, up to 10 minutes. No wait is shorter than 30 ms, whatever after returns.
func Backoff(after func(failures int) time.Duration) HandleOption {
	return func(o *handleOptions) {
		if after == nil {
			o.wants("Backoff", nilValue, "a function; without the option it is the default")
		}
		o.backoff = after
	}
}

const (
	defaultPrefetch = 256
	maxPrefetch     = 65535
)

func handleOptionsOf(opts []HandleOption) handleOptions {
	o := handleOptions{workers: 1, prefetch: defaultPrefetch, maxTries: defaultMaxTries, backoff: backoff}
	applyAll(&o, opts)
	o.prefetch = max(o.prefetch, o.workers)
	return o
}

// A MessagesOption changes one [Node.Messages].
type MessagesOption func(*messagesOptions)

type messagesOptions struct {
	amiss
	of   *Target
	from string
}

// Of receives from a target other than the node's own inbox: a mailbox or a topic.
func Of(target *Target) MessagesOption {
	return func(o *messagesOptions) {
		if target == nil {
			o.wants("Of", nilValue, "a Mailbox or a Topic; without the option it is the Inbox")
		}
		o.of = target
	}
}

// From lets through only what the node of that name has sent, and goes with the inbox only.
// What others have sent stays there for other receivers.
func From(peer string) MessagesOption {
	return func(o *messagesOptions) { o.from = o.named("From", peer) }
}

func applyAll[O any, F ~func(*O)](o *O, opts []F) {
	for _, apply := range opts {
		apply(o)
	}
}
