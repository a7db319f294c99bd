package main

import (
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/postrider-mq/postrider"
)

// A node keeps two journals beside that of its own broker. They are checked by what is in them, and not taken for a broker's.
func TestTheJournalsOfANodeAreChecked(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n, err := postrider.Start(t.Context(), postrider.Config{
		Name: "alice", Dir: dir, Peers: map[string]string{"bob": "127.0.0.1:1"}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := n.Peer("bob").Post(t.Context(), "for later")
	if err == nil {
		err = r.WaitFor(t.Context(), postrider.Kept)
	}
	if err == nil {
		err = n.Inbox().Send(t.Context(), "to myself")
	}
	if err != nil {
		t.Fatal(err)
	}
	for m, err := range n.Messages(t.Context()) {
		if err == nil {
			err = m.Ack()
		}
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	n.Close()
	outbox, handled := filepath.Join(dir, "outbox"), filepath.Join(dir, "handled")
	for _, journal := range []string{dir, outbox, handled} {
		runs(t, "journal", "verify", journal).wantsIn(t, exitOK, "intact")
	}
	runs(t, "journal", "inspect", outbox).wants(t, exitFailed, "", "is a node's outbox", "postrider journal verify "+outbox)
	runs(t, "journal", "inspect", handled).wants(t, exitFailed, "", "is what a node has handled")
	path, at := segmentWith(t, outbox, "for later")
	damage(t, path, at, "For")
	runs(t, "journal", "verify", outbox).wantsIn(t, exitDamage, "checksum")
}

// What a directory is called says nothing outside that of a node.
func TestABrokersDirectoryMayBeCalledOutbox(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "outbox")
	b, url := serving(t, "--dir", dir)
	runs(t, "send", "mailbox:jobs", "hello", "--broker", url).wants(t, exitOK, "")
	b.kill()
	runs(t, "journal", "verify", dir).wantsIn(t, exitOK, "intact")
	runs(t, "journal", "inspect", dir).wantsIn(t, exitOK, "Enqueued")
}
