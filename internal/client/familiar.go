package client

import (
	"crypto/x509"
	"strings"
	"time"
)

// FamiliarLogin is how nodes enter each other's inbox that know each other by certificates of one authority, as user:password. The password is no secret: the certificate is what lets one in.
func FamiliarLogin(authority *x509.Certificate) string {
	return "node:" + strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(PublicKey(authority))
}

// SignedBy is why a certificate is not trusted.
func SignedBy(roots *x509.CertPool, c *x509.Certificate, now time.Time) error {
	_, err := c.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	return err
}

// VerifyFamiliar is a tls.Config's VerifyPeerCertificate. A peer that was found through the broker is known by the key it has announced
// there; that it is one of us, its certificate has to say.
func VerifyFamiliar(roots *x509.CertPool) func([][]byte, [][]*x509.Certificate) error {
	return func(raw [][]byte, _ [][]*x509.Certificate) error {
		c, err := x509.ParseCertificate(raw[0])
		if err == nil {
			err = SignedBy(roots, c, time.Now())
		}
		return err
	}
}
