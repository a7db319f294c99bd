package node

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
)

// keys is the TLS by which nodes let nobody in, and send to nobody, whose certificate is not of their authority; nil without any.
func (c *Config) keys() (*tls.Config, error) {
	if c.Keys == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(c.Keys, c.Name+".pem"), filepath.Join(c.Keys, c.Name+".key"))
	if err != nil {
		return nil, err
	}
	authority, err := os.ReadFile(filepath.Join(c.Keys, "ca.pem"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		return nil, fmt.Errorf("%s: no certificate is in ca.pem", c.Keys)
	}
	return &tls.Config{
		Certificates: []tls.Certificate{pair}, RootCAs: roots, ClientCAs: roots, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS13,
	}, nil
}
