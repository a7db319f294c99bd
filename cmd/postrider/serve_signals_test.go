package main

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Service managers and log rotation send SIGHUP to have files read again. It is no reason to end.
func TestAHangupEndsNoBroker(t *testing.T) {
	t.Parallel()
	if hangup == nil {
		t.Skip("there is no such signal")
	}
	b, url := serving(t, "--dir", t.TempDir())
	b.hangup()
	b.stderr.await(t, b.ended, "there are no TLS files to read again")
	runs(t, "send", "mailbox:jobs", "x", "--broker", url).wants(t, exitOK, "")
	b.stop().wants(t, exitOK, "listening on "+url+"\n", "broker has stopped")
}

// A broker that is told to stop while it reads its journal stops when that is read, and nothing has failed.
func TestABrokerIsStoppedWhileItStarts(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	args := []string{"serve", "--listen", "localhost:0", "--dir", t.TempDir()}
	root := newRoot(args...)
	var stdout, stderr strings.Builder
	root.SetOut(&stdout)
	root.SetErr(&stderr)
	if code := run(ctx, root, args, &stderr); code != exitOK || stdout.Len() > 0 || !strings.Contains(stderr.String(), "broker has stopped") {
		t.Errorf("exit code %d, stdout %q, stderr %s", code, &stdout, &stderr)
	}
}

// A service manager that asks for it learns when the broker is ready, and when it is about to end.
func TestTheServiceManagerIsTold(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Skip(err)
	}
	defer manager.Close()
	told := func() string {
		b := make([]byte, 100)
		_ = manager.SetReadDeadline(time.Now().Add(patience))
		n, err := manager.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
	b, url := servingWith(t, func(cmd *exec.Cmd) { cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+path) }, "--memory")
	if got := told(); got != "READY=1" {
		t.Errorf("%q", got)
	}
	b.stop().wants(t, exitOK, "listening on "+url+"\n")
	if got := told(); got != "STOPPING=1" {
		t.Errorf("%q", got)
	}
}

func TestWhoReadsTheLogMayEndBeforeTheBroker(t *testing.T) {
	t.Parallel()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "serve", "--listen", "127.0.0.1:0", "--dir", t.TempDir(), "--log-level", "debug")
	cmd.Stderr = write
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	write.Close()
	stdout := newLineLog()
	go stdout.read(out)
	url := strings.TrimPrefix(stdout.await(t, nil, "listening on "), "listening on ")
	read.Close()
	wrong := as(url, "guest", "wrong", "")
	runs(t, "send", "mailbox:jobs", "x", "--broker", wrong).wants(t, exitFailed, "", "ACCESS_REFUSED") // which is logged
	runs(t, "send", "mailbox:jobs", "x", "--broker", url).wants(t, exitOK, "")
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func TestACertificateThatHasExpiredIsToldOfAtTheStart(t *testing.T) {
	t.Parallel()
	for end, want := range map[time.Duration]string{-time.Hour: "the certificate has expired: clients refuse it", time.Hour: "the certificate expires soon"} {
		cert, key := certificateUntil(t, time.Now().Add(end))
		b := start(t, "serve", "--listen", "127.0.0.1:0", "--memory", "--tls-cert", cert, "--tls-key", key)
		if line := b.stderr.await(t, b.ended, want); !strings.Contains(line, cert) {
			t.Errorf("which one? %s", line)
		}
		b.stop()
	}
}

// That it is over is told when it is, and once a day.
func TestACertificateThatExpiresIsToldOfAgain(t *testing.T) {
	t.Parallel()
	began := time.Now()
	cert, key := certificateUntil(t, began.Add(time.Hour))
	var told bytes.Buffer
	log := slog.New(slog.NewTextHandler(&told, nil))
	c, err := (&serveOptions{tlsCert: cert, tlsKey: key}).serverTLS(log)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		at   time.Duration
		want string // "" for nothing
	}{
		{0, "expires soon"}, {30 * time.Minute, ""}, {2 * time.Hour, "has expired"}, {3 * time.Hour, ""}, {27 * time.Hour, "has expired"},
	} {
		if step.at > 0 {
			c.current(began.Add(step.at))
		}
		if got := told.String(); step.want == "" && got != "" || !strings.Contains(got, step.want) {
			t.Errorf("after %v it says %q, want %q", step.at, got, step.want)
		}
		told.Reset()
	}
}

func TestTheLargestMessageThatIsAccepted(t *testing.T) {
	t.Parallel()
	_, url := serving(t, "--memory", "--max-message", "20KiB")
	runs(t, "send", "mailbox:jobs", strings.Repeat("x", 20<<10), "--broker", url).wants(t, exitOK, "")
	runs(t, "send", "mailbox:jobs", strings.Repeat("x", 21<<10), "--broker", url).wants(t, exitFailed, "", "configured max size 20480")
}
