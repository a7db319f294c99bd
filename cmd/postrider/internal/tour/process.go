package tour

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// process is one process of the tour. It ends with its stdin.
type process struct {
	name  string
	cmd   *exec.Cmd
	stdin io.WriteCloser
	log   *logTail
	ended chan struct{} // closed when the process is gone
}

// startProcess starts the program. Its stdout is read by read, in a goroutine of its own.
func startProcess(name, program string, args []string, read func(io.Reader)) (*process, error) {
	p := &process{name: name, cmd: exec.Command(program, args...), log: &logTail{}, ended: make(chan struct{})}
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

func (p *process) pid() int { return p.cmd.Process.Pid }

// kill kills the process as nothing can defend itself against, and waits until it is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// end lets the process end by itself, and kills it if it does not.
func (p *process) end() {
	_ = p.stdin.Close()
	patience := time.AfterFunc(2*time.Second, func() { _ = p.cmd.Process.Kill() })
	defer patience.Stop()
	<-p.ended
}

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

// node is a node's process, as the tour sees it.
type node struct {
	*process
	address string // where it listens

	writing sync.Mutex
	orders  *json.Encoder

	mu      sync.Mutex
	seq     int
	answers map[int]chan report
	events  []report
	more    chan struct{} // closed when there is one more
}

// startNode starts a node and waits until it is ready.
func startNode(ctx context.Context, program string, s setup) (*node, error) {
	n := &node{address: s.Listen, answers: map[int]chan report{}, more: make(chan struct{})}
	p, err := startProcess(s.Name, program, []string{NodeVerb}, n.read)
	if err != nil {
		return nil, err
	}
	n.process, n.orders = p, json.NewEncoder(p.stdin)
	if err := n.orders.Encode(s); err != nil {
		p.kill()
		return nil, n.gone()
	}
	if _, err := n.await(ctx, "to be ready", func(all []report) bool { return len(all) > 0 }); err != nil {
		p.kill()
		return nil, err
	}
	return n, nil
}

// read takes what the node reports until it ends.
func (n *node) read(r io.Reader) {
	for reports := json.NewDecoder(r); ; {
		var r report
		if reports.Decode(&r) != nil {
			return
		}
		n.mu.Lock()
		if r.Seq == 0 {
			n.events = append(n.events, r)
			close(n.more)
			n.more = make(chan struct{})
		} else if c := n.answers[r.Seq]; c != nil {
			delete(n.answers, r.Seq)
			c <- r
		}
		n.mu.Unlock()
	}
}

// begin gives an order and returns where its answer will be.
func (n *node) begin(o order) (<-chan report, error) {
	n.mu.Lock()
	n.seq++
	o.Seq = n.seq
	answer := make(chan report, 1)
	n.answers[o.Seq] = answer
	n.mu.Unlock()
	n.writing.Lock()
	defer n.writing.Unlock()
	if n.orders.Encode(o) != nil {
		return nil, n.gone()
	}
	return answer, nil
}

// finish waits for an answer.
func (n *node) finish(ctx context.Context, answer <-chan report) (report, error) {
	select {
	case r := <-answer:
		if r.Error != "" {
			return r, fmt.Errorf("%s: %s", n.name, r.Error)
		}
		return r, nil
	case <-n.ended:
		return report{}, n.gone()
	case <-ctx.Done():
		return report{}, fmt.Errorf("%s did not answer: %w", n.name, context.Cause(ctx))
	}
}

// do has an order carried out.
func (n *node) do(ctx context.Context, o order) (report, error) {
	answer, err := n.begin(o)
	if err != nil {
		return report{}, err
	}
	return n.finish(ctx, answer)
}

// await waits until what the node has told of is enough, and returns all of it.
func (n *node) await(ctx context.Context, what string, enough func([]report) bool) ([]report, error) {
	for {
		n.mu.Lock()
		all, more := n.events[:len(n.events):len(n.events)], n.more
		n.mu.Unlock()
		if enough(all) {
			return all, nil
		}
		select {
		case <-more:
		case <-n.ended:
			return all, n.gone()
		case <-ctx.Done():
			return all, fmt.Errorf("waited in vain for %s %s: %w", n.name, what, context.Cause(ctx))
		}
	}
}

// told returns what the node has told of so far.
func (n *node) told() []report {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.events[:len(n.events):len(n.events)]
}

// gone says that the process ended by itself.
func (n *node) gone() error {
	text := "process " + n.name + " ended before its time"
	if log := n.log.String(); log != "" {
		text += ": " + log
	}
	return errors.New(text)
}
