package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAClosedPortIsNamedWithItsRemedy(t *testing.T) {
	t.Parallel()
	at := "amqp://" + closedPort(t)
	for _, args := range [][]string{
		{"send", "mailbox:jobs", "x", "--broker", at, "--timeout", "300ms"},
		{"post", "mailbox:jobs", "x", "--broker", at, "--timeout", "300ms"},
		{"call", "mailbox:jobs", "x", "--broker", at, "--timeout", "300ms"},
		{"send", at + "/bob", "x", "--timeout", "300ms"},
		{"send", at, "x", "--timeout", "300ms"},
		{"ping", "mailbox:jobs", "--broker", at},
	} {
		t.Run(strings.Join(args[:2], " "), func(t *testing.T) {
			t.Parallel()
			o := runs(t, args...)
			o.wants(t, exitFailed, "", at, "connection refused", "nobody listens there")
			wantOneLine(t, o.stderr)
		})
	}
}

func TestAWrongPasswordIsNamedWithItsRemedyAndNotRepeated(t *testing.T) {
	t.Parallel()
	_, url := serving(t, "--memory")
	wrong := strings.Replace(url, "amqp://", "amqp://guest:hunter2@", 1)
	for _, args := range [][]string{
		{"send", "mailbox:jobs", "x", "--broker", wrong},
		{"post", "mailbox:jobs", "x", "--broker", wrong, "--timeout", "0"},
		{"call", "mailbox:jobs", "x", "--broker", wrong},
		{"receive", "mailbox:jobs", "--broker", wrong},
		{"ping", "mailbox:jobs", "--broker", wrong},
	} {
		t.Run(args[0], func(t *testing.T) {
			t.Parallel()
			o := runs(t, args...)
			o.wants(t, exitFailed, "", "ACCESS_REFUSED", "check user and password")
			if strings.Contains(o.stderr, "deadline") {
				t.Errorf("it waited:\n%s", o.stderr)
			}
			if strings.Contains(o.stderr, "hunter2") {
				t.Errorf("stderr repeats the password:\n%s", o.stderr)
			}
		})
	}
}

// wantOneLine checks that an error is a line, for whoever reads logs.
func wantOneLine(t *testing.T, stderr string) {
	t.Helper()
	if strings.Count(stderr, "\n") != 1 {
		t.Errorf("want one line, got:\n%s", stderr)
	}
}

func TestAPortThatIsTaken(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	o := runs(t, "serve", "--memory", "--listen", ln.Addr().String())
	o.wants(t, exitFailed, "", "cannot listen on "+ln.Addr().String(), "choose another port with --listen")
	wantOneLine(t, o.stderr)
}

func TestADirectoryThatIsInUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, url := serving(t, "--dir", dir)
	o := runs(t, "serve", "--dir", dir, "--listen", "127.0.0.1:0")
	o.wants(t, exitFailed, "", dir, "in use by another process (pid ", "choose another directory")
	wantOneLine(t, o.stderr)
	runs(t, "send", "mailbox:jobs", "unharmed", "--broker", url).wants(t, exitOK, "")
}

func TestADirectoryThatIsAFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := runs(t, "serve", "--dir", path, "--listen", "127.0.0.1:0")
	o.wants(t, exitFailed, "", path, "not a directory")
}

func TestATornTailCostsNothingConfirmed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, url := serving(t, "--dir", dir)
	runWith(t, "1\n2\n3\n", nil, "send", "mailbox:jobs", "--broker", url).wants(t, exitOK, "")
	b.kill()
	tear(t, dir)
	b, url = serving(t, "--dir", dir)
	runs(t, "receive", "mailbox:jobs", "--count", "3", "--broker", url).wants(t, exitOK, "1\n2\n3\n")
	b.stop().wants(t, exitOK, "listening on "+url+"\n")
}

// tear writes half a record behind the last one, as a crash in the middle of a write leaves it.
func tear(t *testing.T, dir string) {
	t.Helper()
	segments, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil || len(segments) == 0 {
		t.Fatal(segments, err)
	}
	path := segments[len(segments)-1]
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	end := len(strings.TrimRight(string(b), "\x00"))
	end = (end + 15) &^ 7
	copy(b[end:], "half a record that never became whole")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestGarbageHarmsNobodyElse(t *testing.T) {
	t.Parallel()
	_, url := serving(t, "--memory")
	address := strings.TrimPrefix(url, "amqp://")
	for _, garbage := range []string{"GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00", "AMQP\x00\x01\x00\x00", strings.Repeat("\xff", 100)} {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Write([]byte(garbage)); err != nil {
			t.Fatal(err)
		}
	}
	runs(t, "send", "mailbox:jobs", "unharmed", "--broker", url).wants(t, exitOK, "")
	runs(t, "receive", "mailbox:jobs", "--count", "1", "--broker", url).wants(t, exitOK, "unharmed\n")
}
