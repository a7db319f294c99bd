package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"runtime"
	"time"
)

// soonExpired is how long before its end a certificate is warned of.
const soonExpired = 14 * 24 * time.Hour

// certificates looks at the files of TLS.
func (d *doctor) certificates(now time.Time) {
	if d.o.tlsCert != "" {
		d.pair(now)
	}
	if d.o.tlsCA != "" {
		all, err := readCertificates(d.o.tlsCA)
		if err != nil {
			d.bad("tls-ca", "name a file of PEM certificates", "%v", err)
		}
		for _, c := range all {
			d.lasts("tls-ca", d.o.tlsCA, c, now)
		}
	}
}

// pair looks at a certificate and its key.
func (d *doctor) pair(now time.Time) {
	all, err := readCertificates(d.o.tlsCert)
	if err != nil {
		d.bad("tls-cert", "name a file of PEM certificates, the server's first", "%v", err)
		return
	}
	for _, c := range all {
		d.lasts("tls-cert", d.o.tlsCert, c, now)
	}
	if c := all[0]; len(c.DNSNames) == 0 && len(c.IPAddresses) == 0 {
		d.warn("tls-cert", "have one made with the names by which clients call the server: see postrider keys", "%s has no subject alternative name: clients refuse it unless they know its key", d.o.tlsCert)
	}
	if _, err := tls.LoadX509KeyPair(d.o.tlsCert, d.o.tlsKey); err != nil {
		d.bad("tls-key", unpaired, "%s: %v", d.o.tlsKey, cause(err))
		return
	}
	d.paired = true
	if info, err := os.Stat(d.o.tlsKey); err == nil && info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		d.warn("tls-key", "chmod 600 "+d.o.tlsKey, "%s has the mode %04o: others may read it", d.o.tlsKey, info.Mode().Perm())
	}
}

// lasts tells how long a certificate is valid.
func (d *doctor) lasts(check, path string, c *x509.Certificate, now time.Time) {
	who := c.Subject.CommonName
	if who == "" && len(c.DNSNames) > 0 {
		who = c.DNSNames[0]
	}
	day := func(t time.Time) string { return t.UTC().Format(time.DateOnly) }
	const anew = "have a new one made: see postrider keys; postrider serve reads it without a restart"
	switch {
	case now.After(c.NotAfter):
		d.bad(check, anew, "%s: the certificate of %q has expired on %s", path, who, day(c.NotAfter))
	case now.Before(c.NotBefore):
		d.bad(check, "see that the clock is right", "%s: the certificate of %q is not valid before %s", path, who, day(c.NotBefore))
	case now.Add(soonExpired).After(c.NotAfter):
		d.warn(check, anew, "%s: the certificate of %q expires on %s", path, who, day(c.NotAfter))
	default:
		d.ok(check, "%s: the certificate of %q is valid until %s", path, who, day(c.NotAfter))
	}
}

// readCertificates reads all certificates of a file, at least one.
func readCertificates(path string) (all []*x509.Certificate, err error) {
	rest, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		all = append(all, c)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: no PEM certificate in it", path)
	}
	return all, nil
}
