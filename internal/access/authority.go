package access

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/postrider-mq/postrider/amqp"
)

// An Authority says who a client is. It is safe for concurrent use.
type Authority struct {
	users    *Users
	verifier *verifier
	buckets  *buckets
	policy   Policy
}

// Policy is what an operator may choose. The zero value is the safe choice.
type Policy struct {
	// Plaintext lets passwords come over a network without TLS.
	Plaintext bool
}

// A Peer is where a client comes from.
type Peer struct {
	Addr netip.Addr // the far end of its socket; the zero Addr counts as another host
	TLS  bool
	// Names are the subject alternative names of a client certificate that was verified.
	Names []string
}

func (p Peer) local() bool { return p.Addr.Unmap().IsLoopback() }

// NewAuthority returns an Authority over users, who may still be added to and taken from.
func NewAuthority(users *Users) *Authority { return NewAuthorityWith(users, Policy{}) }

// NewAuthorityWith is NewAuthority with an operator's choice.
func NewAuthorityWith(users *Users, policy Policy) *Authority {
	return &Authority{users, newVerifier(), newBuckets(time.Now), policy}
}

// Users are those that it decides over.
func (a *Authority) Users() *Users { return a.users }

// A Denied is a login that was refused.
type Denied struct {
	Text   string // for the client; the protocol's code is 403
	Reason string // for the log alone: it says more than the client may know
}

func (d *Denied) Error() string { return "login refused: " + d.Reason }

// Login returns the user that the response of a SASL mechanism proves the peer to be.
// Errors: *Denied, an *amqp.Error with code 503 for an unknown mechanism, and ctx's when it ended first.
func (a *Authority) Login(ctx context.Context, mechanism string, response []byte, peer Peer) (*User, error) {
	if mechanism == external && len(peer.Names) > 0 {
		return a.external(response, peer)
	}
	parse, ok := mechanisms[mechanism]
	if !ok {
		return nil, amqp.Errorf(amqp.CommandInvalid, "unknown authentication mechanism '%s'", clip(mechanism))
	}
	if !peer.TLS && !peer.local() && !a.policy.Plaintext {
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
	if acc.open && !peer.local() {
		return nil, refused(mechanism, "user 'guest' may log in from this host only")
	}
	var limit tooOften
	switch right, err := a.right(ctx, acc, l, peer); {
	case err == errBusy:
		return nil, refused(mechanism, "too many logins are waiting to be verified")
	case errors.As(err, &limit):
		return nil, refused(mechanism, err.Error())
	case err != nil:
		return nil, err
	case !known:
		return nil, refused(mechanism, "no user '"+clip(l.name)+"'")
	case !right:
		return nil, refused(mechanism, "wrong password for user '"+clip(l.name)+"'")
	}
	return acc.user(), nil
}

func (a *account) user() *User { return &User{Name: a.name, rights: a.rights, tags: a.tags} }

// tooOften says that an address has asked for too many comparisons.
type tooOften struct{ addr netip.Addr }

func (e tooOften) Error() string {
	return fmt.Sprintf("too many logins from %s: %d at once and %d a second are verified", e.addr, bucketSize, bucketRefill)
}

func (a *Authority) right(ctx context.Context, acc *account, l login, peer Peer) (bool, error) {
	if acc.open {
		return l.password == guestPassword, nil
	}
	if l.password == "" {
		return false, nil // of no user, whether there is one or not
	}
	hash := acc.hash
	if hash.none() { // he has none: nothing fits, and it takes its time
		hash = a.users.stranger
	}
	paid := false
	right, err := a.verifier.verify(ctx, hash, l, func() error {
		if paid = a.buckets.take(peer.Addr); !paid {
			return tooOften{peer.Addr}
		}
		return nil
	})
	if right && paid {
		a.buckets.giveBack(peer.Addr)
		if hash.foreign != "" {
			return true, a.users.improve(ctx, acc, l.password)
		}
	}
	return right, err
}

// external lets in who has a certificate of that name. The response may say which, if there are several.
func (a *Authority) external(response []byte, peer Peer) (*User, error) {
	names := peer.Names
	if len(response) > 0 {
		if !slices.Contains(names, string(response)) {
			return nil, refused(external, fmt.Sprintf("the certificate is for %s, not for '%s'", listed(names), clip(string(response))))
		}
		names = []string{string(response)}
	}
	var found *account
	for _, name := range names {
		acc, ok := a.users.find(name)
		switch {
		case !ok || acc.open:
		case found != nil && found != acc:
			return nil, refused(external, fmt.Sprintf("the certificate is for %s, and there are several such users", listed(names)))
		default:
			found = acc
		}
	}
	if found == nil {
		return nil, refused(external, fmt.Sprintf("the certificate is for %s, and there is no such user", listed(names)))
	}
	return found.user(), nil
}

func listed(names []string) string {
	if len(names) > 4 {
		names = names[:4]
	}
	return clip(fmt.Sprintf("%q", names))
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
