package nodes

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/postrider-mq/postrider/torture/node"
	"github.com/postrider-mq/postrider/torture/told"
)

// Patience is how long a node may take to start, to come to rest or to end: more than it allows itself.
const Patience = 100 * time.Second

// process is one life of a node.
type process struct {
	run    *Run
	name   string
	number int
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stderr string // a file

	up        chan struct{} // closed when it listens
	receiving chan struct{}
	quiet     chan struct{}
	closed    chan struct{}
	over      chan struct{} // closed when it has ended and all that it told is read
}

// begin starts a life. The last one of that node is over.
func (r *Run) begin(c node.Config) (*process, error) {
	cmd, err := node.Command(c)
	if err != nil {
		return nil, err
	}
	p := &process{
		run: r, name: c.Name, number: c.Life, cmd: cmd, stderr: filepath.Join(r.cfg.Dir, fmt.Sprintf("%s.%d.stderr", c.Name, c.Life)),
		up: make(chan struct{}), receiving: make(chan struct{}), quiet: make(chan struct{}), closed: make(chan struct{}), over: make(chan struct{}),
	}
	stderr, err := os.Create(p.stderr)
	if err != nil {
		return nil, err
	}
	defer stderr.Close()
	cmd.Stderr = stderr
	if p.stdin, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	at := told.Now()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	r.ledger.Begin(c.Name, c.Life, at)
	r.story.note(at, fmt.Sprintf("%s.%d begins", c.Name, c.Life))
	go p.listen(out)
	return p, nil
}

// listen reads all that the node tells, to its end. A line that was cut off is none.
func (p *process) listen(out io.Reader) {
	defer close(p.over)
	for lines := bufio.NewReaderSize(out, 1<<16); ; {
		raw, err := lines.ReadBytes('\n')
		if err != nil {
			break
		}
		l, err := told.Read(raw)
		if err != nil {
			p.run.ledger.Violate("wrong", fmt.Sprintf("%s.%d says %.200q: %v", p.name, p.number, raw, err))
			continue
		}
		p.run.story.line(p.name, p.number, raw)
		p.run.ledger.Tell(p.name, p.number, l)
		p.heard(l)
	}
	_ = p.cmd.Wait()
	p.run.story.note(told.Now(), fmt.Sprintf("%s.%d is over: %v", p.name, p.number, p.cmd.ProcessState))
}

func (p *process) heard(l told.Line) {
	switch {
	case l.Kind == told.Up && l.Op == "listening":
		p.run.proxies[p.name].Lead(l.Text)
		close(p.up)
	case l.Kind == told.Up:
		close(p.receiving)
	case l.Kind == told.Quiet:
		close(p.quiet)
	case l.Kind == told.Closed:
		p.run.ledger.End(p.name, p.number, l.At, true)
		close(p.closed)
	}
}

// kill ends it with signal 9, if it has not ended.
func (p *process) kill() {
	select {
	case <-p.over:
		return
	default:
	}
	at := told.Now()
	p.run.story.note(at, fmt.Sprintf("%s.%d is killed", p.name, p.number))
	p.run.ledger.End(p.name, p.number, at, false)
	_ = p.cmd.Process.Kill()
	<-p.over
}

// say gives it a command. One that is over does not hear it.
func (p *process) say(command string) {
	p.run.story.note(told.Now(), fmt.Sprintf("%s.%d is told: %s", p.name, p.number, command))
	_, _ = fmt.Fprintln(p.stdin, command)
}

// order gives it a command, and waits for what is to come of it.
func (p *process) order(command string, until <-chan struct{}) error {
	p.say(command)
	return p.await(command, until)
}

// await waits for something, or for the end.
func (p *process) await(what string, until <-chan struct{}) error {
	select {
	case <-until:
		return nil
	case <-p.over:
		select {
		case <-until:
			return nil
		default:
		}
		return p.died()
	case <-time.After(Patience):
		_ = p.cmd.Process.Signal(quit) // it says where its goroutines are
		select {
		case <-p.over:
		case <-time.After(5 * time.Second):
			p.kill()
		}
		return fmt.Errorf("hang: %s.%d: %s\n%s", p.name, p.number, what, p.last(20_000))
	}
}

// died is the error of a node that ended by itself.
func (p *process) died() error {
	<-p.over
	return fmt.Errorf("%s.%d ended by itself: %v\n%s", p.name, p.number, p.cmd.ProcessState, p.last(8000))
}

// last is the end of what it said on stderr.
func (p *process) last(n int) string {
	raw, err := os.ReadFile(p.stderr)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(raw[max(0, len(raw)-n):]))
}
