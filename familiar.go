package postrider

import (
	"crypto/tls"
	"crypto/x509"
	"strings"
	"time"

	"github.com/postrider-mq/postrider/internal/client"
	"github.com/postrider-mq/postrider/internal/seal"
)

// TLS is a new configuration for nodes that know each other by their keys, as [Config.TLS] takes it: as a server and as a client it shows this node's certificate
// and trusts the authority alone. Who has no certificate of it is not let in and not sent to. It is what was read last; with [Keys.Secure] a
// certificate that is replaced is shown without a restart.
func (k *Keys) TLS() *tls.Config {
	r := k.current()
	cfg := r.familiarTLS()
	cfg.Certificates = []tls.Certificate{r.pair}
	return cfg
}

func (r *keyring) familiarTLS() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, RootCAs: r.roots, ClientCAs: r.roots, ClientAuth: tls.RequireAndVerifyClientCert,
		VerifyPeerCertificate: client.VerifyFamiliar(r.roots),
	}
}

// Secure sets TLS, Users and Login of a configuration, so that the node lets in and sends to those nodes that have a certificate of the same authority, and nobody
// else; those of the command line that are started with --keys, too. Peers are named as host:port or amqps://host:port, or found through the brokers. It
// seals nothing: that is [Config.Keys].
//
// A certificate that is replaced is shown from the next connection on: its files are looked at again for each, at most once a second. What cannot be read, or
// is not of the authority that was there at the start, changes nothing.
func (k *Keys) Secure(cfg *Config) {
	r := k.current()
	name, password, _ := strings.Cut(r.login, ":")
	cfg.Login, cfg.Users = r.login, map[string]string{name: password}
	cfg.shown = k.shown
	cfg.TLS = r.familiarTLS()
	cfg.TLS.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return k.shown(), nil }
	cfg.TLS.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return k.shown(), nil }
}

// shown is the certificate that is shown now.
func (k *Keys) shown() *tls.Certificate {
	if k.showing.TryLock() { // else somebody is about it
		defer k.showing.Unlock()
		if now := time.Now(); now.Sub(k.looked) >= lookAgain {
			k.looked = now
			k.renew(now)
		}
	}
	return &k.current().pair
}

// renew takes this node's certificate from its files, if it is a good one.
func (k *Keys) renew(now time.Time) {
	id, pair, err := readIdentity(k.files, k.name)
	if err != nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if seal.SignedBy(k.ring.roots, id.Certificate, now) != nil {
		return
	}
	ring := *k.ring
	ring.identity, ring.pair = id, pair
	k.ring = &ring
}

// familiarLogin is how nodes of an authority enter each other's inbox.
func familiarLogin(authority []byte) (string, error) {
	all := pemBlocks(authority, "CERTIFICATE")
	if len(all) == 0 {
		return "", errNoCertificate
	}
	c, err := x509.ParseCertificate(all[0])
	if err != nil {
		return "", err
	}
	return client.FamiliarLogin(c), nil
}
