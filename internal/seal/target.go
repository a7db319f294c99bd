package seal

import (
	"crypto/ecdh"
	"crypto/hpke"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Kind is a kind of target.
type Kind byte

const (
	Peer    Kind = 1 // the inbox of a node
	Mailbox Kind = 2
)

func (k Kind) String() string {
	switch k {
	case Peer:
		return "peer"
	case Mailbox:
		return "mailbox"
	}
	return fmt.Sprintf("kind %d", byte(k))
}

// Target is what a message is sealed to.
type Target struct {
	Kind Kind
	Name string
}

// String is the target as command lines name it: peer:bob, mailbox:jobs.
func (t Target) String() string { return t.Kind.String() + ":" + t.Name }

// ParseTarget is the reverse of String.
func ParseTarget(s string) (Target, error) {
	kind, name, _ := strings.Cut(s, ":")
	t := Target{Name: name}
	switch kind {
	case "peer":
		t.Kind = Peer
	case "mailbox":
		t.Kind = Mailbox
	}
	if t.Kind == 0 || name == "" || len(name) > maxName {
		return Target{}, fmt.Errorf("%.300q: want peer:NAME or mailbox:NAME, with a name of up to %d bytes", s, maxName)
	}
	return t, nil
}

// File is the name of the files of a target's keys, before .pem and .key.
func (t Target) File() string { return url.PathEscape(t.Name) + fileEnd(t.Kind) }

// IsFile reports whether a name is one that File may give.
func IsFile(base string) bool {
	return strings.HasSuffix(base, fileEnd(Peer)) || strings.HasSuffix(base, fileEnd(Mailbox))
}

func fileEnd(k Kind) string { return "." + k.String() }

const (
	maxName = 255
	scheme  = "postrider"
)

// URI is how the certificate of a target's key names it, among its subject alternative names.
func (t Target) URI() *url.URL {
	return &url.URL{Scheme: scheme, Host: t.Kind.String(), Path: "/" + t.Name}
}

// KeyID is the beginning of the SHA-256 of a public key's DER form (PKIX).
type KeyID [16]byte

func (id KeyID) String() string { return hex.EncodeToString(id[:]) }

// Key is a target's public key, until when it may be used.
type Key struct {
	Target Target
	ID     KeyID
	Public hpke.PublicKey
	Until  time.Time
}

// ErrNoKey is the error of a certificate that is not of a target's key.
var ErrNoKey = errors.New("it is not the certificate of a key to seal to")

// ParseKey reads the certificate of a target's key. Whether it is to be trusted, its caller has to know.
func ParseKey(c *x509.Certificate) (Key, error) {
	parsed, err := x509.ParsePKIXPublicKey(c.RawSubjectPublicKeyInfo)
	public, ok := parsed.(*ecdh.PublicKey)
	if err != nil || !ok || public.Curve() != ecdh.X25519() || len(c.URIs) != 1 {
		return Key{}, ErrNoKey
	}
	u := c.URIs[0]
	if u.Scheme != scheme || len(u.Path) < 2 {
		return Key{}, ErrNoKey
	}
	t, err := ParseTarget(u.Host + ":" + u.Path[1:])
	if err != nil {
		return Key{}, fmt.Errorf("%w: %w", ErrNoKey, err)
	}
	k := Key{Target: t, ID: idOf(c.RawSubjectPublicKeyInfo), Until: c.NotAfter}
	k.Public, err = hpke.NewDHKEMPublicKey(public)
	return k, err
}

// ParsePrivateKey reads a target's private key, PKCS #8 in DER, and the id of its public half.
func ParsePrivateKey(der []byte) (id KeyID, private hpke.PrivateKey, err error) {
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return id, nil, err
	}
	key, ok := parsed.(*ecdh.PrivateKey)
	if !ok {
		return id, nil, fmt.Errorf("it is a %T, not an X25519 key", parsed)
	}
	public, err := x509.MarshalPKIXPublicKey(key.PublicKey())
	if err != nil {
		return id, nil, err
	}
	private, err = hpke.NewDHKEMPrivateKey(key)
	return idOf(public), private, err
}

func idOf(public []byte) (id KeyID) {
	sum := sha256.Sum256(public)
	copy(id[:], sum[:])
	return id
}
