package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"time"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == childArgument {
		os.Exit(childMain(os.Stdin, os.Stdout))
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
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
}

func parseFlags() (f flags) {
	flag.BoolVar(&f.quick, "quick", false, "short runs, 2 rounds: under a minute in all")
	flag.StringVar(&f.only, "run", "", "only rows whose name matches this regular expression (limits they are compared with run, too)")
	flag.IntVar(&f.rounds, "rounds", 0, "how often each row runs (default 5, with -quick 2)")
	flag.BoolVar(&f.json, "json", false, "print JSON instead of a table")
	flag.StringVar(&f.out, "o", "", "write to this file in place of standard output")
	flag.StringVar(&f.Profiles, "cpuprofile", "", "write a CPU profile of each process into this directory")
	flag.StringVar(&f.AMQP, "amqp", "", "run the mailbox rows against the broker at this AMQP URL, too")
	flag.StringVar(&f.Dir, "dir", os.TempDir(), "where the durable rows keep their files")
	flag.DurationVar(&f.Warm, "warm", 0, "how long each run warms up (default 1s, with -quick 300ms)")
	flag.DurationVar(&f.Measure, "measure", 0, "how long each run measures (default 4s, with -quick 700ms)")
	flag.Parse()
	f.defaults()
	return f
}

func (f *flags) defaults() {
	rounds, warm, measure := 5, time.Second, 4*time.Second
	if f.quick {
		rounds, warm, measure = 2, 300*time.Millisecond, 700*time.Millisecond
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
	chosen := choose(rows(f.AMQP != ""), only)
	atScale := only.MatchString(scaleRun)
	if len(chosen) == 0 && !atScale {
		return fmt.Errorf("no row matches %q", f.only)
	}
	r := &results{Machine: thisMachine(f.Dir), Rounds: f.rounds, Warm: f.Warm, Measure: f.Measure}
	if f.AMQP != "" {
		if r.Foreign, err = productAt(ctx, f.AMQP); err != nil {
			return err
		}
	}
	if err := r.runAll(ctx, f.setting, chosen, progress); err != nil {
		return err
	}
	if atScale {
		if err := r.measureScale(ctx, f); err != nil {
			return err
		}
	}
	return f.report(r)
}

// scaleRun is what -run knows the figures at rest and at scale by.
const scaleRun = "scale"

func (r *results) measureScale(ctx context.Context, f flags) (err error) {
	t := &scaleTable{Scale: f.scale()}
	progress("\r%-60s\r", "at rest and at scale")
	if t.Own, err = t.Scale.measure(ownTargets(ctx, f.setting)); err != nil {
		return err
	}
	if t.Own.Recovery, err = t.Scale.recovery(ctx, f.setting); err != nil {
		return err
	}
	if f.AMQP != "" {
		t.Foreign = new(scaleFigures)
		if *t.Foreign, err = t.Scale.measure(foreignTargets(f.setting)); err != nil {
			return fmt.Errorf("%s: %w", r.Foreign, err)
		}
	}
	progress("%60s\r", "")
	r.AtScale = t
	return nil
}

func (f *flags) report(r *results) error {
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
	}
	if f.out != "" {
		return os.WriteFile(f.out, b.Bytes(), 0o644)
	}
	_, err := os.Stdout.Write(b.Bytes())
	return err
}

// choose keeps the rows that match, and the limits that they are compared with.
func choose(all []*row, only *regexp.Regexp) []*row {
	wanted := make(map[string]bool)
	for _, r := range all {
		if only.MatchString(r.Name) {
			wanted[r.Name], wanted[r.Limit] = true, true
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
