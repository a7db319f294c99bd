package client

import (
	"crypto/x509"
	"strings"
	"time"

	"github.com/postrider-mq/postrider/internal/seal"
)

// FamiliarLogin is how nodes enter each other's inbox that know each other by certificates of one authority, as user:password. The password is no secret: the certificate is what lets one in.
func FamiliarLogin(authority *x509.Certificate) string {
	return "node:" + strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(PublicKey(authority))
}

// VerifyFamiliar is a tls.Config's VerifyPeerCertificate. A peer that was found through the broker is known by the key it has announced
// there; that it is one of us, its certificate has to say.
func VerifyFamiliar(roots *x509.CertPool) func([][]byte, [][]*x509.Certificate) error {
	return func(raw [][]byte, _ [][]*x509.Certificate) error {
		c, err := x509.ParseCertificate(raw[0])
		if err == nil {
			err = seal.SignedBy(roots, c, time.Now())
		}
		return err
	}
}
