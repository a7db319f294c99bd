package seal

import (
	"crypto/hpke"
	"crypto/x509"
	"time"
)

// Opener opens grants, and remembers the last of them that were good. Its caller holds a lock.
type Opener struct {
	Roots *x509.CertPool // whom senders' certificates have to be signed by
	// Private finds the private key of a key that messages are sealed to here, and whose it is.
	Private func(KeyID) (hpke.PrivateKey, Target, bool)

	known map[string]*Granted // by the bytes of the grant
	order []string            // as they came: a ring, when it is full
	next  int
}

// MaxGrants is how many an Opener remembers.
const MaxGrants = 4096

// Open verifies and opens a grant, once. Of one that was good before, it does not look at the certificates again: it expires no later than they do.
func (o *Opener) Open(grant []byte, now time.Time) (*Granted, error) {
	if g := o.known[string(grant)]; g != nil {
		return g, nil
	}
	g, err := o.open(grant, now)
	if err == nil {
		o.remember(string(grant), g)
	}
	return g, err
}

func (o *Opener) open(b []byte, now time.Time) (*Granted, error) {
	g, ok := parseGrant(b)
	if !ok {
		return nil, ErrForm
	}
	switch ms := now.UnixMilli(); {
	case ms >= g.expires:
		return nil, ErrExpired
	case g.starts > ms+Skew.Milliseconds():
		return nil, ErrEarly
	}
	private, target, ok := o.Private(g.key)
	if !ok || target != g.target {
		return nil, &NoPrivateKeyError{g.target, g.key}
	}
	sender, err := g.verify(b, o.Roots, now)
	if err != nil {
		return nil, err
	}
	key, err := unwrap(private, b[:g.said], g.wrapped)
	if err != nil || len(key) != 32 {
		return nil, ErrForged
	}
	granted := &Granted{Sender: sender, Target: g.target, starts: g.starts, ends: g.ends, expires: g.expires}
	granted.Secret, err = newSecret(b, key)
	return granted, err
}

func (o *Opener) remember(grant string, g *Granted) {
	if o.known == nil {
		o.known = make(map[string]*Granted)
	}
	if len(o.order) < MaxGrants {
		o.order = append(o.order, grant)
	} else {
		delete(o.known, o.order[o.next])
		o.order[o.next] = grant
		o.next = (o.next + 1) % MaxGrants
	}
	o.known[grant] = g
}

// Forget forgets all grants: their senders are verified anew.
func (o *Opener) Forget() { o.known, o.order, o.next = nil, nil, 0 }
