package seal

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"time"
)

// Identity is who seals: the certificate by which others know him, and its key.
type Identity struct {
	Certificate *x509.Certificate
	Key         crypto.Signer
}

// Check finds an identity that others would not accept.
func (id *Identity) Check() error {
	if _, err := checkSender(id.Certificate); err != nil {
		return err
	}
	type key interface{ Equal(crypto.PublicKey) bool }
	if public, ok := id.Key.Public().(key); !ok || !public.Equal(id.Certificate.PublicKey) {
		return errors.New("the private key is not that of the certificate")
	}
	return nil
}

// sign signs what a grant says.
func (id *Identity) sign(said []byte) ([]byte, error) {
	message := append([]byte(signContext), said...)
	if _, is := id.Certificate.PublicKey.(ed25519.PublicKey); is {
		return id.Key.Sign(nil, message, crypto.Hash(0))
	}
	sum := sha256.Sum256(message)
	return id.Key.Sign(nil, sum[:], crypto.SHA256)
}

// checkSender says how a certificate's key signs.
func checkSender(c *x509.Certificate) (x509.SignatureAlgorithm, error) {
	if c.IsCA || c.Subject.CommonName == "" || c.KeyUsage != 0 && c.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		return 0, errors.New("its certificate is not that of a node: it names none, or is not for signatures")
	}
	switch key := c.PublicKey.(type) {
	case ed25519.PublicKey:
		return x509.PureEd25519, nil
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P256() {
			return x509.ECDSAWithSHA256, nil
		}
	}
	return 0, errors.New("the key of its certificate is neither Ed25519 nor ECDSA with P-256")
}

// SignedBy is why a certificate is not trusted.
func SignedBy(roots *x509.CertPool, c *x509.Certificate, now time.Time) error {
	_, err := c.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	return err
}
