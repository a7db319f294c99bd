package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"
	"syscall"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/client"
	"github.com/postrider-mq/postrider/internal/journal"
)

// remedied is an error with what a person can do about it, which is told apart from it: see [complain].
type remedied struct {
	error
	remedy string
}

func (r remedied) Unwrap() error { return r.error }

// plain is an error of the library without what that advises, in terms of Go: this program has terms of its own.
type plain struct {
	error
	fact string
}

func (p plain) Error() string { return p.fact }
func (p plain) Unwrap() error { return p.error }

// plainly is err as the program tells it; within is the timeout that it had.
func plainly(err error, within timedOut) error {
	if err == nil {
		return nil
	}
	fact := err.Error()
	if told, ok := err.(postrider.Advised); ok {
		fact = told.Fact()
	}
	if within > 0 {
		fact = strings.Replace(fact, context.DeadlineExceeded.Error(), within.Error(), 1)
	}
	return plain{err, strings.TrimPrefix(fact, "postrider: ")}
}

// remedy is what a person can do about an error; "" if there is nothing to say.
func remedy(err error) string {
	var told postrider.Advised
	if todo := remedyHere(err); todo != "" {
		return todo
	} else if errors.As(err, &told) {
		return told.Advice()
	}
	return ""
}

// remedyHere is that in terms of this program; "" if it has none.
func remedyHere(err error) string {
	var own remedied
	if errors.As(err, &own) {
		return own.remedy
	}
	if errors.Is(err, journal.ErrNoJournal) {
		return nameDataDirectory
	}
	if todo := reachRemedy(err); todo != "" {
		return todo
	}
	return fateRemedy(err)
}

// reachRemedy is about whom one does not get at.
func reachRemedy(err error) string {
	var refused *amqp.Error
	var remote *net.OpError
	switch {
	case errors.As(err, &refused):
		return refusalRemedy(refused)
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nobody listens there: start it (a broker: postrider serve), or correct the address"
	case errors.Is(err, client.ErrHungUp), errors.Is(err, syscall.ECONNRESET):
		return "see that a broker or a node listens there; if it wants TLS: amqps:// before its address, and --tls-ca or --keys"
	case errors.As(err, new(tls.RecordHeaderError)):
		return "nobody speaks TLS there: amqp:// before its address, or its port for TLS, or start it with certificates"
	case errors.As(err, new(*tls.CertificateVerificationError)):
		return certificateRemedy(err)
	case errors.As(err, &remote) && remote.Op == "remote error": // an alert of TLS
		return "show a certificate that is trusted there: --tls-cert and --tls-key, or --keys"
	case errors.As(err, new(*net.DNSError)):
		return "correct the host's name, or see that the name server knows it"
	}
	return ""
}

// refuses reports whether waiting will not mend an error.
func refuses(err error) bool {
	var refused *amqp.Error
	if errors.As(err, &refused) {
		return refused.Code == amqp.AccessRefused || refused.Code == amqp.NotAllowed
	}
	return errors.As(err, new(*tls.CertificateVerificationError)) || errors.As(err, new(usageError))
}

// certificateRemedy is about a certificate that is not trusted.
func certificateRemedy(err error) string {
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, new(x509.HostnameError)):
		return "use a name that is in its certificate, or make one with that name: postrider keys new NAME --host HOST --renew"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "see that both clocks are right, or make a new certificate there: postrider keys new NAME --renew"
	}
	return "name the authority that has signed it: --tls-ca FILE, or --keys DIR"
}

// refusalRemedy is what can be done about a broker's refusal.
func refusalRemedy(refused *amqp.Error) string {
	about := func(what string) bool { return strings.HasPrefix(refused.Text, what) }
	switch {
	case refused.Code == amqp.AccessRefused && strings.Contains(refused.Text, "over TLS only"):
		return "amqps:// before its address and its port for TLS (serve --tls-cert, --tls-key); or, where nobody else is on the network, serve --allow-plaintext there"
	case refused.Code == amqp.AccessRefused && refused.Method == 0: // RabbitMQ names no method when it refuses a login
		return "check user and password: amqp://USER:PASSWORD@HOST:PORT; without them it is guest, who is let in from the broker's own machine alone"
	case refused.Code == amqp.AccessRefused && strings.Contains(refused.Text, "may only publish to queue"):
		return "the node at that address has another name: send to it by that"
	case refused.Code == amqp.AccessRefused && strings.Contains(refused.Text, "in exclusive use"):
		return "end the consumer that has it for itself"
	case refused.Code == amqp.AccessRefused, refused.Code == amqp.NotAllowed && about("access to vhost"):
		return "give the user the permission: see postrider permission --help"
	case refused.Code == amqp.NotAllowed && about("vhost "):
		return "check the virtual host at the end of the URL, or make it with: postrider vhost add"
	}
	return ""
}

// fateRemedy is about a message that was not delivered.
func fateRemedy(err error) string {
	var failed *postrider.SendError
	switch {
	case errors.Is(err, postrider.ErrNoKey):
		return "give --sealed, --keys DIR and --name NAME, with the target's key in DIR: postrider keys share hands it on, postrider keys seal makes one"
	case errors.Is(err, postrider.ErrPartitions):
		return "give --partitions with the number that it has, or leave it out where it has none"
	case errors.Is(err, postrider.ErrBlocked), errors.Is(err, client.ErrBlocked):
		return makeRoom(err.Error())
	case !errors.As(err, &failed) && errors.Is(err, client.ErrDown): // what was posted when the time was over
		return "see that it runs at that address, or wait longer: --timeout"
	case failed == nil:
		return ""
	case errors.Is(err, postrider.ErrNoSuchTarget) && strings.HasPrefix(failed.Target, "peer amqp"):
		return "see the name at the end of the URL; what goes to a mailbox of a broker is named as mailbox:NAME --broker URL"
	case errors.Is(err, postrider.ErrFull) && failed.Stage == postrider.AtTarget:
		return "receive faster there, or send it later"
	case errors.Is(err, postrider.ErrTooLarge):
		return "send it in parts"
	case errors.Is(err, postrider.ErrExpired) && !errors.Is(err, context.DeadlineExceeded):
		return "let it live longer: --expires"
	case errors.Is(err, context.DeadlineExceeded) && failed.Stage == postrider.OnWire:
		return "see that somebody works on it, or wait longer: --timeout"
	case errors.Is(err, context.DeadlineExceeded):
		return "see that it runs at that address, or wait longer: --timeout"
	}
	return ""
}

// makeRoom is what to do for a broker that takes no messages, by the alarm that it has told.
func makeRoom(alarm string) string {
	room := "make room there"
	says := func(what string) bool { return strings.Contains(alarm, what) }
	switch {
	case says("low on disk & memory"):
		room = "receive what is in its queues, or give it more memory and room on its disk"
	case says("low on memory"):
		room = "receive what is in its queues, or give it more memory"
	case says("low on disk"):
		room = "receive what is in its queues, or make room on its disk"
	case says("low on files"):
		room = "receive what is in its queues, close connections there, or raise its limit of open files"
	}
	return room + ": see postrider top and postrider doctor there; or wait longer: --timeout"
}
