package postridertest

import (
	"io/fs"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/internal/seal"
	"github.com/postrider-mq/postrider/internal/signer"
)

// Keys is an authority and what it has signed, for tests of sealed messages, see [postrider.Config.Keys]:
//
//	keys := postridertest.NewKeys(t, "peer:bob", "mailbox:jobs")
//	alice := net.Node("alice", keys.For("alice"))                    // can send to both
//	bob := net.Node("bob", keys.For("bob", "mailbox:jobs"))          // can receive from both
//
// Any goroutine may use it.
type Keys struct {
	t         testing.TB
	authority *signer.Authority

	mu     sync.Mutex
	public fstest.MapFS            // what everybody has
	secret map[string][]byte       // private keys, by target
	rings  map[*ring][]seal.Target // what has been given out
}

// NewKeys returns an authority with a key for each of the targets, which are written as peer:bob and mailbox:jobs.
func NewKeys(t testing.TB, targets ...string) *Keys {
	t.Helper()
	a, pair, err := signer.New("postridertest", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	k := &Keys{t: t, authority: a, public: fstest.MapFS{"ca.pem": file(pair.Certificate)}, secret: make(map[string][]byte), rings: make(map[*ring][]seal.Target)}
	for _, target := range targets {
		k.Replace(target)
	}
	return k
}

func file(b []byte) *fstest.MapFile { return &fstest.MapFile{Data: b, Mode: 0o600} }

const year = 365 * 24 * time.Hour

// Replace makes a new key for a target, in front of those that it has. Nodes that have had their keys from For get it without
// being told, when they look for keys again.
func (k *Keys) Replace(target string) {
	k.t.Helper()
	t := k.parse(target)
	pair, err := k.authority.IssueSealing(t.Name, t.URI(), time.Now(), year)
	if err != nil {
		k.t.Fatal(err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	base := t.File()
	if old := k.public[base+".pem"]; old != nil {
		pair.Certificate = append(pair.Certificate, old.Data...)
	}
	k.public[base+".pem"] = file(pair.Certificate)
	k.secret[base] = append(pair.Key, k.secret[base]...)
	for r, private := range k.rings {
		r.set(k.files(r.own, private))
	}
}

func (k *Keys) parse(target string) seal.Target {
	k.t.Helper()
	t, err := seal.ParseTarget(target)
	if err != nil {
		k.t.Fatal(err)
	}
	return t
}

// Of returns the keys of the node of that name: all public ones, the private one of its own inbox, and those of the mailboxes that it works on.
func (k *Keys) Of(name string, mailboxes ...string) *postrider.Keys {
	k.t.Helper()
	pair, err := k.authority.Issue(name, []string{name}, time.Now(), year)
	if err != nil {
		k.t.Fatal(err)
	}
	r := &ring{own: fstest.MapFS{name + ".pem": file(pair.Certificate), name + ".key": file(pair.Key)}}
	private := []seal.Target{{Kind: seal.Peer, Name: name}}
	for _, m := range mailboxes {
		private = append(private, k.parse(m))
	}
	k.mu.Lock()
	k.rings[r] = private
	r.set(k.files(r.own, private))
	k.mu.Unlock()
	keys, err := postrider.LoadKeys(r, name)
	if err != nil {
		k.t.Fatal(err)
	}
	return keys
}

// For gives a node its keys, see Of: it changes a configuration, as [Network.Node] takes it.
func (k *Keys) For(name string, mailboxes ...string) func(*postrider.Config) {
	k.t.Helper()
	keys := k.Of(name, mailboxes...)
	return func(cfg *postrider.Config) { cfg.Keys = keys }
}

// files are those of one node. The caller holds mu.
func (k *Keys) files(own fstest.MapFS, private []seal.Target) fstest.MapFS {
	all := make(fstest.MapFS)
	for _, from := range []fstest.MapFS{k.public, own} {
		for name, f := range from {
			all[name] = f
		}
	}
	for _, t := range private {
		if secret := k.secret[t.File()]; secret != nil {
			all[t.File()+".key"] = file(secret)
		}
	}
	return all
}

// Leave has the node of that name not be given what is made from now on: it keeps the keys that it has.
func (k *Keys) Leave(name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for r := range k.rings {
		if r.own[name+".pem"] != nil {
			delete(k.rings, r)
		}
	}
}

// ring is the files of one node, as they are now.
type ring struct {
	own fstest.MapFS

	mu  sync.Mutex
	now fstest.MapFS
}

func (r *ring) set(files fstest.MapFS) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = files
}

// Open implements fs.FS.
func (r *ring) Open(name string) (fs.File, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now.Open(name)
}
