package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/postrider-mq/postrider/internal/measure"
)

// A program is a role that another language's program plays: zmq.c, pika.py. It gets what it needs as arguments, and speaks with us
// over stdin and stdout:
//
//	ready ADDRESS                                          it has prepared; where it listens
//	go                                                     we say: work
//	tally MESSAGES MEASURED BEGAN ENDED CPU SAMPLES STONES   and so many latencies in nanoseconds, 8 bytes each, and milestones, 16 each
//
// It ends by itself after that, or when its stdin ends.
type program struct {
	arguments func(order) []string
	command   *exec.Cmd
	in        io.WriteCloser
	out       *bufio.Reader
}

func (p *program) prepare(o order) (string, error) {
	args := p.arguments(o)
	p.command = exec.Command(args[0], args[1:]...)
	p.command.Stderr = os.Stderr
	dieTogether(p.command)
	var err error
	if p.in, err = p.command.StdinPipe(); err != nil {
		return "", err
	}
	out, err := p.command.StdoutPipe()
	if err != nil {
		return "", err
	}
	p.out = bufio.NewReader(out)
	if err := p.command.Start(); err != nil {
		return "", err
	}
	line, err := p.out.ReadString('\n')
	address, ok := strings.CutPrefix(line, "ready")
	if err != nil || !ok {
		return "", fmt.Errorf("%s said %q, not that it is ready", args[0], line)
	}
	return strings.Trim(address, " \n\x00"), nil
}

func (p *program) pid() int { return p.command.Process.Pid }

func (p *program) work(stop <-chan struct{}) (tally, error) {
	if _, err := io.WriteString(p.in, commandGo+"\n"); err != nil {
		return tally{}, err
	}
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-stop: // before it was done: the run is given up
			p.command.Process.Kill()
		case <-done:
		}
	}()
	return p.read()
}

func (p *program) read() (t tally, err error) {
	line, err := p.out.ReadString('\n')
	if err != nil {
		return t, fmt.Errorf("it ended before its work was done: %w", err)
	}
	var samples, stones int
	if _, err := fmt.Sscanf(line, "tally %d %d %d %d %g %d %d", &t.Messages, &t.Measured, &t.Began, &t.Ended, &t.CPU, &samples, &stones); err != nil {
		return t, fmt.Errorf("%q is no tally: %w", line, err)
	}
	h := measure.NewHistogram()
	for range samples {
		var d int64
		if err := binary.Read(p.out, binary.LittleEndian, &d); err != nil {
			return t, err
		}
		measure.Record(h, d)
	}
	t.Progress = make([]milestone, stones)
	if err := binary.Read(p.out, binary.LittleEndian, t.Progress); err != nil {
		return t, err
	}
	t.Latency, err = measure.EncodeHistogram(h)
	return t, err
}

func (p *program) close() error {
	if p.command == nil || p.command.Process == nil {
		return nil
	}
	p.in.Close()
	giveUp := time.AfterFunc(10*time.Second, func() { p.command.Process.Kill() })
	defer giveUp.Stop()
	err := p.command.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) && !exit.Exited() {
		return nil // we have killed it
	}
	return err
}

// timing are the arguments of who sends.
func timing(o order) []string {
	return []string{strconv.FormatInt(int64(o.Warm), 10), strconv.FormatInt(int64(o.Measure), 10), strconv.Itoa(o.Rate)}
}

func zmqServer(role string) *program {
	return &program{arguments: func(o order) []string { return []string{o.Program, role, strconv.Itoa(o.Body)} }}
}

func zmqClient(role string) *program {
	return &program{arguments: func(o order) []string {
		return append([]string{o.Program, role, strconv.Itoa(o.Body), o.Address}, timing(o)...)
	}}
}

func pika(role string) *program {
	return &program{arguments: func(o order) []string {
		declare, durable := "declare", "durable"
		if o.Declared {
			declare = "there"
		}
		if o.Transient {
			durable = "transient"
		}
		args := []string{python, o.Program, role, o.Broker, o.Mailbox, declare, durable, strconv.Itoa(o.Body), strconv.Itoa(o.Window), strconv.Itoa(o.Prefetch)}
		return append(args, timing(o)...)
	}}
}

// python is Debian's, which has Debian's pika.
const python = "/usr/bin/python3"

// keepThread keeps the thread that starts a program: the program dies with it.
func keepThread() { runtime.LockOSThread() }
