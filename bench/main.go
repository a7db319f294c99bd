package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
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
	flag.BoolVar(&f.quick, "quick", false, "one short round of everything: two minutes in all")
	flag.StringVar(&f.only, "run", "", "only rows whose name matches this regular expression (and those that they are compared with)")
	flag.IntVar(&f.rounds, "rounds", 0, "how often each row runs (default 3, with -quick 1)")
	flag.BoolVar(&f.json, "json", false, "print JSON instead of tables")
	flag.StringVar(&f.out, "o", "", "write to this file in place of standard output")
	flag.StringVar(&f.plots, "plots", "", "draw SVG files into this directory")
	flag.StringVar(&f.Profiles, "cpuprofile", "", "write a CPU profile of each process into this directory")
	flag.StringVar(&f.AMQP, "amqp", "", "use the broker at this AMQP URL in place of a RabbitMQ that is started here")
	flag.StringVar(&f.Dir, "dir", os.TempDir(), "where the durable rows keep their files")
	flag.DurationVar(&f.Warm, "warm", 0, "how long each run warms up (default 500ms, with -quick 100ms)")
	flag.DurationVar(&f.Measure, "measure", 0, "how long each run measures (default 2.5s, with -quick 300ms)")
	flag.Parse()
	f.defaults()
	return f
}

func (f *flags) defaults() {
	rounds, warm, measure := 3, 500*time.Millisecond, 2500*time.Millisecond
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
	r := &results{Machine: thisMachine(f.Dir), Rounds: f.rounds, Warm: f.Warm, Measure: f.Measure}
	p, err := openPeers(ctx, &f.setting, chosen, scaleNeeds(atScale)...)
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
		if err := p.lookAtRest(f.scale()); err != nil {
			return err
		}
	}
	if err := r.run(ctx, f.setting, p.able(chosen), progress); err != nil {
		return err
	}
	if atScale {
		if err := r.measureScale(ctx, f, p); err != nil {
			return err
		}
	}
	return f.report(r)
}

// scaleRun is what -run knows the figures at rest and at scale by.
const scaleRun = "scale"

func scaleNeeds(atScale bool) []string {
	if !atScale {
		return nil
	}
	return []string{needRabbitMQ, needRedis, needPostrider, needNATS}
}

func (r *results) measureScale(ctx context.Context, f flags, p *peers) (err error) {
	t := new(scaleTable)
	add := func(name string, s scale, open targets) error {
		progress("\rat rest and at scale: %-40s", name)
		c := scaleColumn{Name: name, Scale: s}
		if c.Figures, err = s.measure(open); err != nil {
			return fmt.Errorf("at scale: %s: %w", name, err)
		}
		t.Columns = append(t.Columns, c)
		return nil
	}
	s := f.scale()
	if err := add("Postrider", s, freshTargets(ctx, f.setting, order{Role: roleBroker})); err != nil {
		return err
	}
	if t.own().Peer, err = s.peers(ctx); err != nil {
		return err
	}
	if t.own().Recovery, err = s.recovery(ctx, f.setting); err != nil {
		return err
	}
	if f.AMQP != "" {
		if err := add(r.Foreign, s.foreign(), runningTarget(f.setting, p.start)); err != nil {
			return err
		}
		if p.rest != nil { // before it had worked
			t.Columns[1].Figures.Idle, t.Columns[1].Figures.IdleCPU = p.rest.Idle, p.rest.IdleCPU
		}
	}
	if err := add("NATS", s.atRest(), freshTargets(ctx, f.setting, order{Role: roleJetStream, Prefetch: prefetch})); err != nil {
		return err
	}
	if p.missing[needRedis] == nil {
		if err := add("Redis", s.atRest(), freshTargets(ctx, f.setting, order{Role: roleRedis, Append: "everysec"})); err != nil {
			return err
		}
	}
	progress("\r%70s\r", "")
	r.AtScale = t
	return nil
}

func (f *flags) report(r *results) error {
	var plots []string
	if f.plots != "" {
		var err error
		if plots, err = r.drawAll(f.plots); err != nil {
			return err
		}
	}
	var b bytes.Buffer
	if f.json {
		e := json.NewEncoder(&b)
		e.SetIndent("", "  ")
		if err := e.Encode(r); err != nil {
			return err
		}
	} else {
		if f.out != "" {
			b.WriteString("# Results\n\nWhat the rows mean: see [README](README.md).\n\n")
		}
		r.print(&b)
		r.printPlots(&b, f.plots, plots)
		if f.out != "" {
			b.WriteString(settingsText)
		}
	}
	if f.out != "" {
		return os.WriteFile(f.out, b.Bytes(), 0o644)
	}
	_, err := os.Stdout.Write(b.Bytes())
	return err
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

func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, format, args...) }
