package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == childArgument {
		os.Exit(childMain(os.Stdin, os.Stdout))
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := parentMain(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type flags struct {
	setting
	quick  bool
	only   string
	rounds int
	json   bool
	out    string
	plots  string
}

func parseFlags() (f flags) {
	flag.BoolVar(&f.quick, "quick", false, "one short round of nearly everything: two minutes in all")
	flag.StringVar(&f.only, "run", "", "only rows whose name matches this regular expression (and those that they are compared with)")
	flag.IntVar(&f.rounds, "rounds", 0, "how often each row runs (default 3, with -quick 1)")
	flag.BoolVar(&f.json, "json", false, "print JSON instead of tables")
	flag.StringVar(&f.out, "o", "", "write to this file in place of standard output")
	flag.StringVar(&f.plots, "plots", "", "draw SVG files into this directory")
	flag.StringVar(&f.Profiles, "cpuprofile", "", "write a CPU profile of each process into this directory")
	flag.StringVar(&f.AMQP, "amqp", "", "use the broker at this AMQP URL in place of a RabbitMQ that is started here")
	flag.StringVar(&f.Dir, "dir", os.TempDir(), "where the durable rows keep their files")
	flag.DurationVar(&f.Warm, "warm", 0, "how long each run warms up (default 500ms, with -quick 100ms)")
	flag.DurationVar(&f.Measure, "measure", 0, "how long each run measures (default 2s, with -quick 300ms)")
	flag.Parse()
	f.defaults()
	return f
}

func (f *flags) defaults() {
	rounds, warm, measure := 3, 500*time.Millisecond, 2*time.Second
	if f.quick {
		rounds, warm, measure = 1, 100*time.Millisecond, 300*time.Millisecond
	}
	f.Grace = time.Minute
	if f.rounds <= 0 {
		f.rounds = rounds
	}
	if f.Warm <= 0 {
		f.Warm = warm
	}
	if f.Measure <= 0 {
		f.Measure = measure
	}
}

func parentMain(ctx context.Context) error {
	f := parseFlags()
	only, err := regexp.Compile(f.only)
	if err != nil {
		return err
	}
	if f.Profiles != "" {
		if err := os.MkdirAll(f.Profiles, 0o755); err != nil {
			return err
		}
	}
	all := rows()
	if f.quick {
		all = briefly(all)
	}
	chosen := choose(all, only)
	atScale := only.MatchString(scaleRun)
	if len(chosen) == 0 && !atScale {
		return fmt.Errorf("no row matches %q", f.only)
	}
	say, planned := newSayer(), f.planned(chosen, atScale)
	bound := f.bound(planned)
	say.note("bench: %d rows, in %d rounds, take about %v; after %v the bench gives up", len(chosen), f.rounds, planned.Round(time.Second), bound.Round(time.Second))
	ctx, cancel := context.WithTimeoutCause(ctx, bound, fmt.Errorf("it was to take %v and was not through after %v", planned, bound))
	defer cancel()
	r := &results{Machine: thisMachine(f.Dir), Rounds: f.rounds, Warm: f.Warm, Measure: f.Measure}
	err = r.measure(ctx, f, chosen, atScale, say)
	if err != nil {
		r.Partial = err.Error()
	}
	say.clear()
	return errors.Join(f.report(r), r.failure())
}

// measure fills in everything. It is an error if it ends early; what was found until then is there.
func (r *results) measure(ctx context.Context, f flags, chosen []*row, atScale bool, say *sayer) error {
	p, err := openPeers(ctx, &f.setting, chosen, say, scaleNeeds(atScale)...)
	if err != nil {
		return err
	}
	defer p.close()
	r.Peers = p.versions(ctx, &f.setting)
	if f.AMQP != "" {
		if r.Foreign, err = productAt(ctx, f.AMQP); err != nil {
			return err
		}
	}
	if atScale && p.rabbit != nil {
		if err := p.lookAtRest(ctx, f.scale()); err != nil {
			return err
		}
	}
	f.keep = func() { f.keepPartial(r) }
	if err := r.run(ctx, f.setting, chosen, p.lacks, say); err != nil {
		return err
	}
	if atScale {
		return r.measureScale(ctx, f, p, say)
	}
	return nil
}

// failure is what the bench ends with when something was not as it should be.
func (r *results) failure() error {
	switch {
	case r.Partial != "":
		return fmt.Errorf("not everything was measured: %s", r.Partial)
	case len(r.Broken) > 0:
		return fmt.Errorf("%d broken: %s", len(r.Broken), strings.Join(r.Broken, "; "))
	}
	return nil
}

// scaleRun is what -run knows the figures at rest and at scale by.
const scaleRun = "scale"

func scaleNeeds(atScale bool) []string {
	if !atScale {
		return nil
	}
	return []string{needRabbitMQ, needRedis, needPostrider, needNATS}
}

// measureScale adds a column for each broker. One that fails has none, and the others are measured.
func (r *results) measureScale(ctx context.Context, f flags, p *peers, say *sayer) error {
	t := new(scaleTable)
	r.AtScale = t
	add := func(name string, s scale, measure func(*scaleFigures) error) error {
		say.step("at rest and at scale: %s", name)
		c := scaleColumn{Name: name, Scale: s}
		err := measure(&c.Figures)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			r.broke(fmt.Errorf("at scale: %s: %w", name, err), say)
			return nil
		}
		t.Columns = append(t.Columns, c)
		f.keep()
		return nil
	}
	s := f.scale()
	columns := []func() error{
		func() error {
			return add(ownName, s, func(own *scaleFigures) error { return s.own(ctx, f.setting, own) })
		},
		func() error {
			if f.AMQP == "" {
				return nil
			}
			less := s.foreign()
			return add(r.Foreign, less, func(c *scaleFigures) error {
				err := less.measure(ctx, runningTarget(f.setting, p.start), c)
				if p.rest != nil { // before it had worked
					c.Idle, c.IdleOwn, c.IdleCPU = p.rest.Idle, p.rest.IdleOwn, p.rest.IdleCPU
				}
				return err
			})
		},
		func() error {
			return add("NATS", s.atRest(), func(c *scaleFigures) error {
				return s.atRest().measure(ctx, freshTargets(f.setting, order{Role: roleJetStream, Prefetch: prefetch}), c)
			})
		},
		func() error {
			if p.missing[needRedis] != nil {
				return nil
			}
			return add("Redis", s.atRest(), func(c *scaleFigures) error {
				return s.atRest().measure(ctx, freshTargets(f.setting, order{Role: roleRedis, Append: "everysec"}), c)
			})
		},
	}
	for _, column := range columns {
		if err := column(); err != nil {
			return err
		}
	}
	return nil
}

// own takes the figures that only ours has, too.
func (s scale) own(ctx context.Context, where setting, own *scaleFigures) (err error) {
	if err := s.measure(ctx, freshTargets(where, order{Role: roleBroker}), own); err != nil {
		return err
	}
	if own.Peer, err = s.peers(ctx); err != nil {
		return err
	}
	own.Recovery, err = s.recovery(ctx, where)
	return err
}

// report writes what was found: to where it was wanted, or when that is a file and there is something missing, beside it.
func (f *flags) report(r *results) error {
	if f.out != "" && r.Partial != "" {
		f.keepPartial(r)
		return fmt.Errorf("what there is, is in %s", f.partial())
	}
	var plots []string
	if f.plots != "" && r.Partial == "" {
		var err error
		if plots, err = r.drawAll(f.plots); err != nil {
			return err
		}
	}
	b, err := f.text(r, plots)
	if err != nil {
		return err
	}
	if f.out == "" {
		_, err := os.Stdout.Write(b)
		return err
	}
	if err := os.WriteFile(f.out, b, 0o644); err != nil {
		return err
	}
	if err := os.Remove(f.partial()); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func (f *flags) text(r *results, plots []string) ([]byte, error) {
	var b bytes.Buffer
	if f.json {
		e := json.NewEncoder(&b)
		e.SetIndent("", "  ")
		err := e.Encode(r)
		return b.Bytes(), err
	}
	if f.out != "" {
		b.WriteString("# Results\n\nWhat the rows mean: see [README](README.md).\n\n")
	}
	r.print(&b)
	r.printPlots(&b, f.plots, plots)
	if f.out != "" {
		b.WriteString(settingsText)
	}
	return b.Bytes(), nil
}

// partial is the file for results that lack something.
func (f *flags) partial() string { return f.out + ".partial" }

// keepPartial leaves what there is beside the file that is wanted, so that not even a bench that is killed was in vain.
func (f *flags) keepPartial(r *results) {
	if f.out == "" {
		return
	}
	so := *r
	if so.Partial == "" {
		so.Partial = "the bench was not through"
	}
	so.compare()
	if b, err := f.text(&so, nil); err == nil {
		os.WriteFile(f.partial(), b, 0o644) // it is there for an accident, and may fail
	}
}

// printPlots shows the pictures to readers of the file.
func (r *results) printPlots(b *bytes.Buffer, dir string, names []string) {
	if len(names) == 0 {
		return
	}
	b.WriteString("\n## Plots\n\n")
	for _, name := range names {
		fmt.Fprintf(b, "![%s](%s)\n", strings.TrimSuffix(name, ".svg"), filepath.ToSlash(filepath.Join(dir, name)))
	}
}

// settingsText tells how everybody was set up.
//
//go:embed SETTINGS.md
var settingsText string

// choose keeps the rows that match, and all that they are compared with.
func choose(all []*row, only *regexp.Regexp) []*row {
	wanted := make(map[string]bool)
	var want func(name string)
	want = func(name string) {
		for _, r := range all {
			if r.Name == name && !wanted[name] {
				wanted[name] = true
				for _, other := range r.dependencies() {
					want(other)
				}
			}
		}
	}
	for _, r := range all {
		if only.MatchString(r.Name) {
			want(r.Name)
		}
	}
	var chosen []*row
	for _, r := range all {
		if wanted[r.Name] {
			chosen = append(chosen, r)
		}
	}
	return chosen
}
