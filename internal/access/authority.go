package access

import (
	"context"
	"net/netip"

	"github.com/postrider-mq/postrider/amqp"
)

// An Authority says who a client is. It is safe for concurrent use.
type Authority struct {
	users    *Users
	verifier *verifier
}

// A Peer is where a client comes from.
type Peer struct {
	Addr netip.Addr // the far end of its socket; the zero Addr counts as another host
	TLS  bool
}

func (p Peer) local() bool { return p.Addr.Unmap().IsLoopback() }

// NewAuthority returns an Authority over users, who may still be added to and taken from.
func NewAuthority(users *Users) *Authority { return &Authority{users, newVerifier()} }

// A Denied is a login that was refused.
type Denied struct {
	Text   string // for the client; the protocol's code is 403
	Reason string // for the log alone: it says more than the client may know
}

func (d *Denied) Error() string { return "login refused: " + d.Reason }

// Login returns the user that the response of a SASL mechanism proves the peer to be.
// Errors: *Denied, an *amqp.Error with code 503 for an unknown mechanism, and ctx's when it ended first.
func (a *Authority) Login(ctx context.Context, mechanism string, response []byte, peer Peer) (*User, error) {
	parse, ok := mechanisms[mechanism]
	if !ok {
		return nil, amqp.Errorf(amqp.CommandInvalid, "unknown authentication mechanism '%s'", clip(mechanism))
	}
	if !peer.TLS && !peer.local() {
		return nil, insecure(mechanism)
	}
	l, err := parse(response)
	if err != nil {
		return nil, refused(mechanism, "malformed response: "+err.Error())
	}
	return a.check(ctx, mechanism, l, peer)
}

// A login is what a mechanism's response says.
type login struct{ name, password string }

func (a *Authority) check(ctx context.Context, mechanism string, l login, peer Peer) (*User, error) {
	acc, known := a.users.find(l.name)
	if l.name == guestName && known && !peer.local() {
		return nil, refused(mechanism, "user 'guest' may log in from this host only")
	}
	switch right, err := a.right(ctx, acc, l); {
	case err == errBusy:
		return nil, refused(mechanism, "too many logins are waiting to be verified")
	case err != nil:
		return nil, err
	case !known:
		return nil, refused(mechanism, "no user '"+clip(l.name)+"'")
	case !right:
		return nil, refused(mechanism, "wrong password for user '"+clip(l.name)+"'")
	}
	return acc.user, nil
}

func (a *Authority) right(ctx context.Context, acc account, l login) (bool, error) {
	if acc.open {
		return l.password == guestPassword, nil
	}
	return a.verifier.verify(ctx, acc.hash, l)
}

func refused(mechanism, reason string) *Denied {
	return &Denied{
		Text:   "Login was refused using authentication mechanism " + mechanism + ". For details see the broker logfile.",
		Reason: reason,
	}
}

func insecure(mechanism string) *Denied {
	return &Denied{
		Text: "Login was refused using authentication mechanism " + mechanism +
			". From another host a password is accepted over TLS only: connect with amqps.",
		Reason: "a password was sent from another host without TLS; let the client connect with amqps",
	}
}

// clip shortens what a stranger sent to what a log line can bear.
func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "…"
	}
	return s
}
