package main

import (
	"context"
	"os"
	"time"

	"github.com/postrider-mq/postrider/internal/client"
)

// Recovery is how long a broker takes until it answers, with a backlog that is ready in one queue.
type recoveryFigures struct {
	Killed time.Duration // after signal 9
	Closed time.Duration // after a clean shutdown
	Close  time.Duration // the shutdown itself
}

// recoveryBody is the size of the messages, in bytes.
const recoveryBody = 1024

// recovery fills a broker of ours, and stops and starts it. Another broker's process is not ours to stop.
func (s scale) recovery(ctx context.Context, where setting) (f recoveryFigures, err error) {
	dir, err := os.MkdirTemp(where.Dir, "postrider-bench-")
	if err != nil {
		return f, err
	}
	defer os.RemoveAll(dir)
	var p *process
	defer func() {
		if p != nil {
			p.kill()
		}
	}()
	start := func() (took time.Duration, address string, err error) {
		p, address, err = startProcess(ctx, order{Role: roleBroker, Dir: dir, Program: where.programs[needPostrider]})
		if err != nil {
			return 0, "", err
		}
		return p.took, address, nil
	}
	_, address, err := start()
	if err != nil {
		return f, err
	}
	at, err := client.ParseURL("amqp://" + address)
	if err != nil {
		return f, err
	}
	if err := s.leave(ctx, at); err != nil {
		return f, err
	}
	p.crash()
	if f.Killed, _, err = start(); err != nil {
		return f, err
	}
	began := time.Now()
	p.stdin.Close()
	if err := p.wait(); err != nil {
		return f, err
	}
	f.Close = time.Since(began)
	f.Closed, _, err = start()
	return f, err
}

// leave leaves persistent messages in a queue.
func (s scale) leave(ctx context.Context, at client.Address) error {
	w, err := openWire(ctx, at, nil)
	if err != nil {
		return err
	}
	defer w.close()
	if err := declareQueues(w, 1, true); err != nil {
		return err
	}
	return w.fillWith(scaleName(0), s.Ready, true, make([]byte, recoveryBody))
}
