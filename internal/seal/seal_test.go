package seal_test

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hpke"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"testing"
	"time"

	"github.com/postrider-mq/postrider/internal/seal"
	"github.com/postrider-mq/postrider/internal/signer"
)

// An organisation is an authority, and what it has signed.
type organisation struct {
	*testing.T
	authority *signer.Authority
	roots     *x509.CertPool
	now       time.Time
}

func newOrganisation(t *testing.T) *organisation {
	t.Helper()
	o := &organisation{T: t, roots: x509.NewCertPool(), now: time.Now().Truncate(time.Millisecond)}
	a, pair, err := signer.New("test", o.now)
	if err != nil {
		t.Fatal(err)
	}
	o.authority = a
	o.roots.AppendCertsFromPEM(pair.Certificate)
	return o
}

const year = 365 * 24 * time.Hour

func (o *organisation) identity(name string, life time.Duration) *seal.Identity {
	o.Helper()
	pair, err := o.authority.Issue(name, []string{name}, o.now, life)
	if err != nil {
		o.Fatal(err)
	}
	p, err := tls.X509KeyPair(pair.Certificate, pair.Key)
	if err != nil {
		o.Fatal(err)
	}
	id := &seal.Identity{Certificate: p.Leaf, Key: p.PrivateKey.(crypto.Signer)}
	if err := id.Check(); err != nil {
		o.Fatal(err)
	}
	return id
}

// A pair is a target's key and its private half.
type pair struct {
	seal.Key
	private hpke.PrivateKey
}

func (o *organisation) key(target string, life time.Duration) pair {
	o.Helper()
	t, err := seal.ParseTarget(target)
	if err != nil {
		o.Fatal(err)
	}
	made, err := o.authority.IssueSealing(t.Name, t.URI(), o.now, life)
	if err != nil {
		o.Fatal(err)
	}
	certificate, _ := pem.Decode(made.Certificate)
	c, err := x509.ParseCertificate(certificate.Bytes)
	if err != nil {
		o.Fatal(err)
	}
	k, err := seal.ParseKey(c)
	if err != nil {
		o.Fatal(err)
	}
	key, _ := pem.Decode(made.Key)
	private, err := x509.ParsePKCS8PrivateKey(key.Bytes)
	if err != nil {
		o.Fatal(err)
	}
	p, err := hpke.NewDHKEMPrivateKey(private.(*ecdh.PrivateKey))
	if err != nil {
		o.Fatal(err)
	}
	return pair{k, p}
}

func (o *organisation) opener(keys ...pair) *seal.Opener {
	return &seal.Opener{Roots: o.roots, Private: func(id seal.KeyID) (hpke.PrivateKey, seal.Target, bool) {
		for _, k := range keys {
			if k.ID == id {
				return k.private, k.Target, true
			}
		}
		return nil, seal.Target{}, false
	}}
}

const month = 30 * 24 * time.Hour

func (o *organisation) epoch(from *seal.Identity, to pair) *seal.Epoch {
	o.Helper()
	var data [32]byte
	rand.Read(data[:])
	e, err := seal.NewEpoch(from, to.Key, data, o.now, month)
	if err != nil {
		o.Fatal(err)
	}
	return e
}

func (o *organisation) seal(e *seal.Epoch, b *seal.Bound, body string) []byte {
	o.Helper()
	n, ok := e.Next(o.now)
	if !ok {
		o.Fatal("the epoch is over")
	}
	m, err := e.Seal(n, b, &seal.Content{Time: o.now, Type: "text/plain", Headers: []byte("headers"), Body: []byte(body)})
	if err != nil {
		o.Fatal(err)
	}
	return m
}

func open(o *seal.Opener, message []byte, b *seal.Bound, now time.Time) (*seal.Granted, seal.View, error) {
	grant, rest, err := seal.Cut(message)
	if err != nil {
		return nil, seal.View{}, err
	}
	g, err := o.Open(grant, now)
	if err != nil {
		return nil, seal.View{}, err
	}
	v, err := g.Open(rest, b, now)
	return g, v, err
}

func aBound() *seal.Bound {
	return &seal.Bound{ID: []byte("order 7"), Correlation: []byte("order 7"), Key: []byte("customer 3"), Control: []byte("stop"), Wish: seal.Answer}
}

func TestWhoHasTheKeyReadsItAndKnowsWhoWroteIt(t *testing.T) {
	o := newOrganisation(t)
	jobs := o.key("mailbox:jobs", year)
	message := o.seal(o.epoch(o.identity("alice", year), jobs), aBound(), "a lamp")
	if bytes.Contains(message, []byte("a lamp")) || bytes.Contains(message, []byte("headers")) || bytes.Contains(message, []byte("text/plain")) {
		t.Error("it can be read")
	}
	g, v, err := open(o.opener(jobs), message, aBound(), o.now)
	if err != nil {
		t.Fatal(err)
	}
	if string(v.Body) != "a lamp" || string(v.Type) != "text/plain" || string(v.Headers) != "headers" || v.Time != o.now.UnixMilli() {
		t.Errorf("%+v", v)
	}
	if g.Sender != "alice" || g.Target.String() != "mailbox:jobs" {
		t.Errorf("from %s to %v", g.Sender, g.Target)
	}
}

func TestNobodyElseReadsIt(t *testing.T) {
	o := newOrganisation(t)
	jobs := o.key("mailbox:jobs", year)
	message := o.seal(o.epoch(o.identity("alice", year), jobs), aBound(), "a lamp")
	var missing *seal.NoPrivateKeyError
	if _, _, err := open(o.opener(o.key("mailbox:jobs", year), o.key("peer:jobs", year)), message, aBound(), o.now); !errors.As(err, &missing) ||
		missing.ID != jobs.ID || missing.Target != jobs.Target {
		t.Error(err)
	}
	// Another private key under the same id.
	other := jobs
	other.private = o.key("mailbox:jobs", year).private
	if _, _, err := open(o.opener(other), message, aBound(), o.now); !errors.Is(err, seal.ErrForged) {
		t.Error(err)
	}
	// A key of another target.
	other = jobs
	other.Target.Name = "orders"
	if _, _, err := open(o.opener(other), message, aBound(), o.now); !errors.As(err, &missing) {
		t.Error(err)
	}
}

func TestWhoeverIsNotTrustedHasWrittenNothing(t *testing.T) {
	o, strangers := newOrganisation(t), newOrganisation(t)
	strangers.now = o.now
	jobs := o.key("mailbox:jobs", year)
	message := o.seal(strangers.epoch(strangers.identity("alice", year), jobs), aBound(), "x")
	if _, _, err := open(o.opener(jobs), message, aBound(), o.now); !errors.Is(err, seal.ErrSender) {
		t.Error(err)
	}
	trustless := o.opener(jobs)
	trustless.Roots = nil
	if _, _, err := open(trustless, o.seal(o.epoch(o.identity("alice", year), jobs), aBound(), "x"), aBound(), o.now); !errors.Is(err, seal.ErrSender) {
		t.Error(err)
	}
	// Somebody with a certificate of ours, in another's name: the grant of alice under mallory's signature.
	mallory := o.identity("mallory", year)
	posing := &seal.Identity{Certificate: o.identity("alice", year).Certificate, Key: mallory.Key}
	if posing.Check() == nil {
		t.Error("a key that is not the certificate's was not noticed")
	}
	if _, _, err := open(o.opener(jobs), o.seal(o.epoch(posing, jobs), aBound(), "x"), aBound(), o.now); !errors.Is(err, seal.ErrForged) {
		t.Error(err)
	}
}

// A bit is flipped, each in turn, in all that travels.
func TestEachBitCounts(t *testing.T) {
	t.Parallel()
	o := newOrganisation(t)
	jobs := o.key("mailbox:jobs", year)
	message := o.seal(o.epoch(o.identity("alice", year), jobs), aBound(), "a lamp")
	opener := o.opener(jobs)
	if _, _, err := open(opener, message, aBound(), o.now); err != nil {
		t.Fatal(err)
	}
	for bit := range 8 * len(message) {
		message[bit/8] ^= 1 << (bit % 8)
		if _, _, err := open(opener, message, aBound(), o.now); err == nil {
			t.Fatalf("bit %d of %d was flipped, and nobody minds", bit, 8*len(message))
		}
		message[bit/8] ^= 1 << (bit % 8)
	}
	for n := range message {
		if _, _, err := open(opener, message[:n], aBound(), o.now); err == nil {
			t.Fatalf("it was cut after %d bytes, and nobody minds", n)
		}
	}
}

func TestWhatIsBoundCannotBeChanged(t *testing.T) {
	o := newOrganisation(t)
	jobs := o.key("mailbox:jobs", year)
	message := o.seal(o.epoch(o.identity("alice", year), jobs), aBound(), "a lamp")
	opener := o.opener(jobs)
	for _, field := range []func(*seal.Bound) *[]byte{
		func(b *seal.Bound) *[]byte { return &b.ID }, func(b *seal.Bound) *[]byte { return &b.Correlation },
		func(b *seal.Bound) *[]byte { return &b.Key }, func(b *seal.Bound) *[]byte { return &b.Control },
	} {
		for bit := range 8 * len(*field(aBound())) {
			b := aBound()
			(*field(b))[bit/8] ^= 1 << (bit % 8)
			if _, _, err := open(opener, message, b, o.now); !errors.Is(err, seal.ErrForged) {
				t.Fatalf("%+v: %v", b, err)
			}
		}
		b := aBound()
		*field(b) = nil
		if _, _, err := open(opener, message, b, o.now); !errors.Is(err, seal.ErrForged) {
			t.Fatalf("%+v: %v", b, err)
		}
	}
	for _, w := range []seal.Wish{seal.Nothing, seal.Receipt} {
		b := aBound()
		b.Wish = w
		if _, _, err := open(opener, message, b, o.now); !errors.Is(err, seal.ErrForged) {
			t.Fatal(err)
		}
	}
	// What leaves one field comes not in by the next.
	b := aBound()
	b.ID, b.Correlation = append(b.ID, b.Correlation[0]), b.Correlation[1:]
	if _, _, err := open(opener, message, b, o.now); !errors.Is(err, seal.ErrForged) {
		t.Fatal(err)
	}
}

// The sealed part of one message does not fit another's grant.
func TestAGrantIsForItsOwnMessages(t *testing.T) {
	o := newOrganisation(t)
	jobs, alice := o.key("mailbox:jobs", year), o.identity("alice", year)
	one, other := o.seal(o.epoch(alice, jobs), aBound(), "one"), o.seal(o.epoch(alice, jobs), aBound(), "other")
	_, sealed, err := seal.Cut(other)
	if err != nil {
		t.Fatal(err)
	}
	mixed := append(one[:len(one)-len(sealed)+len("other")-len("one"):len(one)-len(sealed)+len("other")-len("one")], sealed...)
	if _, _, err := open(o.opener(jobs), mixed, aBound(), o.now); !errors.Is(err, seal.ErrForged) {
		t.Error(err)
	}
}

func TestEverythingEnds(t *testing.T) {
	o := newOrganisation(t)
	jobs, alice := o.key("mailbox:jobs", year), o.identity("alice", year)
	e := o.epoch(alice, jobs)
	message, opener := o.seal(e, aBound(), "x"), o.opener(jobs)
	if _, _, err := open(opener, message, aBound(), o.now.Add(month-time.Millisecond)); err != nil {
		t.Error(err)
	}
	if _, _, err := open(opener, message, aBound(), o.now.Add(month)); !errors.Is(err, seal.ErrExpired) {
		t.Error("with a grant that is known:", err)
	}
	if _, _, err := open(o.opener(jobs), message, aBound(), o.now.Add(month)); !errors.Is(err, seal.ErrExpired) {
		t.Error("with a new grant:", err)
	}
	if _, _, err := open(o.opener(jobs), message, aBound(), o.now.Add(-seal.Skew-time.Millisecond)); !errors.Is(err, seal.ErrEarly) {
		t.Error(err)
	}
	for _, now := range []time.Time{o.now.Add(-time.Millisecond), o.now.Add(seal.EpochLife + time.Millisecond)} {
		if _, ok := e.Next(now); ok {
			t.Error("a message out of the epoch's time")
		}
	}
	for n := range seal.EpochMessages - 1 { // one was sealed above
		if number, ok := e.Next(o.now); !ok || number != uint64(n)+2 {
			t.Fatalf("%d, %v after %d", number, ok, n)
		}
	}
	if _, ok := e.Next(o.now); ok {
		t.Error("a message more than an epoch has")
	}
}

// Nothing is opened longer than the certificates of those who have a part in it are good.
func TestNoGrantOutlivesACertificate(t *testing.T) {
	o := newOrganisation(t)
	day := 24 * time.Hour
	for what, e := range map[string]struct {
		alice *seal.Identity
		jobs  pair
	}{"the sender's": {o.identity("alice", day), o.key("mailbox:jobs", year)}, "the key's": {o.identity("alice", year), o.key("mailbox:jobs", day)}} {
		message := o.seal(o.epoch(e.alice, e.jobs), aBound(), "x")
		if _, _, err := open(o.opener(e.jobs), message, aBound(), o.now.Add(day-time.Minute)); err != nil {
			t.Error(what, err)
		}
		if _, _, err := open(o.opener(e.jobs), message, aBound(), o.now.Add(day+time.Second)); !errors.Is(err, seal.ErrExpired) {
			t.Error(what, err)
		}
		if _, err := seal.NewEpoch(e.alice, e.jobs.Key, [32]byte{}, o.now.Add(2*day), month); err == nil {
			t.Error(what, "is used when it is no longer good")
		}
	}
}

func TestANodesCertificateOfAnotherMakeSignsToo(t *testing.T) {
	o := newOrganisation(t)
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "alice"}, NotBefore: o.now.Add(-time.Hour), NotAfter: o.now.Add(year),
		KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, form, form, public, private)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	o.roots.AddCert(c) // pinned
	jobs := o.key("mailbox:jobs", year)
	id := &seal.Identity{Certificate: c, Key: private}
	if err := id.Check(); err != nil {
		t.Fatal(err)
	}
	g, v, err := open(o.opener(jobs), o.seal(o.epoch(id, jobs), aBound(), "a lamp"), aBound(), o.now)
	if err != nil || g.Sender != "alice" || string(v.Body) != "a lamp" {
		t.Errorf("%v, %+v, %v", err, g, v)
	}
	// That of the authority itself is no node's.
	ca := *c
	ca.IsCA = true
	if (&seal.Identity{Certificate: &ca, Key: private}).Check() == nil {
		t.Error("an authority may send")
	}
}

func TestAnswersAreForTheirMessageAndPurpose(t *testing.T) {
	o := newOrganisation(t)
	jobs := o.key("mailbox:jobs", year)
	e := o.epoch(o.identity("alice", year), jobs)
	g, _, err := open(o.opener(jobs), o.seal(e, aBound(), "how much?"), aBound(), o.now)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := g.SealAnswer(seal.OfAnswer, []byte("order 7"), [12]byte{1}, &seal.Content{Time: o.now, Type: "text/plain", Body: []byte("17.30")})
	if err != nil {
		t.Fatal(err)
	}
	if v, err := e.OpenAnswer(seal.OfAnswer, []byte("order 7"), answer); err != nil || string(v.Body) != "17.30" || string(v.Type) != "text/plain" {
		t.Errorf("%+v, %v", v, err)
	}
	if _, err := e.OpenAnswer(seal.OfAnswer, []byte("order 8"), answer); !errors.Is(err, seal.ErrForged) {
		t.Error(err)
	}
	if _, err := e.OpenAnswer(seal.OfFailure, []byte("order 7"), answer); !errors.Is(err, seal.ErrForged) {
		t.Error(err)
	}
	for bit := range 8 * len(answer) {
		answer[bit/8] ^= 1 << (bit % 8)
		if _, err := e.OpenAnswer(seal.OfAnswer, []byte("order 7"), answer); err == nil {
			t.Fatalf("bit %d was flipped, and nobody minds", bit)
		}
		answer[bit/8] ^= 1 << (bit % 8)
	}
}

func TestAKeysCertificateSaysWhose(t *testing.T) {
	o := newOrganisation(t)
	for _, target := range []string{"peer:bob", "mailbox:jobs", "mailbox:a/b ü%?#:x", "peer:.."} {
		if k := o.key(target, year); k.Target.String() != target {
			t.Errorf("%v, want %s", k.Target, target)
		}
	}
	for _, bad := range []string{"", "bob", "peer:", "topic:x", "mailbox:" + string(make([]byte, 256))} {
		if _, err := seal.ParseTarget(bad); err == nil {
			t.Errorf("%q is a target", bad)
		}
	}
	if _, err := seal.ParseKey(o.identity("bob", year).Certificate); !errors.Is(err, seal.ErrNoKey) {
		t.Error(err)
	}
	if _, is := o.identity("bob", year).Key.(*ecdsa.PrivateKey); !is {
		t.Error("this test wants another kind of key")
	}
}

// The last grants are remembered, and no more.
func TestAnOpenerRemembersSoManyGrants(t *testing.T) {
	o := newOrganisation(t)
	jobs, alice := o.key("mailbox:jobs", year), o.identity("alice", year)
	asked := 0
	opener := o.opener(jobs)
	private := opener.Private
	opener.Private = func(id seal.KeyID) (hpke.PrivateKey, seal.Target, bool) {
		asked++
		return private(id)
	}
	message := o.seal(o.epoch(alice, jobs), aBound(), "x")
	first, _, _ := seal.Cut(message)
	want := func(n int) {
		t.Helper()
		if _, err := opener.Open(first, o.now); err != nil || asked != n {
			t.Errorf("looked for a private key %d times, %v; want %d", asked, err, n)
		}
	}
	want(1)
	want(1)
	opener.Forget()
	want(2)
	opener.Pretend(seal.MaxGrants-1, o.now)
	want(2)
	opener.Pretend(1, o.now)
	want(3)
	if n := opener.Known(); n != seal.MaxGrants {
		t.Errorf("%d grants are remembered, want %d", n, seal.MaxGrants)
	}
}
