//go:build unix

package main

import (
	"io"
	"net"
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

// Who interrupts an import is told that a part of it may be done.
func TestAnImportThatDoesNotEndSaysHowItLeavesThings(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, path := filepath.Join(dir, "broker.json"), filepath.Join(dir, "socket")
	if err := os.WriteFile(file, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	accept := func() net.Conn {
		t.Helper()
		c, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	silent := start(t, "definitions", "import", file, "--admin-socket", path)
	defer accept().Close()
	silent.stop().wants(t, exitFailed, "", "postrider: interrupted\nWhat to do: a part may have been imported, and stays: import the file again for the rest\n")

	begun := start(t, "definitions", "import", file, "--admin-socket", path)
	c := accept()
	defer c.Close()
	if _, err := c.Read(make([]byte, 4096)); err != nil { // what is asked
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"); err != nil {
		t.Fatal(err)
	}
	begun.stop().wants(t, exitFailed, "", "interrupted\nWhat to do: a part may have been imported")
}

// Whoever was to write the definitions may have failed.
func TestNothingAtAllIsNoDefinitions(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	serving(t, "--dir", dir)
	empty := filepath.Join(t.TempDir(), "empty.json")
	if err := os.WriteFile(empty, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	runs(t, "definitions", "import", "--dir", dir).wants(t, exitFailed, "", "stdin is empty")
	runs(t, "definitions", "import", empty, "--dir", dir).wants(t, exitFailed, "", empty+" is empty")
	runWith(t, "{}", nil, "definitions", "import", "-", "--dir", dir).wants(t, exitOK, "imported nothing\n")
	runs(t, "serve", "--memory", "--listen", "127.0.0.1:0", "--definitions", empty).wants(t, exitFailed, "", "--definitions: "+empty+" is empty")
}
