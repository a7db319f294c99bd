package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A setting is what all runs have in common.
type setting struct {
	Warm     time.Duration
	Measure  time.Duration
	Dir      string // for what goes to disk
	Profiles string // directory of CPU profiles; "" = none
	AMQP     string // the URL of RabbitMQ or another broker; "" = none
	// Grace is how much longer than planned a run may take before it counts as hung.
	Grace    time.Duration
	programs map[string]string // that were built, by need
	keep     func()            // is called with each row that is done: to leave something behind if the bench is killed; may be nil
}

// An outcome is what one run of a row found.
type outcome struct {
	Messages  uint64  // moved and checked, the warm-up included
	Rate      float64 // messages a second, after the warm-up
	P50, P99  time.Duration
	P999      time.Duration
	histogram *hdrhistogram.Histogram
	Processes []processCost
}

// A processCost is what a process took from the machine.
type processCost struct {
	Role     string
	CPU      float64 // seconds per million messages
	Resident uint64  // bytes, the most that was seen
}

// mostUnderWay bounds what is sent and not confirmed, and what is delivered and not acknowledged, in bytes.
const mostUnderWay = 32 << 20

// A run is the processes of one row in one round.
type run struct {
	setting   setting
	row       *row
	round     int
	dir       string
	foreign   *foreignBroker // nil when the row has a broker of its own, or none
	processes []*process     // a broker first, the one that sends last
	tallies   []tally        // of each
	memory    []uint64       // of each, and of the foreign broker behind them
}

// runRow runs a row once.
func runRow(ctx context.Context, s setting, r *row, round int) (*outcome, error) {
	planned := s.Warm + r.measured(s.Measure)
	ctx, cancel := context.WithTimeoutCause(ctx, planned+s.Grace, fmt.Errorf("it was to take %v, and hung for %v more", planned, s.Grace))
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
		return nil, fmt.Errorf("%s: %w%s", r.Name, errors.Join(context.Cause(ctx), err), this.complaints())
	}
	return o, nil
}

func (r *run) do(ctx context.Context) (*outcome, error) {
	if r.row.foreign {
		f, err := openForeign(ctx, r.setting.AMQP, r.row.quorum)
		if err != nil {
			return nil, err
		}
		defer f.close()
		r.foreign = f
	}
	if err := r.start(ctx); err != nil {
		return nil, err
	}
	memory := watchMemory(r.pids())
	err := r.work()
	r.memory = memory.end()
	if err != nil {
		return nil, err
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	return r.outcome()
}

// start starts the processes in turn: each gets the addresses of those before it.
func (r *run) start(ctx context.Context) error {
	o := r.row.order
	o.Warm, o.Measure, o.Dir = r.setting.Warm, r.row.measured(r.setting.Measure), r.dir
	if o.Body == 0 {
		o.Body = usualBody
	}
	// However large messages are, what is under way fits into memory.
	o.Window, o.Prefetch = min(o.Window, mostUnderWay/o.Body), min(o.Prefetch, mostUnderWay/o.Body)
	if r.foreign != nil {
		o.Broker, o.Mailbox = r.setting.AMQP, r.foreign.queue.Name
	}
	for _, role := range r.row.roles {
		o.Role = role
		o.Profile = r.profile(role)
		o.Program = r.setting.programs[needs[role]]
		p, address, err := startProcess(ctx, o)
		if p != nil {
			r.processes = append(r.processes, p)
		}
		scheme, isBroker := schemes[role]
		switch {
		case err != nil:
			return err
		case address == "":
		case isBroker:
			o.Broker = scheme + address
		default:
			o.Address = address
		}
	}
	r.tallies = make([]tally, len(r.processes))
	return nil
}

func (r *run) profile(role string) string {
	if r.setting.Profiles == "" {
		return ""
	}
	return filepath.Join(r.setting.Profiles, fmt.Sprintf("%s.%s.%d.prof", r.row.Name, role, r.round))
}

func (r *run) pids() (all []int) {
	for _, p := range r.processes {
		all = append(all, p.pid)
	}
	if r.foreign != nil {
		all = append(all, r.foreign.pid)
	}
	return all
}

// servers is how many of the processes, at the front, serve until they are told to stop.
func (r *run) servers() (n int) {
	for n < len(r.processes) && waits(r.row.roles[n], r.row.order) {
		n++
	}
	return n
}

// work lets everything begin, and waits for the tallies of all but the servers, or for the first failure.
func (r *run) work() error {
	for _, p := range r.processes {
		if err := p.begin(); err != nil {
			return err
		}
	}
	var waiting sync.WaitGroup
	results := make(chan error, len(r.processes))
	for i := r.servers(); i < len(r.processes); i++ {
		waiting.Go(func() {
			var err error
			r.tallies[i], err = r.processes[i].tally()
			results <- err
		})
	}
	for range len(r.processes) - r.servers() {
		if err := <-results; err != nil {
			r.kill()
			waiting.Wait()
			return err
		}
	}
	return nil
}

// end ends the clients, and then the servers, which look at what the clients have left.
func (r *run) end() (err error) {
	for i := len(r.processes) - 1; i >= 0; i-- {
		p := r.processes[i]
		p.stdin.Close()
		if i < r.servers() {
			if r.tallies[i], err = p.tally(); err != nil {
				return err
			}
		}
		if err := p.wait(); err != nil {
			return err
		}
	}
	return nil
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
	ended, latency, measured := sent.Ended, sent.Latency, sent.Measured
	for i, t := range r.tallies {
		if t.Broker {
			continue
		}
		if t.Messages != sent.Messages {
			return nil, fmt.Errorf("%d messages were sent, the %s counted %d", sent.Messages, r.row.roles[i], t.Messages)
		}
		ended = max(ended, t.Ended)
		if len(t.Progress) > 0 { // what was under way when the measuring began is done within it
			measured = after(sent.Began, t.Progress, t.Messages)
		}
		if t.Latency != nil {
			latency = t.Latency
		}
	}
	if sent.Measured == 0 || latency == nil {
		return nil, errors.New("nothing was measured before the time was over: give it more with -measure")
	}
	h, err := hdrhistogram.Decode(latency)
	if err != nil {
		return nil, err
	}
	return &outcome{
		Messages:  sent.Messages,
		Rate:      float64(measured) / time.Duration(ended-sent.Began).Seconds(),
		P50:       time.Duration(h.ValueAtQuantile(50)),
		P99:       time.Duration(h.ValueAtQuantile(99)),
		P999:      time.Duration(h.ValueAtQuantile(99.9)),
		histogram: h,
		Processes: r.costs(sent.Messages),
	}, nil
}

// costs has the broker first.
func (r *run) costs(messages uint64) (all []processCost) {
	add := func(role string, cpu float64, memory uint64) {
		all = append(all, processCost{Role: role, CPU: cpu / float64(messages) * 1e6, Resident: memory})
	}
	if r.foreign != nil {
		add(roleBroker, r.foreign.cpu(), r.memory[len(r.memory)-1])
	}
	for i, t := range r.tallies {
		add(r.row.roles[i], t.CPU, r.memory[i])
	}
	return all
}
