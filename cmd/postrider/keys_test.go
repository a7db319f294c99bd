package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/internal/seal"
	"github.com/postrider-mq/postrider/internal/signer"
)

// Two commands, and nobody else reads a message: keys new, and --keys wherever a node is started.
func TestNodesWithKeysOfOneAuthoritySpeakToEachOtherAlone(t *testing.T) {
	t.Parallel()
	dir, strange := filepath.Join(t.TempDir(), "keys"), filepath.Join(t.TempDir(), "strange")
	host := addressOfThisHost(t)
	runs(t, "keys", "new", "alice", "bob", "--host", host, "--dir", dir).wants(t, exitOK, "")
	runs(t, "keys", "new", "alice", "bob", "--host", host, "--dir", strange).wants(t, exitOK, "")
	_, url := serving(t, "--memory")
	bob := start(t, "receive", "inbox", "--name", "bob", "--listen", host+":0", "--keys", dir, "--broker", url)
	at := bob.inbox()
	address := strings.TrimSuffix(strings.TrimPrefix(at, "amqps://"), "/bob")
	alice := []string{"--name", "alice", "--keys", dir, "--timeout", "30s"}
	runs(t, append(alice, "send", "peer:bob", "by its address", "--peer", "bob="+address)...).wants(t, exitOK, "")
	runs(t, append(alice, "send", at, "by its URL")...).wants(t, exitOK, "")
	runs(t, append(alice, "send", "peer:bob", "found", "--broker", url)...).wants(t, exitOK, "")
	runs(t, append(alice, "ping", "peer:bob", "--count", "1", "--broker", url)...).wantsIn(t, exitOK, at[:len(at)-len("/bob")]+" is bob (Postrider ")
	k, err := postrider.LoadKeys(os.DirFS(dir), "alice")
	if err != nil {
		t.Fatal(err)
	}
	for _, program := range []postrider.Config{ // nodes of the Go API, with the same keys
		{Peers: map[string]string{"bob": "amqps://" + address}}, {Brokers: []string{url}},
	} {
		program.Name = "alice"
		k.Secure(&program)
		n, err := postrider.Start(t.Context(), program)
		if err == nil {
			err = n.Peer("bob").Send(t.Context(), "from a program")
			n.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, stranger := range [][]string{
		{"send", "peer:bob", "x", "--peer", "bob=" + strings.TrimSuffix(at, "/bob"), "--timeout", "300ms", "--tls-ca", filepath.Join(dir, "ca.pem")},
		{"send", "peer:bob", "x", "--peer", "bob=" + address, "--timeout", "300ms", "--name", "alice", "--keys", strange},
		{"send", "peer:bob", "x", "--broker", url, "--timeout", "300ms", "--name", "alice", "--keys", strange},
		{"send", "peer:bob", "x", "--broker", url, "--timeout", "300ms"},
	} {
		if o := runs(t, stranger...); o.code != exitFailed {
			t.Errorf("%v: exit code %d, stderr %s", stranger, o.code, o.stderr)
		}
	}
	impostor := start(t, "receive", "inbox", "--name", "carol", "--listen", host+":0", "--broker", url,
		"--tls-cert", filepath.Join(strange, "bob.pem"), "--tls-key", filepath.Join(strange, "bob.key"))
	impostor.stderr.await(t, impostor.ended, "inbox at ")
	runs(t, append(alice, "ping", "peer:carol", "--broker", url)...).wants(t, exitFailed, "", "signed by unknown authority")
	runs(t, "send", "peer:carol", "secret", "--name", "alice", "--keys", dir, "--broker", url, "--timeout", "300ms").wants(t, exitFailed, "")
	if o := bob.stop(); o.code != exitOK || o.stdout != "by its address\nby its URL\nfound\nfrom a program\nfrom a program\n" {
		t.Errorf("%+v", o)
	}
	if o := impostor.stop(); o.stdout != "" {
		t.Errorf("the impostor got %q", o.stdout)
	}
}

// Whatever speaks to a broker finds its authority by --keys.
func TestMailboxesOfABrokerWithTLSAreWorkedOnWithKeys(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "keys")
	runs(t, "keys", "new", "alice", "mq", "--dir", dir).wants(t, exitOK, "")
	_, url := serving(t, "--memory", "--tls-cert", filepath.Join(dir, "mq.pem"), "--tls-key", filepath.Join(dir, "mq.key"), "--tls-ca", filepath.Join(dir, "ca.pem"))
	_, other := serving(t, "--memory", "--tls-cert", filepath.Join(dir, "mq.pem"), "--tls-key", filepath.Join(dir, "mq.key"))
	keys := []string{"--broker", url, "--name", "alice", "--keys", dir}
	runs(t, append([]string{"mailbox", "create", "jobs"}, keys...)...).wants(t, exitOK, "")
	runs(t, append([]string{"send", "mailbox:jobs", "hello"}, keys...)...).wants(t, exitOK, "")
	runs(t, append([]string{"mailbox", "peek", "jobs"}, keys...)...).wants(t, exitOK, "hello\n")
	runs(t, append([]string{"dead", "ls", "jobs"}, keys...)...).wants(t, exitOK, "")
	runs(t, append([]string{"mailbox", "move", "jobs", "--to", other}, keys...)...).wants(t, exitOK, "1 message moved\n")
}

func TestKeysAreMadeOnceAndShown(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "keys")
	runs(t, "keys", "show", "--dir", dir).wants(t, exitFailed, "", "there are no keys in "+dir, "postrider keys new NAME")
	runs(t, "keys", "new", "bob", "--host", "bob.example.com", "--days", "3", "--dir", dir).wants(t, exitOK, "")
	shown := func() (ca, bob shownKey) {
		t.Helper()
		decodeLines(t, runs(t, "keys", "show", "--json", "--dir", dir).stdout, &bob, &ca)
		return ca, bob
	}
	ca, bob := shown()
	if !ca.Authority || !ca.Trusted || !ca.Key || bob.Name != "bob" || bob.Authority || !bob.Trusted || !bob.Key || !strings.Contains(strings.Join(bob.Good, " "), "bob.example.com") {
		t.Errorf("%+v, %+v", ca, bob)
	}
	runs(t, "keys", "new", "bob", "--dir", dir).wants(t, exitFailed, "", "bob.pem exists", "--renew")
	runs(t, "keys", "new", "bob", "--renew", "--dir", dir).wants(t, exitOK, "")
	sameCA, newBob := shown()
	if sameCA.Fingerprint != ca.Fingerprint || newBob.Fingerprint == bob.Fingerprint {
		t.Errorf("%+v, %+v", sameCA, newBob)
	}
	o := runs(t, "keys", "show", "bob", "--dir", dir)
	if !strings.Contains(o.stdout, newBob.Fingerprint) || strings.Count(o.stdout, "\n") != 2 {
		t.Errorf("%+v", o)
	}
	for _, name := range []string{"ca.key", "bob.key"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	runs(t, "send", "mailbox:jobs", "x", "--name", "carol", "--keys", dir).wants(t, exitFailed, "", "postrider keys new carol --dir "+dir)
	e := examine(t, nil, "--dir", t.TempDir(), "--listen", closedPort(t), "--name", "bob", "--keys", dir)
	e.wants("tls-cert", fine, `the certificate of "bob" is valid until`, "")
	if err := os.Remove(filepath.Join(dir, "ca.key")); err != nil {
		t.Fatal(err)
	}
	runs(t, "keys", "new", "carol", "--dir", dir).wants(t, exitFailed, "", "where the authority's key is")
}

// A node of the command shows a certificate that was renewed as one of the Go API does.
func TestARenewedCertificateIsShownWithoutARestart(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "keys")
	runs(t, "keys", "new", "alice", "bob", "--dir", dir).wants(t, exitOK, "")
	bob := start(t, "receive", "inbox", "--name", "bob", "--listen", "127.0.0.1:0", "--keys", dir)
	at := bob.inbox()
	address := strings.TrimSuffix(strings.TrimPrefix(at, "amqps://"), "/bob")
	k, err := postrider.LoadKeys(os.DirFS(dir), "alice")
	if err != nil {
		t.Fatal(err)
	}
	shown := func() []byte {
		t.Helper()
		c, err := tls.Dial("tcp", address, k.TLS())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].Raw
	}
	former := shown()
	runs(t, "keys", "new", "bob", "--renew", "--dir", dir).wants(t, exitOK, "")
	for began := time.Now(); bytes.Equal(shown(), former); { // files are looked at once a second
		if time.Since(began) > patience {
			t.Fatal("the former certificate is still shown")
		}
	}
	runs(t, "send", at, "after it", "--name", "alice", "--keys", dir).wants(t, exitOK, "")
	if o := bob.stop(); o.code != exitOK || o.stdout != "after it\n" {
		t.Errorf("%+v", o)
	}
}

// Who finds the key of a renewal and not its certificate is told what to do, and the next renewal makes both.
func TestARenewalThatWasCutShort(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	runs(t, "keys", "new", "bob", "--dir", dir).wants(t, exitOK, "")
	certificate := filepath.Join(dir, "bob.pem")
	former, err := os.ReadFile(certificate)
	if err != nil {
		t.Fatal(err)
	}
	runs(t, "keys", "new", "bob", "--renew", "--dir", dir).wants(t, exitOK, "")
	if err := os.WriteFile(certificate, former, 0o600); err != nil {
		t.Fatal(err)
	}
	again := "after a renewal that was cut short, make both anew: postrider keys new NAME --renew"
	runs(t, "send", "mailbox:jobs", "x", "--name", "bob", "--keys", dir).wants(t, exitFailed, "", "bob.key: tls: private key does not match", again)
	runs(t, "serve", "--memory", "--listen", "127.0.0.1:0", "--tls-cert", certificate, "--tls-key", filepath.Join(dir, "bob.key")).wants(t, exitFailed, "", again)
	examine(t, nil, "--dir", t.TempDir(), "--listen", closedPort(t), "--name", "bob", "--keys", dir).wants("tls-key", problem, "does not match", again)
	runs(t, "keys", "new", "bob", "--renew", "--dir", dir).wants(t, exitOK, "")
	examine(t, nil, "--dir", t.TempDir(), "--listen", closedPort(t), "--name", "bob", "--keys", dir).wants("tls-cert", fine, "is valid until", "")
}

func TestPeersShowTheFingerprintsOfKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	runs(t, "keys", "new", "bob", "--dir", dir).wants(t, exitOK, "")
	_, url := serving(t, "--memory")
	start(t, "receive", "inbox", "--name", "bob", "--listen", "127.0.0.1:0", "--keys", dir, "--broker", url)
	var card postrider.Card
	decodeLines(t, runs(t, "peers", "--count", "1", "--wait", "1m", "--json", "--broker", url).stdout, &card)
	var bob shownKey
	decodeLines(t, runs(t, "keys", "show", "bob", "--json", "--dir", dir).stdout, &bob)
	if card.Key == "" || card.Key != bob.Fingerprint {
		t.Errorf("%+v, %+v", card, bob)
	}
}

// Whoever answers for a node that is looked for is believed by its certificate.
func TestANodeWithKeysFollowsNoAddressWithoutTLS(t *testing.T) {
	dir := t.TempDir()
	runs(t, "keys", "new", "alice", "--dir", dir).wants(t, exitOK, "")
	o := nodeOptions{keys: dir, name: "alice"}
	if err := o.useKeys(); err != nil {
		t.Fatal(err)
	}
	for address, follows := range map[string]bool{"amqps://192.0.2.1:5671": true, "amqp://192.0.2.1:5672": false} {
		if _, err := o.addressesOf(postrider.Card{Name: "bob", Addresses: []string{address}}); follows != (err == nil) {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// A directory's name is no pattern.
func TestKeysAreInADirectoryOfAnyName(t *testing.T) {
	t.Parallel()
	dir, to := filepath.Join(t.TempDir(), "keys[1]"), filepath.Join(t.TempDir(), "to")
	runs(t, "keys", "new", "alice", "--dir", dir).wants(t, exitOK, "")
	runs(t, "keys", "seal", "mailbox:jobs", "--dir", dir).wants(t, exitOK, "")
	runs(t, "keys", "show", "--dir", dir).wantsIn(t, exitOK, "sealing to mailbox:jobs")
	runs(t, "keys", "share", "alice", "--dir", dir, "--to", to).wants(t, exitOK, "")
	if _, err := os.Stat(filepath.Join(to, "jobs.mailbox.pem")); err != nil {
		t.Error(err)
	}
}

// The key of an authority is the one thing in a directory of keys that cannot be made again: nothing replaces it, and nothing hands it on.
func TestAnAuthoritysKeyIsNeitherReplacedNorShared(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "keys")
	runs(t, "keys", "new", "bob", "--dir", dir).wants(t, exitOK, "")
	for _, name := range []string{"ca", "../ca", "bob.peer"} {
		runs(t, "keys", "share", name, "--dir", dir, "--to", filepath.Join(t.TempDir(), "to")).wants(t, exitUsage, "", "\""+name+"\"")
	}
	key, err := os.ReadFile(filepath.Join(dir, "ca.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "ca.pem")); err != nil {
		t.Fatal(err)
	}
	runs(t, "keys", "new", "alice", "--dir", dir).wants(t, exitFailed, "", "ca.key, and not its certificate", "copy the certificate there")
	if still, err := os.ReadFile(filepath.Join(dir, "ca.key")); err != nil || string(still) != string(key) {
		t.Errorf("another key, %v", err)
	}
	if names, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(names) != 3 {
		t.Errorf("%v, %v", names, err)
	}
}

// Some that begin at once make one authority. Who finds the directory half made says so.
func TestAnAuthorityIsMadeOnce(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "keys")
	var all []*background
	for _, name := range []string{"a", "b", "c", "d"} {
		all = append(all, start(t, "keys", "new", name, "--dir", dir))
	}
	made := 0
	for _, b := range all {
		if o := b.wait(); o.code == exitOK {
			made++
		} else {
			o.wants(t, exitFailed, "", "not its certificate", "run this one again")
		}
	}
	var shown []shownKey
	for line := range strings.Lines(runs(t, "keys", "show", "--json", "--dir", dir).stdout) {
		var k shownKey
		decodeLines(t, line, &k)
		if shown = append(shown, k); !k.Trusted || !k.Key {
			t.Errorf("%+v", k)
		}
	}
	if made == 0 || len(shown) != made+1 {
		t.Errorf("%d made, and %+v", made, shown)
	}
}

func TestCertificatesLastNoLongerThanTheirAuthority(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "keys")
	runs(t, "keys", "new", "bob", "--days", "200000", "--dir", dir).wants(t, exitUsage, "", "want 1 to 3650")
	runs(t, "keys", "seal", "peer:bob", "--days", "200000", "--dir", dir).wants(t, exitUsage, "", "want 1 to 3650")
	a, _, err := signer.New("test", time.Now().AddDate(-9, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	end := time.Now().AddDate(1, 0, 0) // of the authority, or a few days earlier
	for _, issue := range []func() (signer.Pair, error){
		func() (signer.Pair, error) { return a.Issue("bob", []string{"bob"}, time.Now(), mostDays*24*time.Hour) },
		func() (signer.Pair, error) {
			return a.IssueSealing("bob", seal.Target{Kind: seal.Peer, Name: "bob"}.URI(), time.Now(), mostDays*24*time.Hour)
		},
	} {
		pair, err := issue()
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(pair.Certificate)
		if c, err := x509.ParseCertificate(block.Bytes); err != nil || c.NotAfter.After(end) {
			t.Errorf("until %s, %v", c.NotAfter, err)
		}
	}
	if _, err := a.Issue("bob", []string{"bob"}, time.Now().AddDate(2, 0, 0), time.Hour); err == nil || !strings.Contains(err.Error(), "the authority's certificate has expired on") {
		t.Errorf("after its end: %v", err)
	}
}
