package evaluation

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/postrider-mq/postrider/cmd/postrider/internal/load"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/ways"
	"github.com/postrider-mq/postrider/internal/client"
	"github.com/postrider-mq/postrider/internal/measure"
)

// A Place says where an evaluation runs.
type Place struct {
	Program string   // this binary
	Brokers []string // the user's; none: one is started for each run
	Keys    load.Keys
	Trust   *tls.Config
}

// A Result is a whole evaluation.
type Result struct {
	Workload Workload
	Broker   load.Broker // the user's; empty if they were started
	Ways     [ways.Count]Figures
	Machine  string
	At       time.Time
	Took     time.Duration

	// What is drawn.
	Call, EndToEnd [ways.Count]*hdrhistogram.Histogram
	Timelines      [ways.Count]map[Fault]Timeline
}

// evaluation is one under way.
type evaluation struct {
	place  Place
	work   Workload
	doing  func(format string, args ...any)
	result *Result
}

// Run evaluates. doing is told what is going on.
func Run(ctx context.Context, place Place, work Workload, doing func(format string, args ...any)) (*Result, error) {
	began := time.Now()
	e := &evaluation{place: place, work: work, doing: doing, result: &Result{Workload: work, At: began}}
	if len(place.Brokers) > 0 {
		var err error
		if e.result.Broker, _, err = load.Look(ctx, place.Brokers[0], load.NewMailbox(), place.Trust); err != nil {
			return nil, err
		}
	}
	for w := range ways.Count {
		if err := e.way(ctx, w); err != nil {
			return nil, fmt.Errorf("%s: %w", w, err)
		}
	}
	e.result.Machine = fmt.Sprintf("%d processors that all processes share, %s/%s, %s, loopback", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	e.result.Took = time.Since(began)
	return e.result, nil
}

// fullTime is how long a way runs at full speed.
const fullTime = 1200 * time.Millisecond

// window of unconfirmed posts of a sender.
const (
	fullInFlight   = 1024
	steadyInFlight = 100_000 // a sender of an open load does not wait
)

func (e *evaluation) shape(w ways.Way) load.Shape {
	return load.Shape{
		Way: w, Senders: e.work.Senders, Receivers: e.work.Receivers, Processes: max(e.work.Senders, e.work.Receivers), Body: e.work.Body,
		Rate: e.work.Rate, For: e.work.Each, InFlight: 1, Handling: e.work.Handling, Timeout: e.work.Wait,
		Quiet: e.quiet(), Transient: e.work.Transient,
	}
}

// quiet is how long nothing may come before what is missing counts as lost. What must not be lost is given time.
func (e *evaluation) quiet() time.Duration {
	if e.work.Transient {
		return 2 * time.Second
	}
	return 15 * time.Second
}

// way evaluates one.
func (e *evaluation) way(ctx context.Context, w ways.Way) error {
	f := &e.result.Ways[w]
	f.Way, f.Faults = w, map[Fault]Harm{}
	e.result.Timelines[w] = map[Fault]Timeline{}
	e.doing("%s: the workload", w)
	if err := e.steady(ctx, f); err != nil {
		return err
	}
	e.doing("%s: at full speed", w)
	if err := e.full(ctx, f); err != nil {
		return err
	}
	for _, fault := range e.work.Faults {
		if why := e.skipped(w, fault); why != "" {
			f.Faults[fault] = Harm{Skipped: why}
			continue
		}
		e.doing("%s: %s", w, fault.What())
		if err := e.fault(ctx, f, fault); err != nil {
			return fmt.Errorf("%s: %w", fault.What(), err)
		}
	}
	return nil
}

// skipped says why there is no such fault.
func (e *evaluation) skipped(w ways.Way, fault Fault) string {
	switch {
	case fault == BrokerKilled && w.Direct():
		return "no broker"
	case fault == BrokerKilled && len(e.place.Brokers) > 0:
		return "not ours"
	case fault == ConnectionCut && !w.Direct() && len(e.place.Brokers) > 0:
		if at, err := client.ParseURL(e.place.Brokers[0]); err != nil || at.TLS || len(e.place.Brokers) > 1 {
			return "TLS or cluster"
		}
	}
	return ""
}

func (e *evaluation) steady(ctx context.Context, f *Figures) error {
	s := e.shape(f.Way)
	if !f.Way.Waits() {
		s.InFlight = steadyInFlight
	}
	o, err := e.run(ctx, s, nil, nil)
	if err != nil {
		return err
	}
	f.Call, f.Confirmed, f.EndToEnd = latencyOf(o.Wait), latencyOf(o.Confirm), latencyOf(o.EndToEnd)
	f.Rate, f.Sent, f.Unsent, f.Lost, f.Sharing, f.Costs = o.Rate, o.Sent, o.Unsent, o.Lost, o.Sharing, o.Costs
	f.Refused = o.Failed
	e.result.Call[f.Way], e.result.EndToEnd[f.Way] = o.Wait, o.EndToEnd
	return nil
}

// full measures how much a way could carry, with handlers that take no time.
func (e *evaluation) full(ctx context.Context, f *Figures) error {
	s := e.shape(f.Way)
	s.Rate, s.Handling, s.For = 0, 0, min(fullTime, e.work.Each)
	if !f.Way.Waits() {
		s.InFlight = fullInFlight
	}
	o, err := e.run(ctx, s, nil, nil)
	if err != nil {
		return err
	}
	f.FullRate = o.Rate
	return nil
}

// fault runs the workload, and breaks something.
func (e *evaluation) fault(ctx context.Context, f *Figures, fault Fault) error {
	s := e.shape(f.Way)
	s.Ledger = true
	if !f.Way.Waits() {
		s.InFlight = steadyInFlight
	}
	b := newBreaker()
	defer b.close()
	var through func(context.Context, string) (string, error)
	if fault == ConnectionCut {
		through = b.through
	}
	var when window
	o, err := e.run(ctx, s, through, func(ctx context.Context, l *load.Load, began int64) (err error) {
		when, err = e.breaks(ctx, l, b, fault, began)
		return err
	})
	if err != nil {
		return err
	}
	all := messagesOf(o)
	h := harmOf(all, when, e.work.Late, o.Unsent, o.Maybe)
	h.Waiting = o.MostWaiting
	f.Faults[fault] = h
	e.result.Timelines[f.Way][fault] = timelineOf(all, o.Began, when)
	return nil
}

// breaks breaks something at its time, and mends it after a while.
func (e *evaluation) breaks(ctx context.Context, l *load.Load, b *breaker, fault Fault, began int64) (when window, err error) {
	if err := until(ctx, began+int64(e.work.begins())); err != nil {
		return when, err
	}
	when.from = measure.Now()
	switch fault {
	case ReceiverKilled:
		l.KillReceiver()
	case BrokerKilled:
		l.KillBroker()
	case ConnectionCut:
		b.cut()
	}
	if err := until(ctx, when.from+int64(e.work.Down)); err != nil {
		return when, err
	}
	when.to = measure.Now()
	switch fault {
	case ReceiverKilled:
		return when, l.ReturnReceiver(ctx, 0)
	case BrokerKilled:
		return when, l.ReturnBroker(ctx)
	}
	b.mend()
	return when, nil
}

// until waits for a time of the machine's clock.
func until(ctx context.Context, at int64) error {
	t := time.NewTimer(time.Duration(at - measure.Now()))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// run runs one load, with processes, a mailbox and a directory of its own.
func (e *evaluation) run(ctx context.Context, s load.Shape, through func(context.Context, string) (string, error),
	during func(context.Context, *load.Load, int64) error) (*load.Outcome, error) {
	dir, err := os.MkdirTemp("", "postrider-evaluate-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	where := load.Where{Program: e.place.Program, Dir: dir, Keys: e.place.Keys, Through: through}
	if !s.Way.Direct() {
		where.Brokers = e.place.Brokers
	}
	l, err := load.Open(ctx, where, s)
	defer e.tidy(l)
	if err != nil {
		return nil, err
	}
	disturb := func(ctx context.Context, began int64) error { return during(ctx, l, began) }
	if during == nil {
		disturb = nil
	}
	o, err := l.Run(ctx, disturb)
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, l.Logs())
	}
	return o, nil
}

// tidy ends a load, and removes its mailbox from the user's broker.
func (e *evaluation) tidy(l *load.Load) {
	l.Close()
	if l.Broker() != "" && !l.OwnBroker() {
		_ = load.Remove(context.Background(), l.Broker(), l.Mailbox(), e.place.Trust)
	}
}

// Err is what must never be: a message that was to survive and did not.
func (r *Result) Err() error {
	if r.Workload.Transient {
		return nil
	}
	lost := uint64(0)
	for i := range r.Ways {
		lost += r.Ways[i].Lost + r.Ways[i].sum(func(h Harm) uint64 { return h.Lost })
	}
	if lost > 0 {
		return fmt.Errorf("%d messages were lost after they had been confirmed", lost)
	}
	return nil
}
