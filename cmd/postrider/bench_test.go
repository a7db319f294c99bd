package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestBenchChecksWhatItMeasures(t *testing.T) {
	t.Parallel()
	for _, args := range []string{
		"bench --count 2000 --senders 2 --receivers 2 --body 100",
		"bench peer --count 1000 --verb send --rate 5000",
		"bench peer --count 2000 --transient --receivers 3 --until handled",
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			o := runWith(t, "", inTemp(dir), strings.Fields(args)...)
			if o.code != exitOK || o.stderr != "" {
				t.Errorf("exit code %d, stderr %q", o.code, o.stderr)
			}
			for _, part := range []string{"messages/s", "p99.9", "end to end", "█", "confirmed messages came, undamaged"} {
				if !strings.Contains(o.stdout, part) {
					t.Errorf("it does not show %q:\n%s", part, o.stdout)
				}
			}
			if strings.ContainsAny(o.stdout, "\x1b\r") {
				t.Error("there are control characters in a file")
			}
			wantEmpty(t, dir)
		})
	}
}

func TestBenchLeavesABrokerAsItWas(t *testing.T) {
	t.Parallel()
	_, url := serving(t, "--memory")
	o := runs(t, "bench", "--broker", url, "--count", "500", "--json")
	var f struct {
		Target string
		Result struct {
			Confirmed uint64
			Received  struct{ Messages, Lost uint64 }
			EndToEnd  struct{ P50 float64 } `json:"endToEndMicros"`
		}
	}
	if err := json.Unmarshal([]byte(o.stdout), &f); err != nil || o.code != exitOK {
		t.Fatalf("exit code %d, %v: %s%s", o.code, err, o.stdout, o.stderr)
	}
	if r := f.Result; r.Confirmed != 500 || r.Received.Messages != 500 || r.Received.Lost != 0 || r.EndToEnd.P50 <= 0 {
		t.Errorf("%+v", r)
	}
	mailbox := strings.TrimPrefix(f.Target, "mailbox ")
	runs(t, "mailbox", "purge", mailbox, "--broker", url).wants(t, exitFailed, "", "a mailbox is made when it is first used")
}

func TestBenchTakesNobodysMessages(t *testing.T) {
	t.Parallel()
	_, url := serving(t, "--memory")
	runs(t, "send", "mailbox:jobs", "precious", "--broker", url).wants(t, exitOK, "")
	runs(t, "bench", "mailbox:jobs", "--broker", url, "--count", "10").
		wants(t, exitFailed, "", "mailbox jobs holds 1 messages, which the load would take")
	runs(t, "receive", "mailbox:jobs", "--broker", url, "--count", "1").wants(t, exitOK, "precious\n")
	runs(t, "bench", "mailbox:jobs", "--broker", url, "--count", "10", "--json")
	runs(t, "mailbox", "rm", "jobs", "--broker", url).wants(t, exitOK, "") // it is left, and empty
}

// A queue that drops what it has confirmed is a broker that loses messages.
func TestBenchFailsWhenConfirmedMessagesAreMissing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, url := serving(t, "--dir", dir)
	runs(t, "policy", "set", "short", "^short$", `{"max-length": 5}`, "--apply-to", "queues", "--dir", dir).wants(t, exitOK, "")
	o := runs(t, "bench", "mailbox:short", "--broker", url, "--count", "200", "--handling", "2ms", "--prefetch", "1", "--patience", "300ms")
	if o.code != exitFailed || !strings.Contains(o.stderr, "confirmed messages never came") || !strings.Contains(o.stdout, "✗") {
		t.Errorf("exit code %d, stderr %q:\n%s", o.code, o.stderr, o.stdout)
	}
}

func TestABenchOfAPeerThatRunsAlreadyCountsConfirms(t *testing.T) {
	t.Parallel()
	bob := start(t, "receive", "inbox", "--name", "bob", "--listen", "127.0.0.1:0", "--json")
	at := bob.inbox()
	o := runs(t, "bench", "peer:bob", "--peer", "bob="+at, "--count", "50")
	if o.code != exitOK || !strings.Contains(o.stdout, "all 50 were confirmed") {
		t.Errorf("exit code %d, stderr %q:\n%s", o.code, o.stderr, o.stdout)
	}
}

// A broker and a peer that let in whose certificate is of their authority are put under load by who has one.
// reaches is runs for a command that connects once, with TLS. A listener gives a handshake five seconds, which may not be enough on a machine
// that does much else. One that could not reach it sooner than that is not run again.
func reaches(t *testing.T, args ...string) (o outcome) {
	t.Helper()
	for range 3 {
		began := time.Now()
		if o = runs(t, args...); time.Since(began) < 5*time.Second || o.code == exitOK || !strings.Contains(o.stderr, "cannot reach") {
			break
		}
	}
	return o
}

func TestBenchesAndEvaluationsComeWithKeys(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "keys")
	runs(t, "keys", "new", "alice", "bob", "mq", "--dir", dir).wants(t, exitOK, "")
	_, url := serving(t, "--memory", "--tls-cert", filepath.Join(dir, "mq.pem"), "--tls-key", filepath.Join(dir, "mq.key"), "--tls-ca", filepath.Join(dir, "ca.pem"))
	bob := start(t, "receive", "inbox", "--name", "bob", "--listen", "127.0.0.1:0", "--json", "--broker", url, "--keys", dir)
	at := bob.inbox()
	keys := []string{"--broker", url, "--keys", dir, "--name", "alice"}

	reaches(t, append(keys, "bench", "--count", "50")...).wantsIn(t, exitOK, "all 50 confirmed messages came")
	found := reaches(t, append(keys, "bench", "peer:bob", "--count", "50")...)
	found.wantsIn(t, exitOK, "all 50 were confirmed")
	found.wantsIn(t, exitOK, "peer bob at "+strings.TrimSuffix(at, "/bob"))
	reaches(t, append(keys, "bench", "peer:bob", "--count", "50", "--peer", "bob="+at)...).wantsIn(t, exitOK, "all 50 were confirmed")
	reaches(t, append(keys, "evaluate", "--each", "100ms", "--down", "50ms", "--faults", "none", "--json")...).wantsIn(t, exitOK, `"code":"jobs.Post"`)

	runs(t, "bench", "--broker", url, "--count", "50").wants(t, exitFailed, "", "certificate signed by unknown authority", "--keys DIR")
	runs(t, "bench", "peer:bob", "--peer", "bob="+at, "--count", "50").wants(t, exitFailed, "", "certificate")
}

func TestABenchOfAPeerWhomNobodyKnowsSaysSo(t *testing.T) {
	t.Parallel()
	runs(t, "bench", "peer:bob", "--broker", "amqp://"+closedPort(t)).wants(t, exitFailed, "", "looking for peer bob", "--peer bob=HOST:PORT")
}

// What a minute's work would come to nothing for is said before it.
func TestAnEvaluationSeesThatItsReportCanBeWritten(t *testing.T) {
	t.Parallel()
	runs(t, "evaluate", "--report", filepath.Join(t.TempDir(), "missing", "report.html")).wants(t, exitFailed, "", "--report: open ", "no such file or directory")
}
