package rabbitmq

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// A life is one of a node's process, from its start to its end.
type life struct {
	command *exec.Cmd
	words   words
	ended   chan struct{} // closed when the process is gone
}

// errEnded is of a node that ended by itself.
var errEnded = errors.New("RabbitMQ ended while it was to start")

// dying bounds how long a process may take to be gone that was given signal 9, and how long what it leaves behind may hold its output open.
const dying = 10 * time.Second

// begin starts the process in a group of its own: its start script, and what that starts.
func begin(command *exec.Cmd) (*life, error) {
	l := &life{command: command, words: words{ready: make(chan struct{})}, ended: make(chan struct{})}
	command.Stdout, command.Stderr = &l.words, &l.words
	command.WaitDelay = dying
	ownGroup(command)
	if err := command.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(l.ended)
		_ = command.Wait() // it is killed, or its words say why it went
	}()
	return l, nil
}

func (l *life) serving(ctx context.Context) error {
	select {
	case <-l.words.ready:
		return nil
	case <-l.ended:
		return fmt.Errorf("%w (%v):\n%s", errEnded, l.command.ProcessState, l.words.last())
	case <-ctx.Done():
		return fmt.Errorf("RabbitMQ did not start in time: %w; it said:\n%s", ctx.Err(), l.words.last())
	}
}

// kill ends the worker, which may have left the group, and the group, and waits until they are gone.
func (l *life) kill(worker int) error {
	select {
	case <-l.ended:
		return nil
	default:
	}
	killProcess(worker)
	killGroup(l.command)
	select {
	case <-l.ended:
		return nil
	case <-time.After(2 * dying):
		return errors.New("RabbitMQ does not end")
	}
}

// words are what a process says: the last of them, and whether it has said that it serves.
type words struct {
	ready chan struct{}

	mu    sync.Mutex
	text  []byte
	found bool
}

// mostWords bounds what is kept, in bytes.
const mostWords = 16 << 10

// serves is how RabbitMQ ends its banner: "completed with 0 plugins."
const serves = " completed with "

func (w *words) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text = append(w.text, b...)
	if !w.found && bytes.Contains(w.text, []byte(serves)) {
		w.found = true
		close(w.ready)
	}
	if over := len(w.text) - mostWords; over > 0 {
		w.text = append(w.text[:0], w.text[over:]...)
	}
	return len(b), nil
}

func (w *words) last() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.TrimSpace(string(w.text))
}
