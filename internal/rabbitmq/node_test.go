package rabbitmq

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func node(t *testing.T, script string) (*life, context.Context) {
	t.Helper()
	l, err := begin(exec.Command("sh", "-c", script))
	if err != nil {
		t.Skip("no shell: ", err)
	}
	t.Cleanup(func() { l.kill(0) })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return l, ctx
}

func TestANodeServesWhenItHasSaidSo(t *testing.T) {
	l, ctx := node(t, `printf '  Starting broker...'; echo ' completed with 0 plugins.'; exec sleep 1000`)
	if err := l.serving(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestANodeThatEndsTellsItsLastWords(t *testing.T) {
	l, ctx := node(t, `echo 'port 4369 is in use'; echo again >&2; exit 3`)
	err := l.serving(ctx)
	if !errors.Is(err, errEnded) || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "port 4369 is in use\nagain") {
		t.Errorf("%v", err)
	}
	if err := l.kill(0); err != nil {
		t.Errorf("what has ended cannot be ended again: %v", err)
	}
}

func TestANodeThatHangsIsGivenUpAndKilledWithWhatItStarted(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	command := exec.Command("sh", "-c", `sleep 1000 & echo waiting; wait`)
	command.ExtraFiles = []*os.File{w} // open for as long as one of them lives
	l, err := begin(command)
	if err != nil {
		t.Skip("no shell: ", err)
	}
	w.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.serving(ctx); !errors.Is(err, context.Canceled) || errors.Is(err, errEnded) {
		t.Errorf("%v", err)
	}
	if err := l.kill(0); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(r); err != nil {
		t.Error(err)
	}
}

func TestOnlyTheLastWordsAreKept(t *testing.T) {
	w := words{ready: make(chan struct{})}
	for range 3 {
		w.Write([]byte(strings.Repeat("x", mostWords)))
	}
	w.Write([]byte(serves + "0 plugins"))
	<-w.ready
	w.Write([]byte(serves)) // twice is no harm
	if s := w.last(); len(s) > mostWords || !strings.Contains(s, serves) {
		t.Errorf("%d bytes are kept", len(s))
	}
}

func TestPortsAreFreeAndDifferent(t *testing.T) {
	ports, err := freePorts(5)
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, p := range ports {
		ln, err := net.Listen("tcp", loopback+p)
		if err != nil || seen[p] {
			t.Fatalf("%v: %v", ports, err)
		}
		defer ln.Close()
		seen[p] = true
	}
}
