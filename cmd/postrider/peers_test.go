package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/postrider-mq/postrider"
)

func TestNodesOfOneBrokerAreListedAndFoundByTheirNames(t *testing.T) {
	t.Parallel()
	_, url := serving(t, "--memory")
	bob := start(t, "receive", "inbox", "--name", "bob", "--listen", "127.0.0.1:0", "--broker", url)
	start(t, "reply", "inbox", "--name", "carol", "--listen", "127.0.0.1:0", "--broker", url, "--", "cat")
	o := runs(t, "peers", "--count", "2", "--wait", "1m", "--json", "--broker", url)
	var cards [2]postrider.Card
	decodeLines(t, o.stdout, &cards[0], &cards[1])
	slices.SortFunc(cards[:], func(a, b postrider.Card) int { return strings.Compare(a.Name, b.Name) })
	if o.code != exitOK || cards[0].Name != "bob" || cards[1].Name != "carol" {
		t.Fatalf("exit code %d, %+v", o.code, cards)
	}
	at := bob.stderr.await(t, bob.ended, "inbox at ")
	if want := "inbox at " + cards[0].Addresses[0] + "/bob"; at != want {
		t.Errorf("it says %q, want %q", at, want)
	}
	table := runs(t, "peers", "--count", "2", "--wait", "1m", "--broker", url)
	if lines := strings.Split(table.stdout, "\n"); len(lines) != 4 || !strings.HasPrefix(lines[0], "NODE ") || !strings.HasPrefix(lines[1], "bob ") || !strings.HasPrefix(lines[2], "carol ") {
		t.Errorf("the table is\n%s", table.stdout)
	}
	runs(t, "send", "peer:bob", "found you", "--broker", url).wants(t, exitOK, "")
	bob.stdout.await(t, bob.ended, "found you")
	runs(t, "call", "peer:carol", "echo", "--broker", url).wants(t, exitOK, "echo\n")
	const two = "2 of 3 nodes answered within "
	runsFor(t, two, func(wait string) []string {
		return []string{"peers", "--count", "3", "--wait", wait, "--json", "--broker", url}
	}).
		wantsIn(t, exitFailed, `"bob"`, two)
	several := runs(t, "ping", "peer:bob", "peer:carol", "mailbox:none", "--count", "1", "--broker", url)
	several.wantsIn(t, exitFailed, cards[1].Addresses[0]+" is carol (Postrider ")
	if lines := strings.Split(several.stdout, "\n"); len(lines) != 4 || !strings.HasPrefix(lines[2], "mailbox:none") || several.stderr != "" {
		t.Errorf("%+v", several)
	}
	runs(t, "ping", "peer:bob", "--count", "1", "--broker", url).wantsIn(t, exitOK, "round trips 1,")
}

// wantsIn checks an outcome: the exit code, and parts of stdout and then stderr.
func (o outcome) wantsIn(t *testing.T, code int, stdout string, stderr ...string) {
	t.Helper()
	if !strings.Contains(o.stdout, stdout) {
		t.Errorf("stdout does not contain %q:\n%s", stdout, o.stdout)
	}
	o.wants(t, code, o.stdout, stderr...)
}

func TestWhoCannotBeFoundIsNamedWithTheRemedy(t *testing.T) {
	t.Parallel()
	_, url := serving(t, "--memory")
	closed := "amqp://" + closedPort(t)
	for _, args := range [][]string{
		{"send", "peer:bob", "x"}, {"post", "peer:bob", "x"}, {"call", "peer:bob", "x"}, {"ping", "peer:bob"},
	} {
		t.Run(args[0], func(t *testing.T) {
			t.Parallel()
			for broker, remedy := range map[string]string{url: "say where it is: --peer bob=HOST:PORT", closed: "nobody listens there"} {
				o := runsUntil(t, remedy, append(args, "--broker", broker)...)
				o.wants(t, exitFailed, "", remedy)
				wantFactAndRemedy(t, o.stderr)
			}
		})
	}
	runs(t, "peers", "--broker", closed).wants(t, exitFailed, "", "cannot reach "+closed, "nobody listens there")
	runs(t, "peers", "--wait", "100ms", "--broker", url).wants(t, exitOK, "")
}

func TestWhoFindsNobodyIsToldWhoIsFound(t *testing.T) {
	t.Parallel()
	_, url := serving(t, "--memory")
	runs(t, "peers", "--wait", "50ms", "--broker", url).wants(t, exitOK, "", "nobody answered within 50ms", "use the same broker")
}

// A broker that takes its time to let the node in takes none of that in which others may answer.
func TestWhoWaitsForPeersWaitsSinceTheBrokerWasAsked(t *testing.T) {
	t.Parallel()
	_, url := serving(t, "--memory")
	at := forwardedAt(t, "127.0.0.1", strings.TrimPrefix(url, "amqp://"), func(n int) bool { return 1 < n && n < 8 })
	runs(t, "peers", "--wait", "50ms", "--broker", "amqp://"+at).wants(t, exitOK, "", "nobody answered within 50ms")
}

// Two inboxes of one name are a mistake that nobody notices otherwise: messages reach one or the other.
func TestAnInboxWithTheNameOfAnotherIsWarnedOf(t *testing.T) {
	t.Parallel()
	_, url := serving(t, "--memory")
	receive := []string{"receive", "inbox", "--name", "bob", "--listen", "127.0.0.1:0", "--broker", url}
	first := start(t, receive...)
	at := strings.TrimSuffix(first.inbox(), "/bob")
	runs(t, "peers", "--count", "1", "--wait", "1m", "--broker", url).wantsIn(t, exitOK, "bob ")
	second := start(t, receive...)
	if warning := second.stderr.await(t, second.ended, "another node has this node's name"); !strings.Contains(warning, at) {
		t.Errorf("%s does not say %s", warning, at)
	}
}
