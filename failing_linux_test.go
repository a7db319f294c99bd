package postrider_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/postrider-mq/postrider"
)

// failDisk has everything fail that is written to the files of a directory from now on: their descriptors become ones that cannot be written to.
func failDisk(t *testing.T, dir string) {
	t.Helper()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	failed := 0
	for _, e := range open {
		file, err := os.Readlink(filepath.Join("/proc/self/fd", e.Name()))
		if err != nil || filepath.Dir(file) != dir {
			continue
		}
		fd, err := strconv.Atoi(e.Name())
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Dup3(int(null.Fd()), fd, syscall.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		failed++
	}
	if failed == 0 {
		t.Fatal("no file of the directory is open")
	}
}

// What the embedded broker had taken when its disk failed may be there after a restart.
func TestTheFateOfAMessageThatTheDiskFailedUpon(t *testing.T) {
	for name, send := range map[string]func(*testing.T, *postrider.Target) error{
		"send": func(t *testing.T, jobs *postrider.Target) error { return jobs.Send(soon(t), "unsafe") },
		"post": func(t *testing.T, jobs *postrider.Target) error {
			_, err := post(t, jobs, "unsafe").Wait(soon(t))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			jobs := start(t, postrider.Config{Name: "alice", Dir: dir}).Mailbox("jobs")
			if err := jobs.Send(soon(t), "safe"); err != nil {
				t.Fatal(err)
			}
			failDisk(t, dir)
			e := fate(t, send(t, jobs), true, postrider.ErrClosed)
			if e.Stage != postrider.OnWire || !strings.Contains(e.Error(), "may have been delivered") {
				t.Error(e)
			}
			fate(t, jobs.Send(soon(t), "too late"), false, postrider.ErrClosed)
		})
	}
}

// Whatever is asked of a broker in this process whose disk has failed, its sender learns in this package's words that it is closed, and at once.
func TestWhatAFailedDiskEnds(t *testing.T) {
	dir := t.TempDir()
	alice := start(t, postrider.Config{Name: "alice", Dir: dir})
	jobs := alice.Mailbox("jobs")
	if err := jobs.Send(soon(t), "safe"); err != nil { // and the mailbox is made
		t.Fatal(err)
	}
	failDisk(t, dir)
	fate(t, jobs.Send(soon(t), "unsafe"), true, postrider.ErrClosed)
	for what, send := range map[string]func() error{
		"an inbox":            func() error { return alice.Inbox().Send(soon(t), "x") },
		"another mailbox":     func() error { return alice.Mailbox("more").Send(soon(t), "x") },
		"partitions":          func() error { return alice.Mailbox("parts", postrider.Partitions(2)).Send(soon(t), "x") },
		"a topic":             func() error { return alice.Topic("news").Send(soon(t), "x") },
		"a call":              func() error { _, err := postrider.Call[string](soon(t), jobs, "x"); return err },
		"until it is handled": func() error { return jobs.Send(soon(t), "x", untilHandled) },
		"a post until then":   func() error { _, err := jobs.Post(soon(t), "x", untilHandled); return err },
	} {
		t.Run(what, func(t *testing.T) { fate(t, send(), false, postrider.ErrClosed) })
	}
}
