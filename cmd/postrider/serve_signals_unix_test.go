//go:build unix

package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Nor does a hangup end one that is starting, or stopping.
func TestAHangupEndsNoBrokerThatStarts(t *testing.T) {
	t.Parallel()
	late := filepath.Join(t.TempDir(), "definitions") // a start waits for who writes them
	if err := syscall.Mkfifo(late, 0o600); err != nil {
		t.Fatal(err)
	}
	b := start(t, "serve", "--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--memory", "--definitions", late)
	b.stderr.await(t, b.ended, "metrics endpoint is ready")
	b.hangup()
	b.stderr.await(t, b.ended, "there are no TLS files to read again")
	if err := os.WriteFile(late, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	url := b.stdout.await(t, b.ended, "listening on ")
	b.stop().wants(t, exitOK, url+"\n", "broker has stopped")
}
