package child

import (
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// A Process is one that this one has started. It ends with its stdin.
type Process struct {
	Name string

	cmd   *exec.Cmd
	stdin io.WriteCloser
	log   *logTail
	ended chan struct{} // closed when the process is gone
}

// Start starts the program. Its stdout is read by read, in a goroutine of its own.
func Start(name, program string, args []string, read func(io.Reader)) (*Process, error) {
	p := &Process{Name: name, cmd: exec.Command(program, args...), log: &logTail{}, ended: make(chan struct{})}
	p.cmd.Stderr = p.log
	apart(p.cmd)
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	go func() {
		read(stdout)
		_, _ = io.Copy(io.Discard, stdout)
		_ = p.cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// Pid is its number.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Kill kills the process as nothing can defend itself against, and waits until it is gone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// End lets the process end by itself, and kills it if it does not.
func (p *Process) End() {
	_ = p.stdin.Close()
	patience := time.AfterFunc(2*time.Second, func() { _ = p.cmd.Process.Kill() })
	defer patience.Stop()
	<-p.ended
}

// Ended is closed when the process is gone.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Log is the end of what it has written to stderr.
func (p *Process) Log() string { return p.log.String() }

// logTail keeps the end of a process's log.
type logTail struct {
	mu   sync.Mutex
	text []byte
}

const maxLog = 4096

func (l *logTail) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, b...)
	if over := len(l.text) - maxLog; over > 0 {
		l.text = append(l.text[:0], l.text[over:]...)
	}
	return len(b), nil
}

func (l *logTail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.TrimSpace(string(l.text))
}
