//go:build unix

package main

import (
	"strings"
	"syscall"
	"testing"
)

// A broker that hangs does not hold up the doctor for longer than --timeout says, and is not taken for another program.
func TestTheDoctorGivesUpOnABrokerThatHangs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, url := serving(t, "--dir", dir)
	if err := b.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	e := examine(t, nil, "--dir", dir, "--broker", url, "--listen", strings.TrimPrefix(url, "amqp://"), "--timeout", "300ms")
	e.wants("publishers", problem, "the broker does not answer within 300ms", "stopped or starved")
	e.wants("listen", problem, "by a program that does not answer", "--listen")
	if err := b.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	b.stop().wants(t, exitOK, "listening on "+url+"\n")
}
