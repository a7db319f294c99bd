package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var (
	working = &row{Name: "working", Work: workCall, Title: "works", roles: []string{"echo", "caller"}}
	breaks  = &row{Name: "breaking", Work: workCall, Title: "breaks", roles: []string{"caller"}}
	lacking = &row{Name: "lacking", Work: workCall, Title: "lacks", roles: []string{"echo", "caller"}}
	follows = &row{Name: "following", Work: workCall, Title: "follows", peak: "breaking", order: order{Rate: 1}, roles: []string{"caller"}}
)

var errLacking = errors.New("nothing of it is installed\nand more that a table has no room for")

func lacks(r *row) error {
	if r == lacking {
		return errLacking
	}
	return nil
}

func TestARowThatBreaksIsToldAndTheOthersRun(t *testing.T) {
	r := &results{Rounds: 2}
	err := r.run(t.Context(), tiny(t), []*row{breaks, lacking, working, follows}, lacks, &sayer{silent: true})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(r.find("working").Outcomes); n != 2 {
		t.Errorf("the row that works has %d outcomes, want one of each round", n)
	}
	if len(r.Broken) != 1 || !strings.HasPrefix(r.Broken[0], "round 1: breaking: caller: dial tcp") {
		t.Errorf("%q: a row that is broken is tried once", r.Broken)
	}
	if err := r.failure(); err == nil || !strings.Contains(err.Error(), "1 broken: round 1: breaking") {
		t.Errorf("the bench ends with %v", err)
	}
	f := flags{setting: setting{}, out: filepath.Join(t.TempDir(), "RESULTS.md")}
	if err := f.report(r); err != nil {
		t.Fatal(err)
	}
	text := read(t, f.out)
	for _, want := range []string{
		"**BROKEN: round 1: breaking: caller:", "| BROKEN ", "| left out: nothing of it is installed ", "| left out: breaking has no figures ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestABenchThatIsInterruptedLeavesWhatItHas(t *testing.T) {
	interrupted := errors.New("interrupted by the user")
	ctx, cancel := context.WithCancelCause(t.Context())
	r := &results{Rounds: 3}
	f := flags{setting: tiny(t), out: filepath.Join(t.TempDir(), "RESULTS.md")}
	if err := os.WriteFile(f.out, []byte("those of a whole run"), 0o600); err != nil {
		t.Fatal(err)
	}
	f.keep = func() {
		f.keepPartial(r) // as if it were killed now
		if text := read(t, f.partial()); !strings.Contains(text, "PARTIAL: the bench was not through") || !strings.Contains(text, "| working ") {
			t.Errorf("after a row the file has\n%s", text)
		}
		cancel(interrupted)
	}
	if err := r.run(ctx, f.setting, []*row{working, breaks}, lacks, &sayer{silent: true}); err != interrupted {
		t.Fatalf("the run ends with %v", err)
	}
	r.Partial = interrupted.Error()
	if err := f.report(r); err == nil || !strings.Contains(err.Error(), f.partial()) {
		t.Errorf("who interrupts is told: %v", err)
	}
	if err := r.failure(); err == nil || !strings.Contains(err.Error(), "interrupted by the user") {
		t.Errorf("the bench ends with %v", err)
	}
	text := read(t, f.partial())
	if !strings.Contains(text, "PARTIAL: interrupted by the user") || !strings.Contains(text, "| not run ") {
		t.Errorf("%s", text)
	}
	if read(t, f.out) != "those of a whole run" {
		t.Error("the results of a whole run are gone")
	}
}

func TestAWholeRunLeavesNoPart(t *testing.T) {
	f := flags{out: filepath.Join(t.TempDir(), "RESULTS.md")}
	f.keepPartial(&results{})
	if err := f.report(&results{}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(f.partial()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// The plan is what a run is bounded by, and what its user is told.
func TestARunIsPlanned(t *testing.T) {
	f := flags{rounds: 3, setting: setting{Warm: time.Second, Measure: 2 * time.Second}}
	each := f.Warm + f.Measure + overhead
	for _, c := range []struct {
		rows []*row
		want time.Duration
	}{
		{nil, 0},
		{[]*row{{}}, 3 * each},
		{[]*row{{once: true}}, each},
		{[]*row{{longer: true}, {once: true}}, 3*(each+f.Measure) + each},
	} {
		if got := f.planned(c.rows, false) - rabbitStart; got != c.want {
			t.Errorf("%d rows are to take %v, want %v", len(c.rows), got, c.want)
		}
	}
}

func TestAWholeRunFitsIntoItsTime(t *testing.T) {
	for _, c := range []struct {
		quick bool
		most  time.Duration
	}{{false, 25 * time.Minute}, {true, 2 * time.Minute}} {
		f, all := flags{quick: c.quick}, rows()
		f.defaults()
		if c.quick {
			all = briefly(all)
		}
		if took := f.planned(all, true); took > c.most || f.rounds < 3 && !c.quick {
			t.Errorf("%d rows in %d rounds take %v, want %v", len(all), f.rounds, took, c.most)
		}
	}
}

// What RabbitMQ's role does: a child that prepares for long hears that it is not wanted any more.
func TestAChildThatPreparesHearsThatItIsGivenUp(t *testing.T) {
	began := make(chan struct{})
	makeRole["patient"] = func() role { return &patient{began: began} }
	defer delete(makeRole, "patient")
	stdin, parent, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	said := make(chan string, 1)
	go func() {
		var out strings.Builder
		childMain(stdin, &out)
		said <- out.String()
	}()
	parent.WriteString(`{"Role":"patient"}` + "\n")
	<-began
	parent.Close()
	if s := <-said; !strings.Contains(s, "given up") {
		t.Errorf("%s", s)
	}
}

type patient struct {
	stopped context.Context
	began   chan struct{}
}

func (p *patient) heed(stopped context.Context) { p.stopped = stopped }
func (p *patient) prepare(order) (string, error) {
	close(p.began)
	<-p.stopped.Done()
	return "", errors.New("given up")
}
func (p *patient) work(<-chan struct{}) (tally, error) { return tally{}, nil }
func (p *patient) close() error                        { return nil }
