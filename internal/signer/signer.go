package signer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"time"
)

// An Authority signs certificates.
type Authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// Pair is a certificate and its private key, both PEM.
type Pair struct{ Certificate, Key []byte }

const (
	authorityLife = 10 * 365 * 24 * time.Hour
	// skew is how far behind other machines' clocks may be.
	skew = time.Hour
)

// New makes an authority.
func New(name string, now time.Time) (*Authority, Pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, Pair{}, err
	}
	form, err := form(name, now, authorityLife)
	if err != nil {
		return nil, Pair{}, err
	}
	form.IsCA, form.BasicConstraintsValid, form.KeyUsage = true, true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign
	form.MaxPathLenZero = true
	p, err := sign(form, form, key, key)
	if err != nil {
		return nil, Pair{}, err
	}
	a, err := Open(p)
	return a, p, err
}

// Open is the authority of a pair that New made.
func Open(p Pair) (*Authority, error) {
	pair, err := tls.X509KeyPair(p.Certificate, p.Key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return nil, err
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok || !cert.IsCA {
		return nil, errors.New("its certificate cannot sign others, or its key is no ECDSA key")
	}
	return &Authority{cert, key}, nil
}

// Issue makes a certificate for servers and clients, good for names and addresses, from now on for as long as life, or as the authority's own.
func (a *Authority) Issue(name string, good []string, now time.Time, life time.Duration) (Pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Pair{}, err
	}
	form, err := a.form(name, now, life)
	if err != nil {
		return Pair{}, err
	}
	form.KeyUsage = x509.KeyUsageDigitalSignature
	form.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	for _, g := range good {
		if ip := net.ParseIP(g); ip != nil {
			form.IPAddresses = append(form.IPAddresses, ip)
		} else {
			form.DNSNames = append(form.DNSNames, g)
		}
	}
	return sign(form, a.cert, key, a.key)
}

// form is that of a certificate that the authority signs: nobody takes it any more when the authority's own is over.
func (a *Authority) form(name string, now time.Time, life time.Duration) (*x509.Certificate, error) {
	left := a.cert.NotAfter.Sub(now)
	if left <= 0 {
		return nil, fmt.Errorf("the authority's certificate has expired on %s", a.cert.NotAfter.UTC().Format(time.DateOnly))
	}
	return form(name, now, min(life, left))
}

// form is what all certificates have.
func form(name string, now time.Time, life time.Duration) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	return &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-skew), NotAfter: now.Add(life)}, err
}

// A key is a private key of crypto/ecdsa or crypto/ecdh.
type key interface{ Public() crypto.PublicKey }

func sign(form, by *x509.Certificate, key key, with *ecdsa.PrivateKey) (Pair, error) {
	der, err := x509.CreateCertificate(rand.Reader, form, by, key.Public(), with)
	if err != nil {
		return Pair{}, err
	}
	return encode(der, key)
}

func encode(der []byte, key key) (Pair, error) {
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return Pair{}, err
	}
	return Pair{
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	}, nil
}
