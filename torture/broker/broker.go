package broker

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Patience is how long a start or a stop may take before it counts as a hang.
const Patience = 30 * time.Second

// Broker is a process of ours.
type Broker struct {
	cmd      *exec.Cmd
	began    time.Time
	url      chan string
	log      safeBuffer
	done     chan struct{}
	state    *os.ProcessState
	TimeToGo time.Duration // from its start until it listened; set by Ready
}

// Build compiles the program into dir. More flags are given to `go build`.
func Build(root, dir string, flags ...string) (program string, err error) {
	program = filepath.Join(dir, "postrider")
	cmd := exec.Command("go", append(append([]string{"build", "-o", program}, flags...), "./cmd/postrider")...)
	cmd.Dir = root
	if len(flags) == 0 { // as it is released; the race detector needs C
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s", cmd, err, out)
	}
	return program, nil
}

// Serve returns the command line of a broker whose data are in dir.
func Serve(program, dir string, flags ...string) []string {
	return append([]string{program, "serve", "--listen", "127.0.0.1:0", "--dir", dir}, flags...)
}

// Start starts a process.
func Start(args []string) (*Broker, error) {
	b := &Broker{cmd: exec.Command(args[0], args[1:]...), began: time.Now(), url: make(chan string, 1), done: make(chan struct{})}
	b.cmd.Stderr = &b.log
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := b.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := b.cmd.Start(); err != nil {
		return nil, err
	}
	go b.watch(out)
	return b, nil
}

// watch finds the line "listening on amqp://HOST:PORT", or amqps://, and waits for the end.
func (b *Broker) watch(out io.Reader) {
	defer close(b.done)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if url, ok := strings.CutPrefix(lines.Text(), "listening on amqp"); ok {
			scheme, at, _ := strings.Cut(url, "://")
			b.url <- "amqp" + scheme + "://guest:guest@" + at + "/"
			break
		}
	}
	_, _ = io.Copy(io.Discard, out)
	_ = b.cmd.Wait()
	b.state = b.cmd.ProcessState
}

// ErrEnded is returned by Ready when the process ended without listening.
var ErrEnded = errors.New("the broker ended by itself")

// Ready waits until the broker listens, and returns its URL.
func (b *Broker) Ready() (url string, err error) {
	select {
	case url = <-b.url:
		b.TimeToGo = time.Since(b.began)
		return url, nil
	case <-b.done:
		return "", fmt.Errorf("%w: %v\n%s", ErrEnded, b.state, &b.log)
	case <-time.After(Patience):
		b.Kill()
		return "", fmt.Errorf("hang: the broker did not listen within %v\n%s", Patience, &b.log)
	}
}

// Listens says whether the broker had said that it listens. It may be asked instead of Ready.
func (b *Broker) Listens() bool { return len(b.url) > 0 }

// PID is the process's.
func (b *Broker) PID() int { return b.cmd.Process.Pid }

// Done is closed when the process has ended.
func (b *Broker) Done() <-chan struct{} { return b.done }

// Log is what it has written to stderr.
func (b *Broker) Log() string { return b.log.String() }

// ExitCode is the process's, when it has ended; -1 if a signal ended it.
func (b *Broker) ExitCode() int {
	<-b.done
	return b.state.ExitCode()
}

// Kill ends it and all that it started with signal 9.
func (b *Broker) Kill() {
	_ = syscall.Kill(-b.cmd.Process.Pid, syscall.SIGKILL)
	<-b.done
}

// Terminate asks it to end.
func (b *Broker) Terminate() error {
	if err := b.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("SIGTERM: %w: the broker had ended by itself", err)
	}
	return nil
}

// Stop asks it to end, and waits until it has. A broker that does not, or not well, is an error.
func (b *Broker) Stop() error {
	if err := b.Terminate(); err != nil {
		return err
	}
	return b.Ended()
}

// Ended waits for an end in good order.
func (b *Broker) Ended() error {
	select {
	case <-b.done:
	case <-time.After(Patience):
		_ = b.cmd.Process.Signal(syscall.SIGQUIT) // it says where its goroutines are
		select {
		case <-b.done:
		case <-time.After(time.Second):
			b.Kill()
		}
		return fmt.Errorf("hang: the broker did not end within %v\n%s", Patience, &b.log)
	}
	if !b.state.Success() {
		return fmt.Errorf("the broker did not end well: %v\n%s", b.state, &b.log)
	}
	return nil
}

// safeBuffer is a bytes.Buffer for several goroutines.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
