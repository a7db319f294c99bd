package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestWhatIsSentIsReceived(t *testing.T) {
	t.Parallel()
	_, url := serving(t, "--memory")
	runs(t, "send", "mailbox:jobs", "first", "--broker", url).wants(t, exitOK, "")
	runWith(t, "second\nthird\n", nil, "send", "mailbox:jobs", "--broker", url).wants(t, exitOK, "")
	runWith(t, "fourth\nfifth", nil, "post", "mailbox:jobs", "--broker", url).wants(t, exitOK, "")
	runs(t, "receive", "mailbox:jobs", "--count", "2", "--broker", url).wants(t, exitOK, "first\nsecond\n")
	runs(t, "receive", "mailbox:jobs", "--count", "3", "--broker", url).wants(t, exitOK, "third\nfourth\nfifth\n")
}

func TestManyLinesArePostedInOrder(t *testing.T) {
	t.Parallel()
	_, url := serving(t, "--memory")
	var lines strings.Builder
	const many = postWindow + 2000
	for i := range many {
		fmt.Fprintln(&lines, i)
	}
	receiver := start(t, "receive", "mailbox:jobs", "--broker", url)
	runWith(t, lines.String(), nil, "post", "mailbox:jobs", "--broker", url).wants(t, exitOK, "")
	receiver.stdout.await(t, receiver.ended, fmt.Sprint(many-1))
	if o := receiver.stop(); o.stdout != lines.String() || o.code != exitOK {
		t.Errorf("exit code %d, %d bytes received, %d sent", o.code, len(o.stdout), lines.Len())
	}
}

// What does not fit into the outbox waits for room in it.
func TestMorePostedThanAnOutboxHolds(t *testing.T) {
	t.Parallel()
	_, url := serving(t, "--memory")
	runWith(t, strings.Repeat(strings.Repeat("x", 1<<20)+"\n", 70), nil, "post", "mailbox:jobs", "--broker", url).wants(t, exitOK, "")
	runs(t, "mailbox", "purge", "jobs", "--broker", url).wants(t, exitOK, "70 messages deleted from jobs\n")
}

func TestJSONTellsOfEachMessage(t *testing.T) {
	t.Parallel()
	_, url := serving(t, "--memory")
	var sent [3]result
	o := runs(t, "send", "mailbox:jobs", "hello", "--json", "--name", "alice", "--broker", url)
	decodeLines(t, o.stdout, &sent[0])
	o = runWith(t, "a\nb\n", nil, "post", "mailbox:jobs", "--json", "--broker", url)
	decodeLines(t, o.stdout, &sent[1], &sent[2])
	var got [3]received
	o = runs(t, "receive", "mailbox:jobs", "--json", "--count", "3", "--broker", url)
	decodeLines(t, o.stdout, &got[0], &got[1], &got[2])
	for i := range sent {
		if sent[i].ID == "" || sent[i].ID != got[i].ID || sent[i].Grade != "stored" || sent[i].Target != "mailbox jobs" {
			t.Errorf("sent %+v, got %+v", sent[i], got[i])
		}
	}
	if got[0].From != "alice" || got[0].Body != "hello" || got[0].Redelivered || got[0].To != "jobs" {
		t.Errorf("%+v", got[0])
	}
}

func decodeLines(t *testing.T, text string, into ...any) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) != len(into) {
		t.Fatalf("%d lines, want %d:\n%s", len(lines), len(into), text)
	}
	for i, line := range lines {
		if err := json.Unmarshal([]byte(line), into[i]); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
	}
}

func TestACallIsAnsweredByACommand(t *testing.T) {
	t.Parallel()
	_, url := serving(t, "--memory")
	replier := start(t, "reply", "mailbox:upper", "--broker", url, "--", "tr", "a-z", "A-Z")
	runs(t, "call", "mailbox:upper", "hello", "--broker", url).wants(t, exitOK, "HELLO\n")
	runWith(t, "one\ntwo\n", nil, "call", "mailbox:upper", "--broker", url).wants(t, exitOK, "ONE\nTWO\n")
	runs(t, "send", "mailbox:upper", "nobody waits for this", "--broker", url).wants(t, exitOK, "")
	replier.stdout.await(t, replier.ended, "NOBODY WAITS FOR THIS")
	replier.stop().wants(t, exitOK, "NOBODY WAITS FOR THIS\n")
}

func TestACommandThatFailsAnswersWithItsReason(t *testing.T) {
	t.Parallel()
	_, url := serving(t, "--memory")
	replier := start(t, "reply", "mailbox:m", "--count", "2", "--broker", url, "--", "sh", "-c", "echo no paper >&2; exit 3")
	runs(t, "call", "mailbox:m", "print", "--broker", url).wants(t, exitFailed, "", "remote error 500", "exit status 3", "no paper")
	var r result
	o := runs(t, "call", "mailbox:m", "print", "--json", "--broker", url)
	decodeLines(t, o.stdout, &r)
	if o.code != exitFailed || !strings.Contains(r.Error, "no paper") {
		t.Errorf("exit code %d, %+v", o.code, r)
	}
	replier.wait().wants(t, exitOK, "")
}

func TestAnInboxIsReachedDirectly(t *testing.T) {
	t.Parallel()
	bob := start(t, "receive", "inbox", "--name", "bob", "--listen", "127.0.0.1:0", "--count", "5")
	url := bob.inbox()
	address := strings.TrimSuffix(strings.TrimPrefix(url, "amqp://"), "/bob")
	runs(t, "send", "peer:bob", "1", "--peer", "bob="+address).wants(t, exitOK, "")
	runs(t, "post", url, "2").wants(t, exitOK, "")
	runs(t, "send", "amqp://"+address, "3").wants(t, exitOK, "") // whoever is there
	var r result
	decodeLines(t, runs(t, "send", "peer:bob", "4", "--json", "--peer", "bob=amqp://"+address).stdout, &r)
	if r.Grade != "received" {
		t.Errorf("%+v", r)
	}
	runs(t, "send", "peer:bob", "5", "--peer", "bob="+url).wants(t, exitOK, "") // as it was printed
	bob.wait().wants(t, exitOK, "1\n2\n3\n4\n5\n")
	if said := bob.stderr.all(); strings.Contains(said, "WARN") { // of a broker, which nobody needs here
		t.Error(said)
	}
}

func TestAnInboxAnswersCalls(t *testing.T) {
	t.Parallel()
	bob := start(t, "reply", "inbox", "--name", "bob", "--listen", "127.0.0.1:0", "--workers", "2", "--", "sh", "-c", "echo $POSTRIDER_FROM asks; cat")
	url := bob.inbox()
	runs(t, "call", url, "why?", "--name", "alice").wants(t, exitOK, "alice asks\nwhy?\n")
	bob.stop().wants(t, exitOK, "")
}

func TestPingTellsWhoIsThere(t *testing.T) {
	t.Parallel()
	_, url := serving(t, "--memory")
	o := runs(t, "ping", "mailbox:jobs", "--broker", url)
	if o.code != exitFailed || !strings.Contains(o.stderr, "there is no mailbox jobs") {
		t.Errorf("%+v", o)
	}
	runs(t, "send", "mailbox:jobs", "hello", "--broker", url).wants(t, exitOK, "")
	o = runs(t, "ping", "mailbox:jobs", "--count", "2", "--interval", "1ms", "--broker", url)
	for _, part := range []string{url + " is postrider (Postrider ", "messages 1, consumers 0", "round trip 2: ", "min/avg/max"} {
		if !strings.Contains(o.stdout, part) {
			t.Errorf("%q is not in:\n%s", part, o.stdout)
		}
	}
	var r pingReport
	decodeLines(t, runs(t, "ping", url, "--count", "3", "--interval", "1ms", "--json").stdout, &r)
	if r.Product != "Postrider" || len(r.TripsUS) != 3 || r.MinUS <= 0 || r.MinUS > r.AvgUS || r.AvgUS > r.MaxUS || r.Messages != nil {
		t.Errorf("%+v", r)
	}
}

func TestReceiveFailsOnlyWhenACountWasNotReached(t *testing.T) {
	t.Parallel()
	_, url := serving(t, "--memory")
	runs(t, "receive", "mailbox:jobs", "--timeout", "2s", "--broker", url).wants(t, exitOK, "")
	const none = ": 0 of 1 messages came"
	runsUntil(t, none, "receive", "mailbox:jobs", "--count", "1", "--broker", url).wants(t, exitFailed, "", "timed out after ", none)
	runs(t, "send", "mailbox:jobs", "hello", "--broker", url).wants(t, exitOK, "")
	receiver := start(t, "receive", "mailbox:jobs", "--broker", url)
	receiver.stdout.await(t, receiver.ended, "hello")
	receiver.stop().wants(t, exitOK, "hello\n")
}

// closedPort is an address where nobody listens as long as the test runs.
func closedPort(t *testing.T) string {
	t.Helper()
	address, release, err := nobodyListens()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return address
}
