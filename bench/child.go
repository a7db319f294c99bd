package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"runtime/pprof"
	"time"

	"github.com/postrider-mq/postrider/internal/measure"
)

// A role is one process of a row.
type role interface {
	// prepare returns the address where the process can be reached, if it listens.
	prepare(order) (address string, err error)
	// work returns when everything is moved, or for a server, when stop is closed.
	work(stop <-chan struct{}) (tally, error)
	close() error
}

// heeds is a role whose preparations take long: they end early when the parent has given up.
type heeds interface{ heed(stopped context.Context) }

// behind is a role that another program plays, which tells by itself what it cost.
type behind interface{ pid() int }

// childMain is the life of a child. What goes wrong is told to the parent.
func childMain(stdin io.Reader, stdout io.Writer) int {
	out := json.NewEncoder(stdout)
	if err := live(bufio.NewScanner(stdin), out); err != nil {
		out.Encode(reply{Error: err.Error()})
		return 1
	}
	return 0
}

func live(in *bufio.Scanner, out *json.Encoder) (err error) {
	var o order
	if !in.Scan() {
		return errors.New("no order")
	}
	if err := json.Unmarshal(in.Bytes(), &o); err != nil {
		return fmt.Errorf("order: %w", err)
	}
	r, err := newRole(o.Role)
	if err != nil {
		return err
	}
	if isTuned(o.Role) && os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	keepThread()
	defer func() { err = errors.Join(err, r.close()) }()
	stopped, stop := context.WithCancel(context.Background())
	defer stop()
	lines := listen(in, stop)
	if h, ok := r.(heeds); ok {
		h.heed(stopped)
	}
	began := measure.Now()
	address, err := r.prepare(o)
	if err != nil {
		return err
	}
	ready := reply{Address: address, Took: time.Duration(measure.Now() - began)}
	if b, ok := r.(behind); ok {
		ready.Pid = b.pid()
	}
	out.Encode(ready)
	if <-lines != commandGo {
		return nil
	}
	t, err := costed(r, o.Profile, stopped.Done())
	if err != nil {
		return err
	}
	out.Encode(reply{Tally: &t})
	<-stopped.Done()
	return nil
}

// listen returns what the parent says, and calls ended when it has no more to say: it has enough, or it is gone.
func listen(in *bufio.Scanner, ended func()) <-chan string {
	lines := make(chan string, 1)
	go func() {
		defer ended()
		defer close(lines)
		for in.Scan() {
			lines <- in.Text()
		}
	}()
	return lines
}

// costed adds what the work cost, and writes its CPU profile if one is wanted.
func costed(r role, profile string, stop <-chan struct{}) (tally, error) {
	if profile != "" {
		f, err := os.Create(profile)
		if err != nil {
			return tally{}, err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return tally{}, err
		}
		defer pprof.StopCPUProfile()
	}
	before := cpuSeconds()
	t, err := unbound(func() (tally, error) { return r.work(stop) })
	if b, ok := r.(behind); !ok || b.pid() == os.Getpid() {
		t.CPU = cpuSeconds() - before
	}
	return t, err
}

// unbound calls work in a goroutine that is bound to no thread, as that of any program is. Who calls has to keep its own, see
// keepThread, and each message that such a goroutine waits for costs two switches of threads more.
func unbound(work func() (tally, error)) (t tally, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		t, err = work()
	}()
	<-done
	return t, err
}
