package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/postrider-mq/postrider"
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
	runs(t, "receive", "mailbox:jobs", "--count", "1", "--broker", url).wants(t, exitFailed, "", "there is no key for it", "give --sealed, --keys DIR")
	runs(t, "mailbox", "peek", "jobs.dead", "--broker", url).wants(t, exitFailed, "", "jobs.dead") // nobody has lost it
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

// A renewal that was killed between its two files has left a private key too many. The next one loses none of those that are needed.
func TestARenewalOfSealingKeysThatWasCutShort(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	runs(t, "keys", "new", "alice", "bob", "--dir", dir).wants(t, exitOK, "")
	runs(t, "keys", "seal", "mailbox:jobs", "--dir", dir).wants(t, exitOK, "")
	_, url := serving(t, "--memory")
	keys := []string{"--keys", dir, "--sealed", "--broker", url}
	runs(t, append([]string{"send", "mailbox:jobs", "to the old key", "--name", "alice"}, keys...)...).wants(t, exitOK, "")
	certificates := filepath.Join(dir, "jobs.mailbox.pem")
	former, err := os.ReadFile(certificates)
	if err != nil {
		t.Fatal(err)
	}
	renew := []string{"keys", "seal", "mailbox:jobs", "--dir", dir, "--renew"}
	runs(t, renew...).wants(t, exitOK, "")
	if err := os.WriteFile(certificates, former, 0o600); err != nil {
		t.Fatal(err)
	}
	runs(t, renew...).wants(t, exitOK, "")
	runs(t, append([]string{"receive", "mailbox:jobs", "--count", "1", "--name", "bob"}, keys...)...).wants(t, exitOK, "to the old key\n")
}

func TestKeysToSealToAreNamedRightly(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "keys")
	for _, wrong := range []string{"jobs", "mailbox:", "topic:prices"} {
		runs(t, "keys", "seal", wrong, "--dir", dir).wants(t, exitUsage, "", "want peer:NAME or mailbox:NAME")
	}
	runs(t, "keys", "new", "jobs.mailbox", "--dir", dir).wants(t, exitUsage, "", "keys to seal to")
	runs(t, "keys", "seal", "mailbox:a/b", "--dir", dir).wants(t, exitOK, "")
	runs(t, "keys", "share", "alice", "--dir", dir, "--to", filepath.Join(dir, "x")).wants(t, exitFailed, "", "no certificate of alice", "postrider keys new alice")
	runs(t, "keys", "share", "alice", "--dir", dir).wants(t, exitUsage, "", "--to")
	runs(t, "send", "mailbox:jobs", "x", "--sealed").wants(t, exitUsage, "", "--sealed needs --keys")
}

// rejects has a worker with alice's keys give the next message of jobs up.
func rejects(t *testing.T, url, dir string) {
	t.Helper()
	keys, err := postrider.LoadKeys(os.DirFS(dir), "alice")
	if err != nil {
		t.Fatal(err)
	}
	n, err := postrider.Start(t.Context(), postrider.Config{Name: "alice", Brokers: []string{url}, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	seen := make(chan struct{}, 1)
	err = n.Handle(t.Context(), n.Mailbox("jobs"), func(context.Context, *postrider.Message) error {
		seen <- struct{}{}
		return postrider.Reject(errors.New("a secret reason"))
	})
	if err != nil {
		t.Fatal(err)
	}
	<-seen
	if err := n.Shutdown(t.Context()); err != nil { // which waits for the letter to be safe
		t.Fatal(err)
	}
}

// Who looks at the dead letters of a sealed mailbox sees what is in them if he has its key, and can give them another try.
func TestASealedDeadLetterIsShownToWhoHasItsKeyAndTriedAgain(t *testing.T) {
	t.Parallel()
	dir, without := filepath.Join(t.TempDir(), "keys"), filepath.Join(t.TempDir(), "without")
	runs(t, "keys", "new", "alice", "--dir", dir).wants(t, exitOK, "")
	runs(t, "keys", "seal", "mailbox:jobs", "--dir", dir).wants(t, exitOK, "")
	runs(t, "keys", "share", "alice", "--dir", dir, "--to", without).wants(t, exitOK, "")
	_, url := serving(t, "--memory")
	at := func(args ...string) []string { return append(args, "--broker", url) }
	with := func(args ...string) []string { return append(at(args...), "--name", "alice", "--keys", dir) }

	runs(t, with("send", "mailbox:jobs", "a secret", "--sealed", "--id", "m-1", "--key", "k", "--header", "colour=red")...).wants(t, exitOK, "")
	runs(t, at("mailbox", "peek", "jobs")...).wantsIn(t, exitOK, "(sealed, ")
	runs(t, with("mailbox", "peek", "jobs")...).wants(t, exitOK, "a secret\n")
	var peeked received
	decodeLines(t, runs(t, with("mailbox", "peek", "jobs", "--json")...).stdout, &peeked)
	if peeked.Body != "a secret" || peeked.SealedBy != "alice" || peeked.Key != "k" || peeked.Headers["colour"] != "red" {
		t.Errorf("%+v", peeked)
	}

	rejects(t, url, dir)
	show := []string{"dead", "show", "jobs", "m-1"}
	o := runs(t, at(show...)...)
	o.wantsIn(t, exitOK, "content type   application/vnd.postrider.sealed\n")
	o.wantsIn(t, exitOK, "to open it: --keys DIR and --name NAME)\n")
	runs(t, append(at(show...), "--name", "alice", "--keys", without)...).wantsIn(t, exitOK, "its key is not here: "+without)
	o = runs(t, with(show...)...)
	o.wantsIn(t, exitOK, "sealed by      alice\n")
	o.wantsIn(t, exitOK, "\n\na secret\n")

	runs(t, at("dead", "redrive", "jobs")...).wants(t, exitOK, "1 message is back in jobs\n")
	var got received
	decodeLines(t, runs(t, with("receive", "mailbox:jobs", "--sealed", "--count", "1", "--json")...).stdout, &got)
	if got.Body != "a secret" || got.Key != "k" || got.SealedBy != "alice" {
		t.Errorf("%+v", got)
	}

	// Why a handler failed is sealed as the message is.
	runs(t, with("send", "mailbox:jobs", "x", "--sealed", "--id", "m-1")...).wants(t, exitOK, "")
	rejects(t, url, dir)
	if o := runs(t, at(show...)...); strings.Contains(o.stdout, "secret") || !strings.Contains(o.stdout, "sealed, as the message is") {
		t.Errorf("%+v", o)
	}
	runs(t, with(show...)...).wantsIn(t, exitOK, "reason         a secret reason\n")
}
