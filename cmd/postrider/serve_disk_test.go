package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTheJournalAsTheCommandLineWantsIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, url := serving(t, "--dir", dir, "--sync", "interval", "--segment-size", "256KiB")
	b.stderr.await(t, b.ended, "messages are confirmed before they are safely on disk")
	runs(t, "send", "mailbox:jobs", "x", "--broker", url).wants(t, exitOK, "")
	segments, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil || len(segments) == 0 {
		t.Fatal(segments, err)
	}
	for _, path := range segments {
		if info, err := os.Stat(path); err != nil || info.Size() != 256<<10+4096 {
			t.Errorf("%s: %v, %v", path, info.Size(), err)
		}
	}
	b.stop()
}

func TestAJournalThatCannotBe(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"--sync", "sometimes"}, {"--segment-size", "12"}, {"--segment-size", "12KiB"}, {"--segment-size", "2GiB"},
		{"--segment-size", "-1MiB"}, {"--segment-size", "99999999999999999GiB"},
	} {
		o := runs(t, append([]string{"serve"}, args...)...)
		o.wants(t, exitUsage, "", args[0], args[1], "want ")
	}
}
