package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// pseudoTerminal is a terminal and the end of it at which a person sits.
func pseudoTerminal(t *testing.T) (person, tty *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here:", err)
	}
	t.Cleanup(func() { person.Close() })
	control := func(request uintptr, arg *uint32) {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, person.Fd(), request, uintptr(unsafe.Pointer(arg))); errno != 0 {
			t.Skip("no pseudo-terminals here:", errno)
		}
	}
	var unlock, number uint32
	control(syscall.TIOCSPTLCK, &unlock)
	control(syscall.TIOCGPTN, &number)
	size := [2]uint32{100<<16 | 10, 0} // ten rows of a hundred columns
	control(syscall.TIOCSWINSZ, &size[0])
	tty, err = os.OpenFile(fmt.Sprint("/dev/pts/", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here:", err)
	}
	t.Cleanup(func() { tty.Close() })
	return person, tty
}

func TestTopIsLiveOnATerminalUntilQIsPressed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	broker, url := serving(t, "--dir", dir)
	runs(t, "send", "mailbox:jobs", "x", "--broker", url).wants(t, exitOK, "")
	person, tty := pseudoTerminal(t)
	cmd := exec.Command(program, "top", "--dir", dir, "--interval", "10ms")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.Env = append(os.Environ(), "TERM=xterm")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	seen := newLineLog()
	read := make(chan struct{})
	go func() {
		seen.read(person)
		close(read)
	}()
	ended := make(chan struct{})
	seen.await(t, ended, "READY*")
	if _, err := person.WriteString("n"); err != nil {
		t.Fatal(err)
	}
	seen.await(t, ended, "NAME*")
	// The broker stops, goes on, ends, and another one comes.
	if err := broker.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	seen.await(t, ended, "NO ANSWER: no answer yet; this is how it was:")
	if err := broker.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	broker.kill()
	seen.await(t, ended, "NO ANSWER: no broker is running on "+dir)
	_, url = serving(t, "--dir", dir)
	runs(t, "send", "mailbox:jobs", "x", "--broker", url).wants(t, exitOK, "")
	seen.await(t, ended, "ready 2, ")
	if _, err := person.WriteString("q"); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	tty.Close()
	<-read
	if all := seen.all(); !strings.HasPrefix(all, "\x1b[?1049h\x1b[?25l\x1b[?7l") || !strings.HasSuffix(all, "\x1b[?7h\x1b[?25h\x1b[?1049l") {
		t.Errorf("it begins with %.20q and ends with %.20q", all, all[max(0, len(all)-20):])
	}
}
