package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
)

// Who reads stdin to its end can be interrupted while nobody writes there.
func TestWaitingForStdinCanBeInterrupted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, url := serving(t, "--dir", dir)
	for _, args := range [][]string{
		{"definitions", "import", "--dir", dir},
		{"user", "add", "alice", "--dir", dir},
		{"send", "mailbox:jobs", "--file", "-", "--broker", url},
	} {
		ctx, interrupt := context.WithCancel(t.Context())
		root, stderr := newRoot(args...), new(bytes.Buffer)
		root.SetIn(wordless{interrupt, t.Context().Done()})
		if code := run(ctx, root, args, stderr); code != exitFailed || strings.TrimSpace(stderr.String()) != "postrider: interrupted" {
			t.Errorf("%v: exit code %d, stderr %q", args, code, stderr)
		}
	}
}

// wordless is an input at which nothing is ever typed; it tells that somebody waits for it.
type wordless struct {
	waited func()
	over   <-chan struct{}
}

func (s wordless) Read([]byte) (int, error) {
	s.waited()
	<-s.over
	return 0, context.Canceled
}
