package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Who moves to a broker that takes nothing is told so, and can interrupt it; also when the connection to the first broker has broken meanwhile, and what
// was under way comes again.
func TestAMoveThatHasToWaitSaysSoAndCanBeInterrupted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, here := serving(t, "--dir", dir)
	_, there := serving(t, "--memory", "--message-memory", "64KiB")
	large := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(large, make([]byte, 100_000), 0o600); err != nil {
		t.Fatal(err)
	}
	runs(t, "mailbox", "create", "jobs", "--broker", there).wants(t, exitOK, "")
	runs(t, "send", "mailbox:others", "--file", large, "--broker", there).wants(t, exitOK, "")
	runWith(t, strings.Repeat("x\n", 3*moveWindow), nil, "post", "mailbox:jobs", "--broker", here).wants(t, exitOK, "")

	move := start(t, "mailbox", "move", "jobs", "--broker", here, "--to", there)
	move.stderr.await(t, move.ended, "waiting for mailbox jobs at "+there+": the broker takes no messages for now: low on memory")
	first := whoMoves(t, dir, "")
	runs(t, "connection", "close", first, "--dir", dir).wants(t, exitOK, "")
	whoMoves(t, dir, first)
	move.stop().wants(t, exitFailed, "", "0 messages moved so far, run it again for the rest: interrupted")
}

// whoMoves waits until a move has taken as much as it does, over a connection other than the one given, and returns that connection's name.
func whoMoves(t *testing.T, dir, before string) string {
	t.Helper()
	for late := time.Now().Add(patience); time.Now().Before(late); {
		var moves string
		for line := range strings.Lines(runs(t, "connection", "list", "--json", "--dir", dir).stdout) {
			var c struct {
				Name   string `json:"name"`
				Called string `json:"user_provided_name"`
			}
			if decodeLines(t, line, &c); c.Called == "move jobs" {
				moves = c.Name
			}
		}
		var q queueSample
		if decodeLines(t, runs(t, "queue", "list", "--json", "--dir", dir).stdout, &q); moves != "" && moves != before && q.Unacked == moveWindow {
			return moves
		}
	}
	t.Fatal("nobody moves")
	return ""
}

// A mailbox that serves one consumer at a time, as each partition does, is made so on the other broker: nodes use it there.
func TestPartitionsMoveOneByOne(t *testing.T) {
	t.Parallel()
	_, here := serving(t, "--memory")
	_, there := serving(t, "--memory")
	runWith(t, "a\nb\nc\nd\n", nil, "post", "mailbox:jobs", "--partitions", "2", "--broker", here).wants(t, exitOK, "")
	runs(t, "mailbox", "move", "jobs", "--broker", here, "--to", there).wants(t, exitFailed, "", "has partitions", "jobs.p0 and so on")
	for _, part := range []string{"jobs.p0", "jobs.p1"} {
		runs(t, "mailbox", "move", part, "--broker", here, "--to", there).wants(t, exitOK, "2 messages moved\n")
	}
	o := runs(t, "receive", "mailbox:jobs", "--partitions", "2", "--count", "4", "--broker", there)
	lines := strings.Fields(o.stdout)
	slices.Sort(lines)
	if o.code != exitOK || strings.Join(lines, "") != "abcd" {
		t.Errorf("exit code %d, %q, %s", o.code, lines, o.stderr)
	}
}

// An interrupted move would delete it, with all that is left.
func TestAQueueThatEndsWithItsConsumersIsNotMoved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, here := serving(t, "--dir", dir)
	_, there := serving(t, "--memory")
	file := filepath.Join(t.TempDir(), "queues.json")
	err := os.WriteFile(file, []byte(`{"queues": [
		{"vhost": "/", "name": "one", "durable": true, "auto_delete": true, "arguments": {}},
		{"vhost": "/", "name": "two", "durable": false, "auto_delete": true, "arguments": {}},
		{"vhost": "/", "name": "three", "durable": false, "auto_delete": false, "arguments": {"x-max-length": 10}}]}`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if o := runs(t, "definitions", "import", file, "--dir", dir); o.code != exitOK {
		t.Fatal(o.stderr)
	}
	for _, name := range []string{"one", "two"} {
		runs(t, "send", "mailbox:"+name, "x", "--broker", here).wants(t, exitOK, "")
		runs(t, "mailbox", "move", name, "--broker", here, "--to", there).wants(t, exitFailed, "", "is deleted with what is in it when its last consumer goes")
		runs(t, "mailbox", "peek", name, "--broker", here).wants(t, exitOK, "x\n")
	}
	runs(t, "send", "mailbox:three", "x", "--broker", here).wants(t, exitOK, "")
	runs(t, "mailbox", "move", "three", "--broker", here, "--to", there).wants(t, exitOK, "1 message moved\n")
}
