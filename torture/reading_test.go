package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/postrider-mq/postrider/torture/broker"
)

// The disk cannot be read, here and there, while the broker starts. It may start with what it can read, or say what stops it; but when
// the disk can be read again, all that was confirmed must be there.
func TestReadErrorsAtTheStartCostNothing(t *testing.T) {
	needStrace(t)
	dir := t.TempDir()
	b, url := start(t, broker.Serve(program, dir, small()...))
	publishers, _ := load(t, url, 400)
	b.Kill()
	for _, when := range []string{"1", "2", "3", "4", "5", "1+", "2+", "3+"} { // counted for each thread
		inject := []string{"strace", "-f", "-o", filepath.Join(t.TempDir(), "strace"), "-e", "trace=pread64", "-e", fmt.Sprintf("inject=pread64:error=EIO:when=%s", when)}
		b, err := broker.Start(slices.Concat(inject, broker.Serve(program, dir, small()...)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Ready(); err != nil {
			if !strings.Contains(b.Log(), dir) || b.ExitCode() <= 0 {
				t.Errorf("it did not say what stops it: exit code %d\n%s", b.ExitCode(), b.Log())
			}
			continue
		}
		b.Kill()
		t.Logf("read %s: it started all the same\n%s", when, b.Log())
	}
	b, url = start(t, broker.Serve(program, dir, small()...))
	for _, p := range publishers {
		p.wantStored(t, url)
	}
	stop(t, b)
}
