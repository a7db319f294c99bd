package seal

import (
	"crypto/hpke"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Errors of what is opened. Each says that it is refused, and none of it is to be used.
var (
	ErrForm    = errors.New("it is not formed as a sealed message is")
	ErrExpired = errors.New("the time in which it may be opened is over")
	ErrEarly   = errors.New("it was sealed in the future, as this machine's clock has it")
	ErrSender  = errors.New("its sender is not to be trusted")
	ErrForged  = errors.New("it was changed on its way, or forged")
)

// NoPrivateKeyError says that it is sealed to a key that is not here.
type NoPrivateKeyError struct {
	Target Target
	ID     KeyID
}

func (e *NoPrivateKeyError) Error() string {
	return fmt.Sprintf("it is sealed to the key %v of %v, which is not here", e.ID, e.Target)
}

const (
	version = 1
	// maxGrant bounds a grant: most of it is a certificate.
	maxGrant = 8 << 10
	// Skew is how far apart the clocks of two machines may be.
	Skew = time.Hour
)

// The contexts say what is signed and wrapped, lest it pass for something else. The first one is longer than the 64 bytes that another party has a
// say in when the same key signs a TLS handshake.
const (
	signContext = "postrider, a grant of sealed messages, version 1: who signs this has written what is sealed under it\x00"
	wrapContext = "postrider, the data key of sealed messages, version 1\x00"
)

// terms are what a grant says.
type terms struct {
	key                   KeyID
	starts, ends, expires int64 // milliseconds since 1970
	target                Target
	sender                []byte // a certificate
}

func (t *terms) append(dst []byte) []byte {
	dst = append(dst, version)
	dst = append(dst, t.key[:]...)
	dst = binary.BigEndian.AppendUint64(dst, uint64(t.starts))
	dst = binary.BigEndian.AppendUint64(dst, uint64(t.ends))
	dst = binary.BigEndian.AppendUint64(dst, uint64(t.expires))
	dst = append(dst, byte(t.target.Kind), byte(len(t.target.Name)))
	dst = append(dst, t.target.Name...)
	return appendBytes(dst, t.sender)
}

func appendBytes(dst, b []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(b)))
	return append(dst, b...)
}

// grant is a parsed one, which nobody has verified. It refers to the bytes that it was parsed from.
type grant struct {
	terms
	wrapped, signature []byte
	said               int // bytes of the terms
	signed             int // and of what the signature is over
}

// parseGrant parses a whole grant. There is one form of each.
func parseGrant(b []byte) (g grant, ok bool) {
	c := cutter{rest: b}
	if c.byte() != version {
		return g, false
	}
	copy(g.key[:], c.take(len(g.key)))
	g.starts, g.ends, g.expires = c.int64(), c.int64(), c.int64()
	g.target.Kind = Kind(c.byte())
	g.target.Name = string(c.take(int(c.byte())))
	g.sender = c.bytes()
	g.said = len(b) - len(c.rest)
	g.wrapped = c.bytes()
	g.signed = len(b) - len(c.rest)
	g.signature = c.bytes()
	ok = !c.failed && len(c.rest) == 0 && len(b) <= maxGrant && g.target.Name != "" && (g.target.Kind == Peer || g.target.Kind == Mailbox) &&
		0 <= g.starts && g.starts < g.ends && g.ends <= g.expires
	return g, ok
}

// cutter takes bytes from the front, and fails once there are too few.
type cutter struct {
	rest   []byte
	failed bool
}

func (c *cutter) take(n int) (b []byte) {
	if c.failed || n < 0 || n > len(c.rest) {
		c.failed = true
		return nil
	}
	b, c.rest = c.rest[:n:n], c.rest[n:]
	return b
}

func (c *cutter) byte() byte {
	if b := c.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (c *cutter) int64() int64 {
	if b := c.take(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

func (c *cutter) bytes() []byte {
	if b := c.take(2); b != nil {
		return c.take(int(binary.BigEndian.Uint16(b)))
	}
	return nil
}

// verify returns the name of who has signed the grant.
func (g *grant) verify(whole []byte, roots *x509.CertPool, now time.Time) (string, error) {
	c, err := x509.ParseCertificate(g.sender)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrSender, err)
	}
	if roots == nil { // x509 would take the system's
		return "", fmt.Errorf("%w: no authority is trusted", ErrSender)
	}
	if err := SignedBy(roots, c, now); err != nil {
		return "", fmt.Errorf("%w: %w", ErrSender, err)
	}
	algorithm, err := checkSender(c)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrSender, err)
	}
	if g.expires > c.NotAfter.UnixMilli() {
		return "", fmt.Errorf("%w: it would be opened longer than its sender's certificate is good", ErrSender)
	}
	if c.CheckSignature(algorithm, append([]byte(signContext), whole[:g.signed]...), g.signature) != nil {
		return "", ErrForged
	}
	return c.Subject.CommonName, nil
}

func info(said []byte) []byte { return append([]byte(wrapContext), said...) }

func wrap(to hpke.PublicKey, said, key []byte) ([]byte, error) {
	return hpke.Seal(to, hpke.HKDFSHA256(), hpke.AES256GCM(), info(said), key)
}

func unwrap(with hpke.PrivateKey, said, wrapped []byte) ([]byte, error) {
	return hpke.Open(with, hpke.HKDFSHA256(), hpke.AES256GCM(), info(said), wrapped)
}
