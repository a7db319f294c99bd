package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"time"
)

// childArgument makes this binary a child.
const childArgument = "bench-child"

// giveUp is how long a child may take to end what it keeps.
const giveUp = 20 * time.Second

// ready bounds how long a child may take to prepare: RabbitMQ takes five seconds on a machine that has nothing else to do.
const ready = time.Minute

// A process is a child, seen from the parent.
type process struct {
	order   order
	command *exec.Cmd
	stdin   io.WriteCloser
	replies *json.Decoder
	keeper  atomic.Bool   // has started another program, or may have
	took    time.Duration // until it was ready
	pid     int           // of whoever does the work: the child, or a program that it speaks for
	stderr  bytes.Buffer
}

// startProcess returns when the child is ready; with its address, if it listens.
func startProcess(ctx context.Context, o order) (*process, string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, "", err
	}
	p := &process{order: o, command: exec.CommandContext(ctx, self, childArgument)}
	p.command.Stderr = &p.stderr
	p.command.WaitDelay = giveUp
	p.command.Cancel = p.giveNotice
	ownGroup(p.command)
	if p.stdin, err = p.command.StdinPipe(); err != nil {
		return nil, "", err
	}
	stdout, err := p.command.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	p.replies = json.NewDecoder(stdout)
	p.keeper.Store(true)
	if err := p.command.Start(); err != nil {
		return nil, "", err
	}
	late := time.AfterFunc(ready, p.abandon)
	if err := json.NewEncoder(p.stdin).Encode(o); err != nil {
		return p, "", p.failed(err)
	}
	r, err := p.reply()
	if !late.Stop() {
		err = errors.Join(p.failed(fmt.Errorf("it was not ready after %v", ready)), err)
	}
	p.took = r.Took
	if p.pid = r.Pid; p.pid == 0 {
		p.pid = p.command.Process.Pid
	}
	p.keeper.Store(err != nil || p.pid != p.command.Process.Pid)
	return p, r.Address, err
}

func (p *process) begin() error {
	if _, err := io.WriteString(p.stdin, commandGo+"\n"); err != nil {
		return p.failed(err)
	}
	return nil
}

// tally waits until the child's work is done.
func (p *process) tally() (tally, error) {
	r, err := p.reply()
	if err == nil && r.Tally == nil {
		err = p.failed(fmt.Errorf("no tally"))
	}
	if err != nil {
		return tally{}, err
	}
	return *r.Tally, nil
}

func (p *process) reply() (r reply, err error) {
	err = p.replies.Decode(&r)
	if err == nil && r.Error != "" {
		err = fmt.Errorf("%s", r.Error)
	}
	if err != nil {
		err = p.failed(err)
	}
	return r, err
}

// wait waits until a child whose stdin has ended is gone, and tells whether it ended well.
func (p *process) wait() error {
	var r reply
	err := p.replies.Decode(&r) // after the tally there is only an error to be told
	if err == nil && r.Error != "" {
		err = fmt.Errorf("closing: %s", r.Error)
	} else {
		err = nil
	}
	if waited := p.command.Wait(); err == nil {
		err = waited
	}
	if err != nil {
		err = p.failed(err)
	}
	return err
}

// crash ends who does the work as a power failure would, but for what the system has in its memory.
func (p *process) crash() {
	if worker, err := os.FindProcess(p.pid); err == nil {
		worker.Kill()
	}
	p.kill()
}

// giveNotice ends a child at once, or if it keeps another program, lets it end that first.
func (p *process) giveNotice() error {
	p.stdin.Close()
	if !p.keeper.Load() {
		p.end()
	}
	return nil
}

// abandon gives notice, and no more than the time to obey.
func (p *process) abandon() {
	p.giveNotice()
	time.AfterFunc(giveUp, p.end)
}

// end ends a child at once, with what it has started.
func (p *process) end() {
	if !errors.Is(p.command.Process.Signal(syscall.Signal(0)), os.ErrProcessDone) { // its number may be another's
		killGroup(p.command)
	}
}

// kill is for a run that failed.
func (p *process) kill() {
	p.giveNotice()
	late := time.AfterFunc(giveUp, p.end)
	defer late.Stop()
	p.command.Wait()
}

func (p *process) failed(err error) error {
	return fmt.Errorf("%s: %w", p.order.Role, err)
}
