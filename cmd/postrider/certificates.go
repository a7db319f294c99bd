package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"sync"
	"time"

	"github.com/postrider-mq/postrider/internal/socket"
)

// certificates are the files of a listener's TLS. They are read again when they have changed: a handshake looks, at
// most once a second, and so does SIGHUP. What cannot be read or does not fit together changes nothing, and is logged
// as an error; nothing weaker ever takes its place.
type certificates struct {
	cert, key, ca string
	log           *slog.Logger

	mu     sync.Mutex
	config *tls.Config
	state  [3]fileState // of the files that were tried last, good or bad
	looked time.Time
	warned time.Time // of the certificate's end, for the last time
	told   string    // what was said of it then
}

// fileState tells a file from what it was before.
type fileState struct {
	modified time.Time
	size     int64
}

const lookAgain = time.Second

// serverTLS reads the files; nil without a certificate.
func (o *serveOptions) serverTLS(log *slog.Logger) (*certificates, error) {
	switch {
	case o.tlsCert == "" && o.tlsKey == "" && o.tlsCA == "":
		return nil, nil
	case o.tlsCert == "" || o.tlsKey == "":
		return nil, usagef("--tls-cert and --tls-key go together")
	}
	c := &certificates{cert: o.tlsCert, key: o.tlsKey, ca: o.tlsCA, log: log}
	c.state = c.stat()
	var err error
	if c.config, err = c.read(); err != nil {
		return nil, err
	}
	c.warn(time.Now())
	return c, nil
}

func (c *certificates) read() (*tls.Config, error) {
	pair, err := loadPair(c.cert, c.key)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if c.ca != "" {
		if config.ClientCAs, err = readRoots(c.ca); err != nil {
			return nil, err
		}
		config.ClientAuth = tls.VerifyClientCertIfGiven
	}
	return config, nil
}

// loadPair reads a certificate and its key. They may be of two pairs where keys new --renew was killed after the first of its two files.
func loadPair(certificate, key string) (tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err == nil {
		return pair, nil
	}
	err = fmt.Errorf("--tls-cert %s, --tls-key %s: %w", certificate, key, err)
	if strings.Contains(err.Error(), "does not match public key") {
		err = remedied{err, unpaired}
	}
	return pair, err
}

const unpaired = "name the key that belongs to the certificate; after a renewal that was cut short, make both anew: postrider keys new NAME --renew"

func readRoots(path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("--tls-ca: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("--tls-ca %s: no PEM certificate in it", path)
	}
	return roots, nil
}

func (c *certificates) stat() (s [3]fileState) {
	for i, path := range []string{c.cert, c.key, c.ca} {
		if info, err := os.Stat(path); err == nil {
			s[i] = fileState{info.ModTime(), info.Size()}
		}
	}
	return s
}

// current is the configuration for a handshake at now.
func (c *certificates) current(now time.Time) *tls.Config {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.looked) >= lookAgain {
		c.looked = now
		c.look(false)
		c.warn(now)
	}
	return c.config
}

// warnAgain is how often the same is said of a certificate's end while clients come.
const warnAgain = 24 * time.Hour

// warn says when clients are about to refuse the certificate for its age, or do so already. The caller holds mu, or is the only one yet.
func (c *certificates) warn(now time.Time) {
	leaf := c.config.Certificates[0].Leaf
	level, what := slog.LevelError, "the certificate has expired: clients refuse it"
	switch {
	case now.After(leaf.NotAfter):
	case now.Before(leaf.NotBefore):
		what = "the certificate is not valid yet: clients refuse it"
	case now.Add(soonExpired).After(leaf.NotAfter):
		level, what = slog.LevelWarn, "the certificate expires soon"
	default:
		return
	}
	if what == c.told && now.Sub(c.warned) < warnAgain {
		return
	}
	c.warned, c.told = now, what
	c.log.Log(context.Background(), level, what, "certificate", c.cert, "from", leaf.NotBefore.UTC(), "until", leaf.NotAfter.UTC())
}

// reload looks now, and reads the files whether they seem to have changed or not.
func (c *certificates) reload() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.look(true)
	c.warn(time.Now())
}

// look takes files that have changed. The caller holds mu.
func (c *certificates) look(always bool) {
	state := c.stat()
	if state == c.state && !always {
		return
	}
	c.state = state
	config, err := c.read()
	if err != nil {
		c.log.Error("the new TLS files are not used; those from before still are", "error", err)
		return
	}
	c.config, c.warned = config, time.Time{}
	c.log.Info("TLS files read again", "certificate", c.cert)
}

// wrap is a listener with TLS, or ln itself without certificates.
func (c *certificates) wrap(ln net.Listener) net.Listener {
	if c == nil {
		return ln
	}
	return tls.NewListener(socket.Listener(ln), &tls.Config{
		MinVersion:         tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return c.current(time.Now()), nil },
	})
}

// shown is what tells health checks of the certificate; nil without certificates.
func (c *certificates) shown() func() *x509.Certificate {
	if c == nil {
		return nil
	}
	return func() *x509.Certificate { return c.current(time.Now()).Certificates[0].Leaf }
}

// reloadOnSignal reads the files again whenever the process is told to, until stop is called. Without certificates there is nothing to read, and
// it is no reason to end either: neither while the broker starts or stops.
func (c *certificates) reloadOnSignal(log *slog.Logger) (stop func()) {
	if hangup == nil {
		return func() {}
	}
	signals, over := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, hangup)
	go func() {
		defer signal.Stop(signals)
		for {
			select {
			case <-signals:
				if c == nil {
					log.Info("hangup: there are no TLS files to read again")
				} else {
					c.reload()
				}
			case <-over:
				return
			}
		}
	}()
	return func() { close(over) }
}

func (c *certificates) scheme() string {
	if c == nil {
		return "amqp"
	}
	return "amqps"
}
