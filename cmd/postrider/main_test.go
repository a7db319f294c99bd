package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// program is the binary, built once.
var program string

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := withProgram(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func withProgram(run func() int) (int, error) {
	dir, err := os.MkdirTemp("", "postrider-test-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // some tests run it as another user
		return 0, err
	}
	program = filepath.Join(dir, "postrider.exe")
	os.Unsetenv(brokerVariable)
	os.Setenv("GORACE", "atexit_sleep_ms=0") // or each command takes a second
	nobody, release, err := nobodyListens()
	if err != nil {
		return 0, err
	}
	defer release()
	// Whoever listens at the usual place on this machine has no part in the tests.
	args := []string{"build", "-o", program, "-ldflags", "-X main.usualPlace=" + nobody}
	if !testing.Short() { // the race detector makes programs slow to begin
		args = append(args, raceFlags...)
	}
	if out, err := exec.Command("go", append(args, ".")...).CombinedOutput(); err != nil {
		return 0, fmt.Errorf("go build: %w\n%s", err, out)
	}
	return run(), nil
}

// nobodyListens returns an address where nobody listens until it is released: that of one end of a connection, so that nobody gets it meanwhile.
func nobodyListens() (address string, release func(), err error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		ln.Close()
		return "", nil, err
	}
	return c.LocalAddr().String(), func() { c.Close(); ln.Close() }, nil
}

// patience is for what takes milliseconds as a rule, and an evaluation seconds, also on a machine that does much else.
const patience = 3 * time.Minute

// outcome is what became of a command.
type outcome struct {
	stdout, stderr string
	code           int
}

// runs runs the program to its end.
func runs(t *testing.T, args ...string) outcome {
	t.Helper()
	return runWith(t, "", nil, args...)
}

// runsUntil is runs for a command that waits for what will not come, and whose last words are of what it met meanwhile. That takes
// milliseconds as a rule: where it does not say so within a short timeout it has a longer one.
func runsUntil(t *testing.T, said string, args ...string) outcome {
	t.Helper()
	return runsFor(t, said, func(timeout string) []string { return append([]string{args[0], "--timeout", timeout}, args[1:]...) })
}

// runsFor is runsUntil for a command whose arguments with a timeout are what args returns.
func runsFor(t *testing.T, said string, args func(timeout string) []string) (o outcome) {
	t.Helper()
	for _, timeout := range []string{"300ms", "3s", "1m"} {
		o = runs(t, args(timeout)...)
		if o.stderr = notice.ReplaceAllString(o.stderr, ""); strings.Contains(o.stderr, said) {
			break
		}
	}
	return o
}

// notice is what a command says when it has waited for a while, and goes on waiting.
var notice = regexp.MustCompile(`(?m)^postrider: waiting for .*\n(What to do: .*\n)?`)

func runWith(t *testing.T, stdin string, adapt func(*exec.Cmd), args ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	if adapt != nil {
		adapt(cmd)
	}
	err := cmd.Run()
	if ctx.Err() != nil {
		t.Fatalf("postrider %s did not end; stderr:\n%s", strings.Join(args, " "), &stderr)
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return outcome{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// wants checks an outcome: the exit code, all of stdout, and parts of stderr.
func (o outcome) wants(t *testing.T, code int, stdout string, stderr ...string) {
	t.Helper()
	if o.code != code {
		t.Errorf("exit code %d, want %d", o.code, code)
	}
	if o.stdout != stdout {
		t.Errorf("stdout:\n%s\nwant:\n%s", o.stdout, stdout)
	}
	for _, part := range stderr {
		if !strings.Contains(o.stderr, part) {
			t.Errorf("stderr does not contain %q", part)
		}
	}
	if t.Failed() {
		t.Logf("stderr:\n%s", o.stderr)
	}
}

// background is a command that runs beside the test.
type background struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdout *lineLog
	stderr *lineLog
	ended  chan struct{}
}

// inbox is the URL of the inbox of a command that receives, as it says it.
func (b *background) inbox() string {
	b.t.Helper()
	return strings.TrimPrefix(b.stderr.await(b.t, b.ended, "inbox at "), "inbox at ")
}

// start starts a command; it is killed when the test ends, if it has not ended before.
func start(t *testing.T, args ...string) *background {
	t.Helper()
	return startWith(t, nil, args...)
}

func startWith(t *testing.T, adapt func(*exec.Cmd), args ...string) *background {
	t.Helper()
	b := &background{t: t, cmd: exec.Command(program, args...), stdout: newLineLog(), stderr: newLineLog(), ended: make(chan struct{})}
	if adapt != nil {
		adapt(b.cmd)
	}
	outPipe, err := b.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	errPipe, err := b.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		var readers sync.WaitGroup
		readers.Go(func() { b.stdout.read(outPipe) })
		readers.Go(func() { b.stderr.read(errPipe) })
		readers.Wait()
		_ = b.cmd.Wait()
		close(b.ended)
	}()
	t.Cleanup(func() {
		_ = b.cmd.Process.Kill()
		<-b.ended
		if t.Failed() {
			t.Logf("stderr of postrider %s:\n%s", strings.Join(args, " "), b.stderr.all())
		}
	})
	return b
}

// wait waits until the command ends, and returns its outcome.
func (b *background) wait() outcome {
	b.t.Helper()
	select {
	case <-b.ended:
	case <-time.After(patience):
		b.t.Fatalf("the command did not end; stderr:\n%s", b.stderr.all())
	}
	return outcome{b.stdout.all(), b.stderr.all(), b.cmd.ProcessState.ExitCode()}
}

// stop interrupts the command and returns its outcome.
func (b *background) stop() outcome {
	b.t.Helper()
	if err := b.cmd.Process.Signal(os.Interrupt); err != nil {
		b.t.Fatal(err)
	}
	return b.wait()
}

// kill kills the command as nothing can defend itself against.
func (b *background) kill() {
	_ = b.cmd.Process.Kill()
	<-b.ended
}

// serving starts a broker and returns its URL.
func serving(t *testing.T, args ...string) (*background, string) {
	t.Helper()
	return servingWith(t, nil, args...)
}

func servingWith(t *testing.T, adapt func(*exec.Cmd), args ...string) (*background, string) {
	t.Helper()
	b := startWith(t, adapt, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	line := b.stdout.await(t, b.ended, "listening on ")
	return b, strings.TrimPrefix(line, "listening on ")
}

// lineLog keeps what a command writes, and tells of it.
type lineLog struct {
	mu    sync.Mutex
	text  strings.Builder
	lines []string
	more  chan struct{}
}

func newLineLog() *lineLog { return &lineLog{more: make(chan struct{})} }

func (l *lineLog) read(r io.Reader) {
	for s := bufio.NewReader(r); ; {
		line, err := s.ReadString('\n')
		l.mu.Lock()
		l.text.WriteString(line)
		if err == nil {
			l.lines = append(l.lines, strings.TrimSuffix(line, "\n"))
		}
		close(l.more)
		l.more = make(chan struct{})
		l.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (l *lineLog) all() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// await waits for a line with part in it.
func (l *lineLog) await(t *testing.T, ended <-chan struct{}, part string) string {
	t.Helper()
	late := time.After(patience)
	for {
		l.mu.Lock()
		more := l.more
		for _, line := range l.lines {
			if strings.Contains(line, part) {
				l.mu.Unlock()
				return line
			}
		}
		l.mu.Unlock()
		select {
		case <-more:
		case <-ended:
			t.Fatalf("the command ended without saying %q", part)
		case <-late:
			t.Fatalf("the command did not say %q", part)
		}
	}
}
