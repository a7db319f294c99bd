package postrider

import (
	"testing"
	"testing/fstest"
	"time"

	"github.com/postrider-mq/postrider/internal/seal"
	"github.com/postrider-mq/postrider/internal/signer"
)

// Somebody keeps a copy of what was replaced beside the files, under a name that comes later.
func TestTheNewestKeyIsUsedWhateverItsFile(t *testing.T) {
	now := time.Now()
	authority, ca, err := signer.New("test", now)
	if err != nil {
		t.Fatal(err)
	}
	alice, err := authority.Issue("alice", nil, now, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	bob := seal.Target{Kind: seal.Peer, Name: "bob"}
	file := func(pem []byte) *fstest.MapFile { return &fstest.MapFile{Data: pem} }
	key := func(issued time.Time) []byte {
		pair, err := authority.IssueSealing(bob.Name, bob.URI(), issued, 3*time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return pair.Certificate
	}
	files := fstest.MapFS{
		"ca.pem": file(ca.Certificate), "alice.pem": file(alice.Certificate), "alice.key": file(alice.Key),
		"bob.peer.pem": file(key(now)), "old bob.peer.pem": file(key(now.Add(-time.Hour))),
	}
	both, err := readKeys(files, "alice", now)
	if err != nil {
		t.Fatal(err)
	}
	delete(files, "old bob.peer.pem")
	newest, err := readKeys(files, "alice", now)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := both.to[bob].ID, newest.to[bob].ID; got != want {
		t.Errorf("what is for bob is sealed to the key %v, and not to the newest, %v", got, want)
	}
}
