package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/postrider-mq/postrider/torture/broker"
)

// smallDisk is a file system with room for a few thousand messages. It needs root.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(keptDir(t), "disk")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=6m"); err != nil {
		t.Skipf("SKIPPED: nothing is known here about full disks: cannot mount a small one: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
	return filepath.Join(dir, "data")
}

// A disk fills up, the broker is killed and started while it is full, consumers make room, and publishers go on.
func TestAFullDisk(t *testing.T) {
	dir := smallDisk(t)
	b, url := start(t, broker.Serve(program, dir, small()...))
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the broker's log:\n%s", b.Log())
		}
	})
	p := newSteady(t, url, 0, 2000)
	p.fill(t)
	t.Logf("full after %d confirmed messages, %d refused", len(p.confirmed), len(p.refused))

	b.Kill()
	p.hearAll()
	b, url = start(t, broker.Serve(program, dir, small()...))
	p.connect(t, url)
	p.fill(t)
	t.Logf("still full after a restart: %d confirmed, %d refused", len(p.confirmed), len(p.refused))

	drained := p.stored(t, url) // a full disk must allow that
	for n := range p.confirmed {
		if !drained[n] {
			t.Errorf("message %d was confirmed and is lost", n)
		}
	}
	p.untilConfirmed(t)
	b.Kill()
	b, url = start(t, broker.Serve(program, dir, small()...))
	found := p.stored(t, url)
	for n := 1; n <= p.sent; n++ {
		switch {
		case drained[n] && found[n]:
			t.Errorf("message %d came back, although its settlement was durable", n)
		case p.confirmed[n] && !drained[n] && !found[n]:
			t.Errorf("message %d was confirmed and is lost", n)
		case p.refused[n] && (drained[n] || found[n]):
			t.Errorf("message %d was refused and is there", n)
		}
	}
	stop(t, b)
}

// fill publishes until the broker says, with the reason, that it takes no more. What came too late is refused, or waits.
func (p *steady) fill(t *testing.T) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for blocked := false; !blocked; {
		if time.Now().After(deadline) {
			t.Fatalf("a full disk is not told: %d refused, %d confirmed, %d not answered", len(p.refused), len(p.confirmed), p.sent-p.answered)
		}
		if p.sent-p.answered < 50 && !p.send() {
			t.Fatal("the connection broke")
		}
		select {
		case c, ok := <-p.answers:
			if !p.note(c, ok) {
				t.Fatal("the connection broke")
			}
		case why := <-p.blocked:
			if blocked = why.Active; blocked && !strings.Contains(why.Reason, "disk") {
				t.Errorf("blocked because of %q", why.Reason)
			}
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// untilConfirmed publishes one message at a time until one is confirmed.
func (p *steady) untilConfirmed(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if !p.send() || !p.hearAll() {
			t.Fatal("the connection broke")
		}
		if p.confirmed[p.sent] {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the disk has room again, and nothing is confirmed")
		}
	}
}
