package postrider_test

import (
	"context"
	"crypto/tls"
	"errors"
	"testing"
	"testing/fstest"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/internal/signer"
)

// family is an authority with the keys of those it has signed.
type family struct {
	t     *testing.T
	by    *signer.Authority
	files fstest.MapFS
}

func newFamily(t *testing.T) *family {
	t.Helper()
	authority, ca, err := signer.New("test", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return &family{t, authority, fstest.MapFS{"ca.pem": {Data: ca.Certificate}}}
}

func (f *family) keys(name string) *postrider.Keys {
	f.t.Helper()
	pair, err := f.by.Issue(name, []string{"127.0.0.1"}, time.Now(), time.Hour)
	if err != nil {
		f.t.Fatal(err)
	}
	f.files[name+".pem"], f.files[name+".key"] = &fstest.MapFile{Data: pair.Certificate}, &fstest.MapFile{Data: pair.Key}
	k, err := postrider.LoadKeys(f.files, name)
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
