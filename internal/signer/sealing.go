package signer

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"net/url"
	"time"
)

// IssueSealing makes a certificate of a key to seal to (X25519, RFC 8410) for whom the address names, from now on for as long as life, or as the
// authority's own.
func (a *Authority) IssueSealing(name string, whose *url.URL, now time.Time, life time.Duration) (Pair, error) {
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return Pair{}, err
	}
	form, err := a.form(name, now, life)
	if err != nil {
		return Pair{}, err
	}
	form.KeyUsage, form.URIs = x509.KeyUsageKeyAgreement, []*url.URL{whose}
	der, err := a.signX25519(form, key.PublicKey())
	if err != nil {
		return Pair{}, err
	}
	return encode(der, key)
}

// signX25519 makes the certificate of a key that crypto/x509 reads and does not write: as that of an Ed25519 key, which is as long, with the
// other key in its place.
func (a *Authority) signX25519(form *x509.Certificate, key *ecdh.PublicKey) ([]byte, error) {
	stand := ed25519.PublicKey(key.Bytes())
	der, err := x509.CreateCertificate(rand.Reader, form, a.cert, stand, a.key)
	if err != nil {
		return nil, err
	}
	standing, err := x509.MarshalPKIXPublicKey(stand)
	if err != nil {
		return nil, err
	}
	public, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, err
	}
	var c struct {
		Body      asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &c); err != nil {
		return nil, err
	}
	if len(standing) != len(public) || bytes.Count(c.Body.FullBytes, standing) != 1 {
		return nil, errors.New("the key was not found in its certificate")
	}
	c.Body = asn1.RawValue{FullBytes: bytes.Replace(c.Body.FullBytes, standing, public, 1)}
	sum := sha256.Sum256(c.Body.FullBytes)
	signature, err := a.key.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		return nil, err
	}
	c.Signature = asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}
	return asn1.Marshal(c)
}
