package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/access"
)

// certificate makes one for a name, signed by parent or by itself.
func certificate(t *testing.T, name string, parent *tls.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{name},
		IsCA: parent == nil, BasicConstraintsValid: true,
	}
	issuer, signer := template, any(key)
	if parent != nil {
		issuer, signer = parent.Leaf, parent.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// A client whose certificate was signed by whom the broker trusts is the user of that name; one signed by itself is
// not let in, and one without is not offered anything for it.
func TestACertificateInPlaceOfAPassword(t *testing.T) {
	ca := certificate(t, "authority", nil)
	shown := certificate(t, "broker", &ca)
	trusted := x509.NewCertPool()
	trusted.AddCert(ca.Leaf)
	for _, external := range []bool{true, false} {
		b := newBroker(t, func(c *Config) { c.External = external })
		none := ""
		users := b.server.cfg.Access.Users()
		if _, err := users.Put(t.Context(), "billing.example", access.Change{Hash: &none}); err != nil {
			t.Fatal(err)
		}
		if err := users.SetPermission(t.Context(), access.Permission{User: "billing.example", VHost: "/"}); err != nil {
			t.Fatal(err)
		}
		ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
			Certificates: []tls.Certificate{shown}, ClientCAs: trusted, ClientAuth: tls.VerifyClientCertIfGiven,
		})
		if err != nil {
			t.Fatal(err)
		}
		go b.server.Serve(ln)
		try := func(own ...tls.Certificate) string {
			nc, err := net.Dial("tcp", ln.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			p := newPeer(t, tls.Client(nc, &tls.Config{RootCAs: trusted, ServerName: "broker", Certificates: own}))
			p.write([]byte("AMQP\x00\x00\x09\x01"))
			start := expect[*amqp.ConnectionStart](p, 0)
			if strings.Contains(start.Mechanisms, "EXTERNAL") != external {
				t.Errorf("offered %q", start.Mechanisms)
			}
			p.send(0, &amqp.ConnectionStartOk{Mechanism: "EXTERNAL", Locale: "en_US",
				ClientProperties: amqp.Table{"capabilities": amqp.Table{"authentication_failure_close": true}}})
			_, m := p.method()
			if c, ok := m.(*amqp.ConnectionClose); ok {
				return c.ReplyText
			}
			return ""
		}
		got := try(certificate(t, "billing.example", &ca))
		if external != (got == "") {
			t.Errorf("EXTERNAL %t: a good certificate: %q", external, got)
		}
		if got := try(certificate(t, "shop.example", &ca)); got == "" {
			t.Error("a certificate of nobody was let in")
		}
		if got := try(); got == "" {
			t.Error("no certificate was let in")
		}
	}
}

// Whoever comes to a port with TLS and does not get so far is told of with what to do; who only looks whether somebody listens is not.
func TestWhyThereIsNoTLS(t *testing.T) {
	b := newBroker(t)
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate(t, "broker", nil)}})
	if err != nil {
		t.Fatal(err)
	}
	go b.server.Serve(ln)
	for _, come := range []func(net.Conn){
		func(net.Conn) {},
		func(nc net.Conn) {
			nc.Write([]byte("AMQP\x00\x00\x09\x01"))
			nc.Read(make([]byte, 1))
		},
		func(nc net.Conn) { tls.Client(nc, &tls.Config{ServerName: "broker"}).Handshake() },
	} {
		nc, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		come(nc)
		nc.Close()
	}
	b.wantLog("use amqps:// instead of amqp://")
	b.wantLog("see that the client trusts the certificate")
	b.eventually("all are gone", func() bool {
		b.server.doors.mu.Lock()
		defer b.server.doors.mu.Unlock()
		return b.server.doors.all == 0
	})
	if n := strings.Count(b.logged.String(), "WARN"); n != 2 {
		t.Errorf("%d warnings:\n%s", n, b.logged.String())
	}
}
