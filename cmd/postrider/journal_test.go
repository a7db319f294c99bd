package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// journalOf returns the directory of a broker that took messages for the mailbox jobs and was then killed.
func journalOf(t *testing.T, bodies ...string) string {
	t.Helper()
	dir := t.TempDir()
	b, url := serving(t, "--dir", dir)
	for _, body := range bodies {
		runs(t, "send", "mailbox:jobs", body, "--broker", url).wants(t, exitOK, "")
	}
	b.kill()
	return dir
}

// segmentWith returns the segment that has text in it, and where.
func segmentWith(t *testing.T, dir, text string) (path string, offset int) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if at := strings.Index(string(b), text); at >= 0 {
			return path, at
		}
	}
	t.Fatalf("%q is in no segment of %s", text, dir)
	return "", 0
}

func damage(t *testing.T, path string, offset int, bytes string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte(bytes), int64(offset)); err != nil {
		t.Fatal(err)
	}
}

func decode[T any](t *testing.T, text string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	return v
}

func TestADamagedJournalIsFoundMendedAndServed(t *testing.T) {
	t.Parallel()
	dir := journalOf(t, "the first message", "the second message", "the third message")
	o := runs(t, "journal", "verify", dir)
	if o.code != exitOK || !strings.Contains(o.stdout, "intact") {
		t.Fatalf("verify: %+v", o)
	}
	path, at := segmentWith(t, dir, "the second")
	damage(t, path, at, "The")
	damage(t, path, 100, "?") // in the header

	o = runs(t, "journal", "verify", dir)
	if o.code != exitDamage || !strings.Contains(o.stdout, filepath.Base(path)+" at offset ") || !strings.Contains(o.stdout, "checksum") || o.stderr != "" {
		t.Fatalf("verify: %+v", o)
	}
	v := decode[verification](t, runs(t, "journal", "verify", dir, "--json").stdout)
	if v.Intact || len(v.Damage) != 2 || !v.Damage[1].Synced {
		t.Errorf("verify --json: %+v", v)
	}

	dry := runs(t, "journal", "repair", dir, "--dry-run")
	if dry.code != exitOK || !strings.Contains(dry.stdout, "would be marked as lost") || !strings.Contains(dry.stdout, "nothing was changed") {
		t.Fatalf("repair --dry-run: %+v", dry)
	}
	runs(t, "journal", "verify", dir).wants(t, exitDamage, o.stdout)

	done := runs(t, "journal", "repair", dir)
	if done.code != exitOK || !strings.Contains(done.stdout, "marked as lost; its bytes are in quarantine/") || !strings.Contains(done.stdout, "as they were are in backup-") {
		t.Fatalf("repair: %+v", done)
	}
	runs(t, "journal", "repair", dir).wants(t, exitOK, "nothing to mend\n")
	if o = runs(t, "journal", "verify", dir); o.code != exitOK {
		t.Fatalf("verify after the repair: %+v", o)
	}
	_, url := serving(t, "--dir", dir)
	o = runs(t, "receive", "mailbox:jobs", "--count", "2", "--broker", url)
	o.wants(t, exitOK, "the first message\nthe third message\n")
}

func TestAJournalInUseCanBeLookedAtAndNotMended(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, url := serving(t, "--dir", dir)
	runs(t, "send", "mailbox:jobs", "hello", "--broker", url).wants(t, exitOK, "")
	for _, verb := range []string{"inspect", "verify"} {
		o := runs(t, "journal", verb, dir)
		if o.code != exitOK || !strings.Contains(o.stderr, "note: a broker (process ") {
			t.Errorf("%s: %+v", verb, o)
		}
	}
	for _, flags := range [][]string{nil, {"--dry-run"}} {
		o := runs(t, append([]string{"journal", "repair", dir}, flags...)...)
		o.wants(t, exitFailed, "", dir+" is in use by another process", "stop that process")
	}
	runs(t, "send", "mailbox:jobs", "it still works", "--broker", url).wants(t, exitOK, "")
}

func TestADirectoryWithoutAJournal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, verb := range []string{"inspect", "verify", "repair"} {
		runs(t, "journal", verb, dir).wants(t, exitFailed, "", "there is no journal", "What to do: name the data directory of a broker")
		runs(t, "journal", verb, filepath.Join(dir, "none")).wants(t, exitFailed, "", "no such file", "What to do: name the data directory of a broker")
	}
	if entries, _ := os.ReadDir(dir); len(entries) > 1 { // LOCK
		t.Errorf("the directory now holds %v", entries)
	}
}

func TestInspectTellsWhatIsNeeded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, url := serving(t, "--dir", dir)
	for _, body := range []string{"consumed", "kept"} {
		runs(t, "send", "mailbox:jobs", body, "--broker", url).wants(t, exitOK, "")
	}
	runs(t, "receive", "mailbox:jobs", "--count", "1", "--broker", url).wants(t, exitOK, "consumed\n")
	if o := b.stop(); o.code != exitOK {
		t.Fatalf("serve: %+v", o)
	}
	o := runs(t, "journal", "inspect", dir, "--json")
	n := decode[inspection](t, o.stdout)
	if n.NeededN != 5 || !n.Clean || n.Trouble != "" || n.Needed == 0 || n.LiveRatio <= 0 || n.LiveRatio >= 1 { // the queue and a message; guest, what he may, and that he was made
		t.Errorf("inspect --json: %+v", n)
	}
	for _, k := range n.Kinds {
		if k.Name == "Enqueued" && k.Records != 2 {
			t.Errorf("inspect --json: %+v", k)
		}
	}
	if o = runs(t, "journal", "inspect", dir); o.code != exitOK || !strings.Contains(o.stdout, "5 of them needed") || !strings.Contains(o.stdout, "QueueDeclared") {
		t.Errorf("inspect: %+v", o)
	}

	all := strings.Count(runs(t, "journal", "inspect", dir, "--records").stdout, "\n")
	if int64(all) != n.Records {
		t.Errorf("inspect --records has %d lines of %d records", all, n.Records)
	}
	o = runs(t, "journal", "inspect", dir, "--records", "--kind", "enqueued", "--json")
	var messages [2]recordInfo
	decodeLines(t, o.stdout, &messages[0], &messages[1])
	m := messages[1]
	if m.Kind != "Enqueued" || m.Fields["key"] != `"jobs"` || len(m.Queues) != 1 || m.Queues[0].Name != "jobs" || m.Queues[0].VHost != "/" {
		t.Errorf("inspect --records --json: %+v", m)
	}
	lsn := jsonNumber(t, m.LSN)
	o = runs(t, "journal", "inspect", dir, "--records", "--from", lsn, "--to", lsn)
	if strings.Count(o.stdout, "\n") != 1 || !strings.HasPrefix(o.stdout, "lsn "+lsn+"  Enqueued  live") || !strings.Contains(o.stdout, `is "jobs" in "/"`) {
		t.Errorf("inspect --from --to: %+v", o)
	}
}

func jsonNumber(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestProgressIsOneLine(t *testing.T) {
	var w strings.Builder
	now := time.Unix(0, 0)
	p := &progressLine{to: &w, verb: "verified", now: func() time.Time { return now }, told: now}
	for i := range int64(4) {
		p.tell(i<<20, 4<<20)
		now = now.Add(progressEvery / 2)
	}
	p.end()
	if want := "\rverified 2.0 MiB of 4.0 MiB (50 %)\x1b[K\r\x1b[K"; w.String() != want {
		t.Errorf("progress wrote %q, want %q", w.String(), want)
	}
	w.Reset()
	(&progressLine{to: &w, now: time.Now, told: time.Now()}).end()
	if tell, _ := progressOn(&w, "verified"); w.String() != "" || tell != nil {
		t.Errorf("progress on what is no terminal: %q", w.String())
	}
}

// A journal may be long to read. Who has seen enough can end that.
func TestLookingAtAJournalCanBeInterrupted(t *testing.T) {
	t.Parallel()
	dir := journalOf(t, "hello")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, verb := range []string{"journal verify", "journal inspect", "journal inspect --records"} {
		args := append(strings.Fields(verb), dir)
		root := newRoot(args...)
		var stdout, stderr strings.Builder
		root.SetOut(&stdout)
		if code := run(ctx, root, args, &stderr); code != exitFailed || stdout.Len() > 0 || stderr.String() != "postrider: interrupted\n" {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", verb, code, &stdout, &stderr)
		}
	}
}
