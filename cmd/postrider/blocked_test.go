package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWhoWaitsForABrokerIsToldOfItsAlarm(t *testing.T) {
	t.Parallel()
	_, url := serving(t, "--memory", "--message-memory", "64KiB")
	large := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(large, make([]byte, 100_000), 0o600); err != nil {
		t.Fatal(err)
	}
	runs(t, "mailbox", "create", "jobs", "--broker", url).wants(t, exitOK, "")
	runs(t, "send", "mailbox:jobs.dead", "--file", large, "--broker", url).wants(t, exitOK, "")

	const alarm = "the broker takes no messages for now: low on memory: timed out after "
	const advice = "What to do: receive what is in its queues, or give it more memory: see postrider top"
	for _, verb := range []string{"send", "post", "call"} {
		o := runsUntil(t, alarm, verb, "mailbox:jobs", "x", "--broker", url)
		o.wants(t, exitFailed, "", alarm, advice)
		if strings.Contains(o.stderr, "disk") {
			t.Error("a broker without a disk is said to be low on it:", o.stderr)
		}
	}
	runsFor(t, alarm, func(timeout string) []string {
		return []string{"dead", "redrive", "jobs", "--broker", url, "--timeout", timeout}
	}).
		wants(t, exitFailed, "", "mailbox jobs: "+alarm, advice)

	s := start(t, "send", "mailbox:jobs", "x", "--broker", url, "--timeout", "0")
	s.stderr.await(t, s.ended, "waiting for mailbox jobs, for ever: the broker takes no messages for now: low on memory")
	runs(t, "mailbox", "purge", "jobs.dead", "--broker", url).wants(t, exitOK, "1 message deleted from jobs.dead\n")
	s.wait().wants(t, exitOK, "")
}

func TestWhatToDoFollowsFromTheAlarm(t *testing.T) {
	for alarm, todo := range map[string]string{
		"low on memory": "more memory:", "low on disk": "room on its disk:", "low on files": "limit of open files:", "low on disk & memory": "more memory and room on its disk:", "no reason given": "make room there:",
	} {
		if got := remedy(fmt.Errorf("sending: %w", blocked(alarm))); !strings.Contains(got, todo) {
			t.Errorf("%s: %q", alarm, got)
		}
	}
}
