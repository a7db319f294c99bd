package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/internal/client"
)

// tlsFlags are the flags of a node's TLS.
func (o *nodeOptions) tlsFlags(f *pflag.FlagSet) {
	f.StringVar(&o.tlsCA, "tls-ca", "", "`file` with the certificates to trust, PEM (default the system's)")
	f.StringVar(&o.tlsCert, "tls-cert", "", "`file` with this node's certificate, PEM; with --tls-ca, nodes without one of the same authority are not spoken to")
	f.StringVar(&o.tlsKey, "tls-key", "", "`file` with the certificate's private key, PEM")
	f.StringVar(&o.keys, "keys", "", "`directory` of postrider keys new: takes ca.pem, and the certificate and key that --name names, from there")
}

// tls is the TLS of a node, as a server and as a client; nil without any flags.
func (o *nodeOptions) tls() (*tls.Config, error) {
	if err := o.useKeys(); err != nil {
		return nil, err
	}
	if o.tlsCert == "" {
		if o.tlsCA != "" && o.listen != "" {
			return nil, usagef("with --tls-ca the inbox at --listen speaks TLS, too: give it --tls-cert and --tls-key, or --keys")
		}
		return clientTLS(o.tlsCA)
	}
	pair, err := loadPair(o.tlsCert, o.tlsKey)
	if o.keys != "" && errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s has no certificate of %s: make it with: postrider keys new %s --dir %s", o.keys, o.name, o.name, o.keys)
	}
	if err != nil {
		return nil, err
	}
	cfg := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if o.tlsCA == "" {
		return cfg, nil
	}
	roots, err := readRoots(o.tlsCA)
	if err != nil {
		return nil, err
	}
	cfg.RootCAs, cfg.ClientCAs, cfg.ClientAuth = roots, roots, tls.RequireAndVerifyClientCert
	cfg.VerifyPeerCertificate = client.VerifyFamiliar(roots)
	return cfg, nil
}

// sealing are the keys to seal and open messages with; nil without --sealed.
func (o *nodeOptions) sealing() (*postrider.Keys, error) {
	switch {
	case !o.sealed:
		return nil, nil
	case o.keys == "":
		return nil, usagef("--sealed needs --keys: the directory of the keys, see postrider keys seal --help")
	}
	return postrider.LoadKeys(os.DirFS(o.keys), o.name)
}

// useKeys takes from --keys what the other flags do not say.
func (o *nodeOptions) useKeys() error {
	if (o.tlsCert == "") != (o.tlsKey == "") {
		return usagef("--tls-cert and --tls-key go together")
	}
	if o.keys == "" {
		return nil
	}
	if o.name == "" {
		return usagef("--keys needs --name: whose certificate is taken from %s", o.keys)
	}
	if o.tlsCA == "" {
		o.tlsCA = filepath.Join(o.keys, authorityPEM)
	}
	if o.tlsCert == "" {
		o.tlsCert, o.tlsKey = filepath.Join(o.keys, o.name+".pem"), filepath.Join(o.keys, o.name+".key")
	}
	return nil
}

// fromKeys reports whether all that TLS needs is from --keys, once useKeys was called.
func (o *nodeOptions) fromKeys() bool {
	of := nodeOptions{keys: o.keys, name: o.name}
	return of.useKeys() == nil && o.keys != "" && o.tlsCA == of.tlsCA && o.tlsCert == of.tlsCert && o.tlsKey == of.tlsKey
}

// familiar reports whether nodes know each other by certificates of one authority.
func (o *nodeOptions) familiar() bool { return o.tlsCert != "" && o.tlsCA != "" }

// login is how nodes enter each other's inbox; "" for the usual way.
func (o *nodeOptions) login() (string, error) {
	if !o.familiar() {
		return "", nil
	}
	all, err := readCertificates(o.tlsCA)
	if err != nil {
		return "", err
	}
	return client.FamiliarLogin(all[0]), nil
}

// peerURL is the URL of a peer that --peer names, with what is needed to enter there; "" if it names none.
func (o *nodeOptions) peerURL(name string) (string, error) {
	peers, err := parsePeers(o.peers)
	if err != nil || peers[name] == "" {
		return "", err
	}
	where, err := o.enter(peers[name])
	if err == nil && !strings.Contains(where, "://") {
		where = "amqp://" + where
	}
	return where, err
}

// enter is the URL of a peer with what is needed to enter there.
func (o *nodeOptions) enter(where string) (string, error) {
	login, err := o.login()
	if err != nil || login == "" {
		return where, err
	}
	if !strings.Contains(where, "://") {
		where = "amqps://" + where
	}
	u, err := url.Parse(where)
	if err != nil {
		return "", usageError{errors.Unwrap(err)}
	}
	if u.User == nil {
		name, password, _ := strings.Cut(login, ":")
		u.User = url.UserPassword(name, password)
	}
	return u.String(), nil
}
