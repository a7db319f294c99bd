package main

import (
	"bufio"
	"os"
	"os/exec"
	"testing"
	"time"
)

// intoPipe starts a command that writes to a pipe, and returns the end to read from.
func intoPipe(t *testing.T, args ...string) (*exec.Cmd, *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, args...)
	cmd.Stdout = w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	t.Cleanup(func() {
		r.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd, r
}

// endsWell waits for a command, which ends by itself.
func endsWell(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	slow := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer slow.Stop()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
}

func TestWhatNobodyReadsFromAPipeIsNotLost(t *testing.T) {
	t.Parallel()
	_, url := serving(t, "--memory")
	runWith(t, "1\n2\n3\n4\n5\n", nil, "post", "mailbox:jobs", "--broker", url).wants(t, exitOK, "")
	head, pipe := intoPipe(t, "receive", "mailbox:jobs", "--broker", url)
	line, err := bufio.NewReaderSize(pipe, 16).ReadString('\n') // as head -1 does
	if line != "1\n" || err != nil {
		t.Fatalf("%q, %v", line, err)
	}
	pipe.Close()
	endsWell(t, head)
	runs(t, "receive", "mailbox:jobs", "--count", "4", "--broker", url).wants(t, exitOK, "2\n3\n4\n5\n")
}

func TestReceiveEndsWithItsReader(t *testing.T) {
	t.Parallel()
	_, url := serving(t, "--memory")
	runs(t, "send", "mailbox:jobs", "hello", "--broker", url).wants(t, exitOK, "")
	head, pipe := intoPipe(t, "receive", "mailbox:jobs", "--broker", url)
	if line, err := bufio.NewReader(pipe).ReadString('\n'); line != "hello\n" || err != nil {
		t.Fatalf("%q, %v", line, err)
	}
	pipe.Close()
	endsWell(t, head) // though no message comes any more
	runs(t, "receive", "mailbox:jobs", "--timeout", "2s", "--broker", url).wants(t, exitOK, "")
}

func TestAReceiverThatNobodyReadsFromCanBeInterrupted(t *testing.T) {
	t.Parallel()
	_, url := serving(t, "--memory")
	runWith(t, string(make([]byte, 1<<20)), nil, "send", "mailbox:jobs", "--file", "-", "--broker", url).wants(t, exitOK, "")
	stuck, pipe := intoPipe(t, "receive", "mailbox:jobs", "--broker", url)
	if _, err := pipe.Read(make([]byte, 1)); err != nil { // it has begun
		t.Fatal(err)
	}
	if err := stuck.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	endsWell(t, stuck)
	if o := runs(t, "receive", "mailbox:jobs", "--count", "1", "--broker", url); len(o.stdout) != 1<<20+1 {
		t.Errorf("%d bytes are left, %s", len(o.stdout), o.stderr)
	}
}
