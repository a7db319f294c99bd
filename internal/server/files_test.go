package server

import (
	"testing"
	"testing/synctest"
	"time"
)

// A client who takes a file that is not for clients is sent away, and the log is not filled with it.
func TestFilesAreNotAllForClients(t *testing.T) {
	b := newBroker(t, func(c *Config) { c.Files = 1 }).listen()
	for range 3 {
		nc := b.connect()
		if n, err := nc.Read(make([]byte, 1)); err == nil {
			t.Errorf("it was told %d bytes", n)
		}
		nc.Close()
	}
	b.wantLog("1 files are open")
	b.wantLogOnce("LimitNOFILE")

	b = newBroker(t, func(c *Config) { c.Files = 1 << 20 }).listen()
	b.dial()
}

// Whatever has taken the files of clients, a few are let in.
func TestAFewClientsAreLetInAllTheSame(t *testing.T) {
	b := newBroker(t, func(c *Config) { c.Files, c.Few, c.FewFiles = 1, 2, 1<<20 }).listen()
	b.dial()
	b.dial()
	nc := b.connect()
	defer nc.Close()
	if n, err := nc.Read(make([]byte, 1)); err == nil {
		t.Errorf("a third was told %d bytes", n)
	}
	b = newBroker(t, func(c *Config) { c.Files, c.Few, c.FewFiles = 1, 2, 1 }).listen()
	nc = b.connect()
	defer nc.Close()
	if n, err := nc.Read(make([]byte, 1)); err == nil {
		t.Errorf("who would take the last file was told %d bytes", n)
	}
}

func TestAComplaintIsMadeSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c complaint
		made, unheard := 0, 0
		for range 100 {
			if n, ok := c.due(time.Now()); ok {
				made, unheard = made+1, unheard+n
			}
			time.Sleep(time.Second / 2)
		}
		if made != 5 || unheard != 76 {
			t.Errorf("made %d times, with %d unheard ones before", made, unheard)
		}
	})
}
