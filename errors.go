package postrider

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The fates a send can meet. They are found with [errors.Is], mostly inside a
// [*SendError] that says which message it was and how far it had come.
var (
	// ErrNoSuchTarget: nobody is known by that name, the broker has no such mailbox, or an answer, or [Handled], is waited for and nobody has subscribed to the topic.
	ErrNoSuchTarget = errors.New("no such target")
	// ErrPeerDown: there is no connection to the peer or broker, or it broke before it answered.
	ErrPeerDown = errors.New("peer is down")
	// ErrFull: the outbox of this node, the inbox of the peer, or the mailbox holds as much as it may. What was sent before stays in it.
	ErrFull = errors.New("outbox is full")
	// ErrTooLarge: the message does not fit even an empty outbox, see [Config.OutboxBytes], or is larger than what is taken there: 16 MiB in a peer's inbox,
	// and by a broker what it is set to.
	ErrTooLarge = errors.New("message is too large")
	// ErrRefused: the other side would not take the message (a negative confirm). Mostly it is full, and the error ErrFull, too.
	ErrRefused = errors.New("message was refused")
	// ErrBlocked: the broker there takes no messages for now; it is low on memory or disk.
	ErrBlocked = errors.New("the broker takes no messages for now")
	// ErrExpired: the message's time ran out before it was delivered: the context's deadline, or that of [Expires].
	ErrExpired = errors.New("message has expired")
	// ErrClosed: this node is closed or shutting down.
	ErrClosed = errors.New("node is closed")
)

// Of these there are more cases than ErrFull and ErrNoSuchTarget tell apart.
var (
	errInboxFull   = errors.New("the inbox there is full")
	errQueueFull   = errors.New("a queue there is full")
	errPeerUnknown = errors.New("is not in Config.Peers, is no URL, and there are no Config.Brokers to ask")
	errNoQueue     = errors.New("is not there")
	errUnheard     = errors.New("nobody receives from")
)

// Stage is the place a message had reached when its send ended in an error.
type Stage uint8

const (
	// InOutbox: it never left this process.
	InOutbox Stage = iota
	// OnWire: it was written to a connection, and nothing came back.
	OnWire
	// AtTarget: the other side had it and said no.
	AtTarget
)

func (s Stage) String() string {
	return [...]string{"in the outbox", "on the wire", "at the target"}[s%3]
}

// SendError is how a send fails: which message, to whom, how far it had come,
// and why. Its causes (one of the errors of this package, and the context's
// error where a context ended) are found with [errors.Is] and [errors.As].
type SendError struct {
	ID     string // the message's id: sending again under it is recognisable as a repeat
	Target string // as [Target.String] names it
	Stage  Stage
	// MaybeDelivered: the message was written and its confirm never came, so it may or
	// may not have arrived. When false, it was certainly not delivered.
	MaybeDelivered bool
	Err            error
}

// Error is Fact, and Advice where there is some.
func (e *SendError) Error() string { return factAndAdvice(e) }

// Fact says what happened, see [Advised].
func (e *SendError) Fact() string {
	fact := fmt.Sprintf("postrider: message %s to %s failed %s: %v", shown(e.ID), e.Target, e.Stage, e.Err)
	if e.MaybeDelivered {
		fact += " (it may have been delivered: sent again under this ID, it is handled once)"
	}
	return fact
}

// Advice says what can be done about it, see [Advised].
func (e *SendError) Advice() string { return remedy(e.Err) }

func (e *SendError) Unwrap() error { return e.Err }

// Advised is an error of this package that knows what can be done about it: a [*SendError], and what [Node.Handle] and [Node.Messages] fail with.
// It tells that apart from what happened, for programs that advise their users in words of their own.
type Advised interface {
	error
	Fact() string   // what happened
	Advice() string // what to do, in terms of this package; "" where the fact says it all
}

// RemoteError is an answer that says no: a handler that returned an error to a
// [Call], or a broker that refused an operation with an AMQP reply code.
type RemoteError struct {
	Code   int    // an AMQP reply code such as 403 or 404; 500 for a handler's error; 409 for a call that was handled before, see [Call]
	Reason string // in the other side's words
}

func (e *RemoteError) Error() string {
	return fmt.Sprintf("remote error %d: %s", e.Code, e.Reason)
}

// shown is a name or an id as it can stand in a line of text: as it is, or quoted where it has what cannot be seen, a line's end or a terminal's order among it.
func shown(name string) string {
	if utf8.ValidString(name) && strings.IndexFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 {
		return name
	}
	return strconv.Quote(name)
}

// withoutPassword is a target's name without the password that a URL may have.
func withoutPassword(name string) string {
	scheme, rest, isURL := strings.Cut(name, "://")
	authority := rest
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		authority = rest[:end]
	}
	at := strings.LastIndex(authority, "@")
	if !isURL || at < 0 {
		return name
	}
	user, _, has := strings.Cut(rest[:at], ":")
	if !has {
		return name
	}
	return scheme + "://" + user + ":xxxxx" + rest[at:]
}
