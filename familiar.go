package postrider

import (
	"crypto/tls"
	"crypto/x509"
	"strings"

	"github.com/postrider-mq/postrider/internal/client"
)

// TLS is a new configuration for nodes that know each other by their keys, as [Config.TLS] takes it: as a server and as a client it shows this node's certificate
// and trusts the authority alone. Who has no certificate of it is not let in and not sent to. It is what was read last: a certificate that is
// replaced is shown after the next start.
func (k *Keys) TLS() *tls.Config {
	r := k.current()
	return &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{r.pair},
		RootCAs: r.roots, ClientCAs: r.roots, ClientAuth: tls.RequireAndVerifyClientCert,
		VerifyPeerCertificate: client.VerifyFamiliar(r.roots),
	}
}

// Secure sets TLS, Users and Login of a configuration, so that the node lets in and sends to those nodes that have a certificate of the same authority, and nobody
// else; those of the command line that are started with --keys, too. Peers are named as amqps://host:port, or found through the brokers. It
// seals nothing: that is [Config.Keys].
func (k *Keys) Secure(cfg *Config) {
	r := k.current()
	name, password, _ := strings.Cut(r.login, ":")
	cfg.TLS, cfg.Login, cfg.Users = k.TLS(), r.login, map[string]string{name: password}
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
