package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAnEvaluationTriesAllFourWaysAndAdvises(t *testing.T) {
	t.Parallel()
	dir, report := t.TempDir(), filepath.Join(t.TempDir(), "report.html")
	o := runWith(t, "", inTemp(dir), strings.Fields("evaluate --rate 100 --senders 1 --each 400ms --down 150ms --faults receiver,broker "+
		"--need survive-receiver-down,many-workers --json --report "+report)...)
	if o.code != exitOK || o.stderr != "" {
		t.Fatalf("exit code %d, stderr %q", o.code, o.stderr)
	}
	var r struct {
		Ways []struct {
			Code       string
			EndToEnd   struct{ P50 float64 } `json:"endToEndMicros"`
			FullRate   float64               `json:"fullSpeedMessagesPerSecond"`
			CallMicros struct{ P99 float64 }
			Faults     []struct {
				Fault, Skipped string
				Messages, Lost uint64
			}
		}
		Verdict struct{ Text string }
		Advice  []struct{ Figures []string }
	}
	if err := json.Unmarshal([]byte(o.stdout), &r); err != nil {
		t.Fatal(err)
	}
	codes := ""
	for _, w := range r.Ways {
		codes += w.Code + " "
		if w.EndToEnd.P50 <= 0 || w.FullRate <= 0 || w.CallMicros.P99 <= 0 || len(w.Faults) != 2 {
			t.Errorf("%+v", w)
		}
		for _, f := range w.Faults {
			skipped := f.Fault == "broker" && strings.HasPrefix(w.Code, "bob")
			if f.Lost != 0 || (f.Messages != 40) != skipped || (f.Skipped == "no broker") != skipped {
				t.Errorf("%s: %+v", w.Code, f)
			}
		}
	}
	if codes != "bob.Send bob.Post jobs.Send jobs.Post " || len(r.Advice) < 2 || r.Verdict.Text == "" {
		t.Errorf("%s %+v", codes, r)
	}
	page, err := os.ReadFile(report)
	if err != nil || !strings.Contains(string(page), "</html>") || !strings.Contains(string(page), "<svg") {
		t.Errorf("the report: %v, %d bytes", err, len(page))
	}
	wantEmpty(t, dir)
}

func TestAnEvaluationThatIsInterruptedLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := startWith(t, inTemp(dir), "evaluate", "--each", "30s", "--faults", "none")
	awaitEntry(t, dir)
	if o := e.stop(); o.code != exitFailed || !strings.Contains(o.stderr, "interrupted") {
		t.Errorf("exit code %d, stderr %q", o.code, o.stderr)
	}
	wantEmpty(t, dir)
}

// awaitEntry waits until there is something in a directory.
func awaitEntry(t *testing.T, dir string) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for {
		if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
			return
		}
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("nothing appears in %s", dir)
		}
	}
}
