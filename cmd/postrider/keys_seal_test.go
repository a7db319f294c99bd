package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// keys seal makes a mailbox's key, keys share hands it to those who work on it, and --sealed is all that they have to say.
func TestAMailboxIsSealed(t *testing.T) {
	t.Parallel()
	all := filepath.Join(t.TempDir(), "keys")
	runs(t, "keys", "new", "alice", "bob", "--dir", all).wants(t, exitOK, "")
	runs(t, "keys", "seal", "peer:bob", "mailbox:jobs", "--dir", all).wants(t, exitOK, "")
	ofAlice, ofBob := filepath.Join(t.TempDir(), "alice"), filepath.Join(t.TempDir(), "bob")
	runs(t, "keys", "share", "alice", "--dir", all, "--to", ofAlice).wants(t, exitOK, "")
	runs(t, "keys", "share", "bob", "mailbox:jobs", "--dir", all, "--to", ofBob).wants(t, exitOK, "")
	wantFiles := func(dir string, names ...string) {
		t.Helper()
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range entries {
			got = append(got, e.Name())
			if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v, %v", e.Name(), info, err)
			}
		}
		if strings.Join(got, " ") != strings.Join(names, " ") {
			t.Errorf("%s has %v, want %v", dir, got, names)
		}
	}
	wantFiles(ofAlice, "alice.key", "alice.pem", "bob.peer.pem", "ca.pem", "jobs.mailbox.pem")
	wantFiles(ofBob, "bob.key", "bob.peer.key", "bob.peer.pem", "bob.pem", "ca.pem", "jobs.mailbox.key", "jobs.mailbox.pem")

	_, url := serving(t, "--memory")
	alice := func(args ...string) []string {
		return append(args, "--name", "alice", "--keys", ofAlice, "--sealed", "--broker", url)
	}
	bob := func(args ...string) []string {
		return append(args, "--name", "bob", "--keys", ofBob, "--sealed", "--broker", url)
	}
	runs(t, alice("send", "mailbox:jobs", "for bob's eyes only", "--header", "colour=red", "--id", "m-1")...).wants(t, exitOK, "")
	o := runs(t, "mailbox", "peek", "jobs", "--broker", url, "--json")
	if o.code != exitOK || strings.Contains(o.stdout, "eyes") || strings.Contains(o.stdout, "colour") || !strings.Contains(o.stdout, "m-1") {
		t.Errorf("on the broker: %+v", o)
	}
	runs(t, alice("receive", "mailbox:jobs", "--count", "1")...).wants(t, exitFailed, "", "nothing that is sealed to mailbox:jobs could be opened here")
	runs(t, alice("send", "mailbox:orders", "x")...).wants(t, exitFailed, "", "nothing can be sealed to mailbox:orders", "postrider keys seal")
	runs(t, alice("send", "topic:prices", "x")...).wants(t, exitFailed, "", "what goes to a topic is not sealed")
	var got received
	decodeLines(t, runs(t, bob("receive", "mailbox:jobs", "--count", "1", "--json")...).stdout, &got)
	if got.Body != "for bob's eyes only" || got.SealedBy != "alice" || got.Headers["colour"] != "red" {
		t.Errorf("%+v", got)
	}
	// The key is replaced: what was sealed to the old one can be read.
	runs(t, alice("send", "mailbox:jobs", "to the old key")...).wants(t, exitOK, "")
	runs(t, "keys", "seal", "mailbox:jobs", "--dir", all).wants(t, exitFailed, "", "jobs.mailbox.pem exists", "--renew")
	runs(t, "keys", "seal", "mailbox:jobs", "--dir", ofBob).wants(t, exitFailed, "", "--renew")
	runs(t, "keys", "seal", "mailbox:jobs", "--dir", all, "--renew").wants(t, exitOK, "")
	runs(t, "keys", "share", "alice", "--dir", all, "--to", ofAlice).wants(t, exitOK, "")
	runs(t, alice("send", "mailbox:jobs", "to the new key")...).wants(t, exitOK, "")
	runs(t, bob("receive", "mailbox:jobs", "--count", "1")...).wants(t, exitOK, "to the old key\n")
	runs(t, "keys", "share", "bob", "mailbox:jobs", "--dir", all, "--to", ofBob).wants(t, exitOK, "")
	runs(t, bob("receive", "mailbox:jobs", "--count", "1")...).wants(t, exitOK, "to the new key\n")
	shown := runs(t, "keys", "show", "jobs.mailbox", "--dir", ofBob)
	if strings.Count(shown.stdout, "\n") != 3 || !strings.Contains(shown.stdout, "  sealing to mailbox:jobs\n") || !strings.Contains(shown.stdout, "  opening what was sealed to mailbox:jobs\n") {
		t.Error(shown.stdout)
	}
	// What is not sealed is not taken.
	runs(t, "send", "mailbox:jobs", "plain", "--broker", url).wants(t, exitOK, "")
	worker := start(t, bob("receive", "mailbox:jobs")...)
	runs(t, "receive", "mailbox:jobs.dead", "--count", "1", "--timeout", "1m", "--broker", url).wants(t, exitOK, "plain\n")
	if o := worker.stop(); o.stdout != "" {
		t.Errorf("%+v", o)
	}
}

func TestKeysToSealToAreNamedRightly(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "keys")
	for _, wrong := range []string{"jobs", "mailbox:", "topic:prices"} {
		runs(t, "keys", "seal", wrong, "--dir", dir).wants(t, exitUsage, "", "want peer:NAME or mailbox:NAME")
	}
	runs(t, "keys", "new", "jobs.mailbox", "--dir", dir).wants(t, exitUsage, "", "keys to seal to")
	runs(t, "keys", "seal", "mailbox:a/b", "--dir", dir).wants(t, exitOK, "")
	runs(t, "keys", "share", "alice", "--dir", dir, "--to", filepath.Join(dir, "x")).wants(t, exitFailed, "", "alice.pem")
	runs(t, "keys", "share", "alice", "--dir", dir).wants(t, exitUsage, "", "--to")
	runs(t, "send", "mailbox:jobs", "x", "--sealed").wants(t, exitUsage, "", "--sealed needs --keys")
}
