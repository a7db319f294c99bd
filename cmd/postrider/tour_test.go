package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// inTemp makes a command's temporary directory one of the test's own.
func inTemp(dir string) func(*exec.Cmd) {
	return func(cmd *exec.Cmd) { cmd.Env = append(os.Environ(), "TMPDIR="+dir) }
}

func wantEmpty(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestTheTourHoldsFromBeginningToEnd(t *testing.T) {
	dir := t.TempDir()
	o := runWith(t, "", inTemp(dir), "tour")
	if o.code != exitOK || o.stderr != "" {
		t.Errorf("exit code %d, stderr %q", o.code, o.stderr)
	}
	for _, part := range []string{
		"1  The four ways", "2  The receiver is killed", "3  The broker is killed", "4  Under load",
		"ErrPeerDown", "marked redelivered", "✓ 0 of ", "The four ways compared",
		"Complexity", "Flexibility", "Scalability", "Fault tolerance", "checks held",
	} {
		if !strings.Contains(o.stdout, part) {
			t.Errorf("the tour does not show %q", part)
		}
	}
	if strings.ContainsAny(o.stdout, "\x1b\r") {
		t.Error("there are control characters in a file")
	}
	if t.Failed() {
		t.Log(o.stdout)
	}
	wantEmpty(t, dir)
}

func TestATourThatIsInterruptedLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	for _, moment := range []string{"alice", "1  The four ways", "bob is busy", "kill -9 bob"} {
		t.Run(moment, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			tour := startWith(t, inTemp(dir), "tour")
			tour.stdout.await(t, tour.ended, moment)
			o := tour.stop() // its stdout is closed: no process that has it is left
			if o.code != exitFailed || !strings.Contains(o.stderr, "interrupted") {
				t.Errorf("exit code %d, stderr %q", o.code, o.stderr)
			}
			wantEmpty(t, dir)
		})
	}
}
