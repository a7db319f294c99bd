package postrider

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/client"
)

// remedy is what the reader of an error can do about it; "" where the error says so itself.
func remedy(err error) string {
	var refused *amqp.Error
	var untrusted *tls.CertificateVerificationError
	var plain tls.RecordHeaderError
	var alert *net.OpError // crypto/tls has no other name for what the other side says
	switch {
	case errors.Is(err, errHasNone):
		return "work it off and delete it, or use it without"
	case errors.Is(err, ErrPartitions):
		return "name the number that it has, wherever it is used"
	case errors.As(err, &refused):
		return remedyOf(refused)
	case errors.As(err, &untrusted):
		return "trust its authority in Config.TLS.RootCAs, and use a name that is in its certificate"
	case errors.As(err, &plain):
		return "that port does not speak TLS: use amqp://, or the port that does"
	case errors.As(err, &alert) && alert.Op == "remote error":
		return "show it a certificate that it trusts: Config.TLS.Certificates"
	}
	for _, r := range remedies {
		if errors.Is(err, r.about) {
			return r.todo
		}
	}
	return ""
}

// The first that fits counts.
var remedies = []struct {
	about error
	todo  string
}{
	{ErrNoKey, "make one with `postrider keys seal TARGET` and put its .pem into the directory of Config.Keys, the .key too where it is received; or name the target in Config.Plain"},
	{ErrUnsealed, "let its sender have Config.Keys, or name the target in Config.Plain here"},
	{ErrSeal, "see that both sides trust the same authority (ca.pem), that their clocks are right, and that it is not older than Config.SealedFor"},
	{errInboxFull, "let it be worked on faster, or raise Config.InboxMessages and Config.InboxBytes there"},
	{errQueueFull, "receive from it, or raise its limit (x-max-length or x-max-length-bytes, of the queue or of a policy)"},
	{ErrFull, "send less at a time, or raise Config.OutboxMessages and Config.OutboxBytes"},
	{ErrTooLarge, "send it in parts, or raise Config.OutboxBytes"},
	{ErrBlocked, "make room there, or wait longer"},
	{ErrRefused, "the queue there may be full: receive from it, or raise the limit; a quorum queue of RabbitMQ refuses also while it has no leader: see that most of the nodes which hold it run"},
	{ErrClosed, "send it from a node that runs"},
	{errNoQueue, "declare it there, or send to a Mailbox, which does"},
	{errUnheard, "see that somebody does, or send to a Mailbox, which keeps it"},
	{errPeerUnknown, "add it there, or use the same brokers as it does"},
	{errNobody, "see that it runs, listens and uses the same brokers; Post waits for it without you, Send as long as its context lets it"},
	{client.ErrHungUp, "see that a node or a broker listens there, and with amqps:// if it wants TLS"},
	{ErrPeerDown, "see that it runs at that address; Post waits for it without you, Send as long as its context lets it"},
	{ErrExpired, "give it a later deadline"},
	{context.DeadlineExceeded, "nobody has answered in time: see that somebody works on it, or give it a later deadline"},
}

// remedyOf is about what a broker has refused.
func remedyOf(e *amqp.Error) string {
	about := func(text string) bool { return strings.Contains(e.Text, text) }
	switch {
	case e.Code == amqp.AccessRefused && about("over TLS only"):
		return "connect with amqps:// to its port for TLS; where nobody else is on the network, the broker may allow passwords without: postrider serve --allow-plaintext, broker.Config.AllowPlaintext"
	case e.Code == amqp.AccessRefused && about("Login was refused"):
		return "correct the user and the password in its URL (amqp://user:password@…), or Config.Login for a peer that was found"
	case e.Code == amqp.AccessRefused && about("may only publish to queue"):
		return "the node at that address has another name: send to it by that"
	case e.Code == amqp.AccessRefused && about("reserved prefix"):
		return "give it another name"
	case e.Code == amqp.AccessRefused:
		return "give the user that permission; docs/SCALING.md says which a node needs"
	case e.Code == amqp.NotAllowed && about("access to vhost"):
		return "give the user permissions there, or name another virtual host in the URL"
	case e.Code == amqp.NotAllowed && about("vhost"):
		return "create the virtual host there, or name another one in the URL"
	case e.Code == amqp.PreconditionFailed && about("inequivalent arg"):
		return "what is there is of another kind: use it as it is, without the option that it does not have, or delete it"
	case e.Code == amqp.NotAllowed && about("channel_max"):
		return "each receiver of a node takes a channel of its connection, each partition one, too: receive from so many with several nodes, which one process can run"
	case e.Code == amqp.SyntaxError && about("table:"):
		return "its headers are too large, or there are too many: 64 KiB of them are allowed, 8,192 in number; put more into the body"
	case isTooLarge(e):
		return "send it in parts, or raise the limit of the broker there: postrider serve --max-message, broker.Config.MaxMessage; a node's inbox has this one"
	}
	return ""
}

// isTooLarge reports whether a broker has refused a message for its size, in RabbitMQ's words.
func isTooLarge(e *amqp.Error) bool {
	return e.Code == amqp.PreconditionFailed && strings.Contains(e.Text, "message size")
}

// advise adds what to do to an error that is no SendError.
func advise(err error) error {
	if todo := remedy(err); todo != "" {
		return advised{err, todo}
	}
	return err
}

type advised struct {
	error
	todo string
}

func (e advised) Error() string  { return factAndAdvice(e) }
func (e advised) Fact() string   { return e.error.Error() }
func (e advised) Advice() string { return e.todo }
func (e advised) Unwrap() error  { return e.error }

// factAndAdvice is all of an error in one line.
func factAndAdvice(e Advised) string {
	if todo := e.Advice(); todo != "" {
		return e.Fact() + "; " + todo
	}
	return e.Fact()
}
