package main

import (
	"os"
	"os/exec"
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

func TestTheLargestMessageThatIsAccepted(t *testing.T) {
	t.Parallel()
	_, url := serving(t, "--memory", "--max-message", "20KiB")
	runs(t, "send", "mailbox:jobs", strings.Repeat("x", 20<<10), "--broker", url).wants(t, exitOK, "")
	runs(t, "send", "mailbox:jobs", strings.Repeat("x", 21<<10), "--broker", url).wants(t, exitFailed, "", "configured max size 20480")
}
