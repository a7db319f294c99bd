package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A setting is what all runs have in common.
type setting struct {
	Warm     time.Duration
	Measure  time.Duration
	Dir      string // for what goes to disk
	Profiles string
	AMQP     string // another broker's URL
}

// An outcome is what one run of a row found.
type outcome struct {
	Messages  uint64  // moved and checked, the warm-up included
	Rate      float64 // messages a second, after the warm-up
	P50, P99  time.Duration
	Processes []processCost
}

type processCost struct {
	Role string
	// CPU is in seconds per million messages.
	CPU      float64
	Resident uint64
	Peak     uint64
}

// grace is how much longer than planned a run may take before it counts as hung.
const grace = time.Minute

// A run is the processes of one row in one round.
type run struct {
	setting   setting
	row       *row
	round     int
	dir       string
	processes []*process
	tallies   []tally
}

// runRow runs a row once.
func runRow(ctx context.Context, s setting, r *row, round int) (*outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, s.Warm+s.Measure+grace)
	defer cancel()
	dir, err := os.MkdirTemp(s.Dir, "postrider-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	this := &run{setting: s, row: r, round: round, dir: dir}
	o, err := this.do(ctx)
	if err != nil {
		this.kill()
		if ctx.Err() != nil {
			err = errors.Join(err, ctx.Err())
		}
		return nil, fmt.Errorf("%s: %w%s", r.Name, err, this.complaints())
	}
	return o, nil
}

func (r *run) do(ctx context.Context) (*outcome, error) {
	var foreign *foreignBroker
	if r.row.foreign {
		var err error
		if foreign, err = openForeign(ctx, r.setting.AMQP); err != nil {
			return nil, err
		}
		defer foreign.close()
	}
	if err := r.start(ctx, foreign); err != nil {
		return nil, err
	}
	for _, p := range r.processes {
		if err := p.begin(); err != nil {
			return nil, p.failed(err)
		}
	}
	if err := r.finish(); err != nil {
		return nil, err
	}
	o, err := r.outcome()
	if err == nil && foreign != nil {
		o.Processes = slices.Insert(o.Processes, 0, foreign.cost(o.Messages))
	}
	return o, err
}

// start starts the processes in turn: each gets the address of the one before it that listens.
func (r *run) start(ctx context.Context, foreign *foreignBroker) error {
	o := r.row.order
	o.Warm, o.Measure, o.Dir = r.setting.Warm, r.setting.Measure, r.dir
	if foreign != nil {
		o.Broker, o.Mailbox = r.setting.AMQP, foreign.queue.Name
	}
	for _, name := range r.row.roles {
		o.Role = name
		if r.setting.Profiles != "" {
			file := fmt.Sprintf("%s.%s.%d.prof", r.row.Name, name, r.round)
			o.Profile = filepath.Join(r.setting.Profiles, file)
		}
		p, address, err := startProcess(ctx, o)
		if p != nil {
			r.processes = append(r.processes, p)
		}
		if err != nil {
			return err
		}
		switch {
		case name == "broker":
			o.Broker = "amqp://" + address
		case address != "":
			o.Address = address
		}
	}
	return nil
}

// finish collects the tallies. The last process is the one that sends; a broker is the first one, and is
// stopped when all others are gone.
func (r *run) finish() error {
	r.tallies = make([]tally, len(r.processes))
	first := 0
	if r.row.roles[0] == "broker" {
		first = 1
	}
	if err := r.await(first); err != nil {
		return err
	}
	for i := len(r.processes) - 1; i >= first; i-- {
		if err := r.processes[i].end(); err != nil {
			return err
		}
	}
	if first == 0 {
		return nil
	}
	b := r.processes[0]
	b.stdin.Close()
	var err error
	if r.tallies[0], err = b.tally(); err != nil {
		return err
	}
	return b.end()
}

// await waits for the tallies of all processes from the given one on, and for no more once one has failed.
func (r *run) await(from int) error {
	var waiting sync.WaitGroup
	failed := make(chan error, len(r.processes))
	for i := from; i < len(r.processes); i++ {
		waiting.Go(func() {
			var err error
			if r.tallies[i], err = r.processes[i].tally(); err != nil {
				failed <- err
			}
		})
	}
	all := make(chan struct{})
	go func() {
		waiting.Wait()
		close(all)
	}()
	select {
	case <-all:
	case err := <-failed:
		r.kill()
		<-all
		return err
	}
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

func (r *run) kill() {
	for _, p := range r.processes {
		p.kill()
	}
}

// complaints is what the processes wrote to stderr.
func (r *run) complaints() string {
	var all string
	for _, p := range r.processes {
		if p.stderr.Len() > 0 {
			all += fmt.Sprintf("\n%s wrote:\n%s", p.order.Role, &p.stderr)
		}
	}
	return all
}

// outcome joins the tallies, and fails when they do not agree.
func (r *run) outcome() (*outcome, error) {
	sent := r.tallies[len(r.tallies)-1]
	o := &outcome{Messages: sent.Messages}
	ended := sent.Ended
	var latency []byte
	for i, t := range r.tallies {
		name := r.row.roles[i]
		if name != "broker" && t.Messages != sent.Messages {
			return nil, fmt.Errorf("%d messages were sent, the %s counted %d", sent.Messages, name, t.Messages)
		}
		ended = max(ended, t.Ended)
		if t.Latency != nil {
			latency = t.Latency
		}
		o.Processes = append(o.Processes, t.Cost.each(name, sent.Messages))
	}
	if sent.Measured == 0 || latency == nil {
		return nil, errors.New("too slow: nothing was measured before the time was over")
	}
	h, err := hdrhistogram.Decode(latency)
	if err != nil {
		return nil, err
	}
	o.Rate = float64(sent.Measured) / time.Duration(ended-sent.Began).Seconds()
	o.P50, o.P99 = time.Duration(h.ValueAtQuantile(50)), time.Duration(h.ValueAtQuantile(99))
	return o, nil
}

func (c cost) each(role string, messages uint64) processCost {
	return processCost{Role: role, CPU: c.CPU / float64(messages) * 1e6, Resident: c.Resident, Peak: c.Peak}
}
