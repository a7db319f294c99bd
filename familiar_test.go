package postrider_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/internal/signer"
)

// family is an authority with the keys of those it has signed, in a directory.
type family struct {
	t   *testing.T
	by  *signer.Authority
	dir string
}

func newFamily(t *testing.T) *family {
	t.Helper()
	authority, ca, err := signer.New("test", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	f := &family{t, authority, t.TempDir()}
	f.put("ca.pem", ca.Certificate)
	return f
}

func (f *family) put(name string, content []byte) {
	f.t.Helper()
	if err := os.WriteFile(filepath.Join(f.dir, name), content, 0o600); err != nil {
		f.t.Fatal(err)
	}
}

func (f *family) get(name string) []byte {
	f.t.Helper()
	b, err := os.ReadFile(filepath.Join(f.dir, name))
	if err != nil {
		f.t.Fatal(err)
	}
	return b
}

// issue makes a new certificate, and puts it where the one before was.
func (f *family) issue(name string, hosts ...string) *x509.Certificate {
	f.t.Helper()
	pair, err := f.by.Issue(name, hosts, time.Now(), time.Hour)
	if err != nil {
		f.t.Fatal(err)
	}
	f.put(name+".pem", pair.Certificate)
	f.put(name+".key", pair.Key)
	block, _ := pem.Decode(pair.Certificate)
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		f.t.Fatal(err)
	}
	return c
}

func (f *family) keys(name string) *postrider.Keys {
	f.t.Helper()
	f.issue(name, "127.0.0.1")
	k, err := postrider.LoadKeys(os.DirFS(f.dir), name)
	if err != nil {
		f.t.Fatal(err)
	}
	return k
}

func TestNodesOfOneAuthorityLetInAndSendToNobodyElse(t *testing.T) {
	ours, theirs := newFamily(t), newFamily(t)
	secured := func(name string, by *family, cfg postrider.Config) *postrider.Node {
		t.Helper()
		cfg.Name = name
		by.keys(name).Secure(&cfg)
		return start(t, cfg)
	}
	bob := secured("bob", ours, postrider.Config{Listen: "127.0.0.1:0"})
	impostor := secured("bob", theirs, postrider.Config{Listen: "127.0.0.1:0"})
	to := func(n *postrider.Node) map[string]string {
		return map[string]string{"bob": "amqps://" + n.Addr().String()}
	}

	if err := secured("alice", ours, postrider.Config{Peers: to(bob)}).Peer("bob").Send(t.Context(), "x"); err != nil {
		t.Error("one of the same authority:", err)
	}
	if err := secured("alan", ours, postrider.Config{Peers: map[string]string{"bob": bob.Addr().String()}}).Peer("bob").Send(t.Context(), "x"); err != nil {
		t.Error("one of the same authority, by host and port:", err)
	}
	plain := "amqp://" + bob.Addr().String()
	cfg := postrider.Config{Name: "ann", Peers: map[string]string{"bob": plain}}
	ours.keys("ann").Secure(&cfg)
	if _, err := postrider.Start(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "without TLS") {
		t.Error("a peer without TLS:", err)
	}
	if err := secured("ada", ours, postrider.Config{}).Peer(plain+"/bob").Send(t.Context(), "x"); !errors.Is(err, postrider.ErrNoSuchTarget) {
		t.Error("a URL without TLS:", err)
	}
	for who, n := range map[string]*postrider.Node{
		"a stranger":                     secured("eve", theirs, postrider.Config{Peers: to(bob)}),
		"who sends to a stranger":        secured("carol", ours, postrider.Config{Peers: to(impostor)}),
		"who trusts us and has no proof": start(t, postrider.Config{Name: "mallory", Peers: to(bob), TLS: &tls.Config{RootCAs: ours.keys("dan").TLS().RootCAs}}),
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		err := n.Peer("bob").Send(ctx, "x")
		cancel()
		if !errors.Is(err, postrider.ErrPeerDown) {
			t.Errorf("%s: %v", who, err)
		}
	}
}

// Who may bind queues on the brokers may answer for anybody; where the way is to be secret, he gets nothing by it without TLS.
func TestACardWithoutTLSIsNotFollowedWhereThereIsTLS(t *testing.T) {
	mq, f := []string{brokerOverTCP(t)}, newFamily(t)
	cfg := postrider.Config{Name: "alice", Brokers: mq}
	f.keys("alice").Secure(&cfg)
	alice := start(t, cfg)
	start(t, postrider.Config{Name: "bob", Listen: "127.0.0.1:0", Brokers: mq, Users: cfg.Users}) // that they are is no secret
	fate(t, sendInVain(t, alice.Peer("bob"), "without TLS"), false, postrider.ErrPeerDown)
}

// handshake is what a server and its client show each other.
func handshake(t *testing.T, server, client *tls.Config) (ofServer, ofClient *x509.Certificate) {
	t.Helper()
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	client = client.Clone()
	client.ServerName = "127.0.0.1"
	in, out := tls.Server(near, server), tls.Client(far, client)
	failed := make(chan error, 1)
	go func() { failed <- in.Handshake() }()
	if err := errors.Join(out.Handshake(), <-failed); err != nil {
		t.Fatal(err)
	}
	return out.ConnectionState().PeerCertificates[0], in.ConnectionState().PeerCertificates[0]
}

func TestACertificateThatIsReplacedIsShownWithoutARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, others := newFamily(t), newFamily(t)
		var alice, bob postrider.Config
		f.keys("alice").Secure(&alice)
		f.keys("bob").Secure(&bob)
		shown := func(when string, ofBob, ofAlice *x509.Certificate) {
			t.Helper()
			if b, a := handshake(t, bob.TLS, alice.TLS); !b.Equal(ofBob) || !a.Equal(ofAlice) {
				t.Errorf("%s another certificate is shown", when)
			}
		}
		ofBob, ofAlice := f.issue("bob", "127.0.0.1"), f.issue("alice")
		shown("after a change", ofBob, ofAlice)
		time.Sleep(time.Second)
		ofBob = f.issue("bob", "127.0.0.1")
		shown("a second later, after another", ofBob, ofAlice)

		good := f.get("bob.key")
		for what, spoil := range map[string]func(){
			"half of it is replaced": func() { f.issue("bob", "127.0.0.1"); f.put("bob.key", good) },
			"it is gone":             func() { os.Remove(filepath.Join(f.dir, "bob.pem")) },
			"it is another's":        func() { f.put("bob.pem", f.get("alice.pem")); f.put("bob.key", f.get("alice.key")) },
			"another authority signed it": func() {
				others.issue("bob", "127.0.0.1")
				f.put("bob.pem", others.get("bob.pem"))
				f.put("bob.key", others.get("bob.key"))
			},
		} {
			spoil()
			time.Sleep(time.Second)
			shown("when "+what, ofBob, ofAlice)
		}
	})
}

// Whoever finds a node through the broker knows it by the key that it shows at that time: its certificate is good for no host.
func TestWhoIsFoundAfterItsCertificateWasReplacedIsKnown(t *testing.T) {
	f := newFamily(t)
	mq := []string{brokerOverTCP(t)}
	secured := func(name string) *postrider.Node {
		cfg := postrider.Config{Name: name, Listen: "127.0.0.1:0", Brokers: mq}
		f.keys(name).Secure(&cfg)
		return start(t, cfg)
	}
	secured("bob")
	f.issue("bob")
	if err := secured("alice").Peer("bob").Send(soon(t), "x"); err != nil {
		t.Error(err)
	}
}

func TestALoginIsForPeersWhoseAddressHasNone(t *testing.T) {
	bob := start(t, postrider.Config{Name: "bob", Listen: "127.0.0.1:0", Users: map[string]string{"shop": "secret"}})
	at := bob.Addr().String()
	for _, where := range []string{at, "amqp://" + at, "amqp://shop:secret@" + at} {
		login := "shop:secret"
		if len(where) > len("amqp://"+at) { // its own counts
			login = "shop:wrong"
		}
		n := start(t, postrider.Config{Name: "alice", Login: login, Peers: map[string]string{"bob": where}})
		if err := n.Peer("bob").Send(t.Context(), "x"); err != nil {
			t.Errorf("%s: %v", where, err)
		}
		if err := n.Peer("amqp://"+at+"/bob").Send(t.Context(), "x"); login == "shop:secret" && err != nil {
			t.Errorf("by a URL: %v", err)
		}
	}
}
