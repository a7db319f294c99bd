//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// What is no file, as /dev/stdout and /dev/null are none, must not become one.
func TestDefinitionsGoIntoAPipeOrALinkThatIsThere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	serving(t, "--dir", dir)
	pipe, link, file := filepath.Join(dir, "pipe"), filepath.Join(dir, "link"), filepath.Join(dir, "file")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("file", link); err != nil {
		t.Fatal(err)
	}
	reader, err := os.OpenFile(pipe, os.O_RDWR, 0) // which is there before the writer
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for _, path := range []string{pipe, link} {
		runs(t, "definitions", "export", path, "--dir", dir).wants(t, exitOK, "")
		if info, err := os.Lstat(path); err != nil || info.Mode().IsRegular() {
			t.Errorf("%s has become a file, %v", path, err)
		}
	}
	piped := make([]byte, 1<<16)
	n, err := reader.Read(piped)
	if err != nil || !strings.Contains(string(piped[:n]), `"rabbit_version"`) {
		t.Errorf("%q, %v", piped[:n], err)
	}
	if linked, err := os.ReadFile(file); err != nil || string(linked) != string(piped[:n]) {
		t.Errorf("%q, %v", linked, err)
	}
}
