package marks

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider/internal/disk"
	"github.com/postrider-mq/postrider/internal/journal"
)

var quiet = slog.New(slog.DiscardHandler)

func mustOpen(t *testing.T, fs disk.FS) *Log {
	t.Helper()
	l, err := open(fs, quiet, 16<<10)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close(context.Background()) })
	return l
}

// known are the messages that a log knows of a target, as text.
func known(l *Log, target string) map[string]bool {
	all := make(map[string]bool)
	for _, p := range l.Take(target) {
		for bit := range uint16(PageSize) {
			m := Mark{Bit: bit, ID: p.IDs[bit]}
			if p.has(m) {
				all[say(p.Place, m)] = true
			}
		}
	}
	return all
}

func note(t *testing.T, l *Log, at Place, marks []Mark) journal.LSN {
	t.Helper()
	lsn, err := l.Note(at, marks)
	if err != nil {
		t.Error(err)
	}
	return lsn
}

func say(at Place, m Mark) string { return fmt.Sprint(at.Sender, " ", at.Page, " ", m.Bit, m.ID) }

func wait(t *testing.T, l *Log, lsn journal.LSN) {
	t.Helper()
	if err := l.Wait(t.Context(), lsn); err != nil {
		t.Fatal(err)
	}
}

func TestWhatWasNotedIsKnownAfterARestart(t *testing.T) {
	fs := disk.NewMem()
	want := make(map[string]bool)
	for life := range 3 {
		l := mustOpen(t, fs)
		if got := known(l, "jobs"); !maps.Equal(got, want) {
			t.Fatalf("life %d knows %v, want %v", life, got, want)
		}
		for _, at := range []Place{{"jobs", "alice-", uint64(life)}, {"jobs", "bob-", 7}, {"jobs", "", uint64(life)}} {
			var marks []Mark
			for i := range uint16(300) {
				m := Mark{Bit: (i*13 + uint16(life)) % PageSize}
				if at.Sender == "" {
					m.ID = fmt.Sprint("carol order-", m.Bit)
				}
				marks = append(marks, m)
				want[say(at, m)] = true
			}
			l.Note(at, marks)
		}
		l.Note(Place{"other", "alice-", 1}, []Mark{{Bit: 1}})
		l.Close(context.Background())
	}
	if got := known(mustOpen(t, fs), "other"); len(got) != 1 {
		t.Errorf("of another target %v", got)
	}
}

// The window moves on: what lies a ring of pages behind is given up, and so are the senders that were heard of least recently.
func TestTheWindowIsBounded(t *testing.T) {
	fs := disk.NewMem()
	l := mustOpen(t, fs)
	for page := range uint64(Pages + 10) {
		l.Note(Place{"jobs", "alice-", page}, []Mark{{Bit: 1}})
	}
	if lsn := note(t, l, Place{"jobs", "alice-", 3}, []Mark{{Bit: 2}}); lsn != 0 {
		t.Error("a message from before the window was noted")
	}
	for page := range uint64(NamedPages + 10) {
		l.Note(Place{"jobs", "", page}, []Mark{{1, "x"}})
	}
	for range 2 {
		if got := known(l, "jobs"); len(got) != Pages+NamedPages || got["alice- 9 1"] || !got["alice- 10 1"] || got[" 9 1x"] || !got[" 10 1x"] {
			t.Errorf("%d messages: %v", len(got), got)
		}
		l.Close(context.Background())
		l = mustOpen(t, fs)
	}
	for i := range MaxSenders {
		l.Note(Place{"jobs", fmt.Sprint(i), 0}, []Mark{{Bit: 1}})
	}
	for range 2 {
		if got := known(l, "jobs"); len(got) != MaxSenders+NamedPages || got["alice- 10 1"] || !got["0 0 1"] || !got[" 10 1x"] {
			t.Errorf("%d messages", len(got))
		}
		l.Close(context.Background())
		l = mustOpen(t, fs)
	}
}

// Others come and go, such as the command line, which has another name each time.
func TestWhoGoesOnIsRemembered(t *testing.T) {
	fs := disk.NewMem()
	l := mustOpen(t, fs)
	l.Note(Place{"jobs", "", 0}, []Mark{{1, "order-1"}})
	for i := range 2 * MaxSenders {
		l.Note(Place{"jobs", "alice-", uint64(i / PageSize)}, []Mark{{Bit: uint16(i % PageSize)}})
		l.Note(Place{"jobs", fmt.Sprint(i), 0}, []Mark{{Bit: 1}})
	}
	for range 2 {
		if got := known(l, "jobs"); len(got) != 1+2*MaxSenders+MaxSenders-1 || !got[" 0 1order-1"] || !got["alice- 0 0"] {
			t.Errorf("%d messages", len(got))
		}
		l.Close(context.Background())
		l = mustOpen(t, fs)
	}
}

// Somebody calls himself by many names, and skips a page with each message. Who goes on beside him is remembered all the same.
func TestPagesAreBounded(t *testing.T) {
	fs := disk.NewMem()
	l := mustOpen(t, fs)
	for i := range MaxPages/Pages + 100 {
		for page := range uint64(Pages) {
			l.Note(Place{"jobs", fmt.Sprint(i), page}, []Mark{{Bit: 1}})
			l.Note(Place{"jobs", "alice-", 0}, []Mark{{Bit: uint16(i)}})
		}
	}
	for range 2 {
		got := l.Take("jobs")
		if len(got) > MaxPages || len(got) < MaxPages-Pages || l.pages != len(got) {
			t.Errorf("%d pages are known, %d counted", len(got), l.pages)
		}
		if n := l.journal.Stats().LiveRecords; n > 2*MaxPages {
			t.Errorf("they take %d records", n)
		}
		if !slices.ContainsFunc(got, func(p Page) bool { return p.Sender == "alice-" && p.Done[0] == 1<<64-1 }) {
			t.Error("who went on is forgotten")
		}
		l.Close(context.Background())
		l = mustOpen(t, fs)
	}
}

// However much is handled, the disk holds little; and what the window knows goes along when its segments are given back.
func TestTheDiskIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := disk.NewMem()
		l := mustOpen(t, fs)
		l.Note(Place{"jobs", "old-", 0}, []Mark{{Bit: 5}})
		l.Note(Place{"jobs", "", 0}, []Mark{{5, "old"}})
		for i := range 20_000 {
			l.Note(Place{"jobs", "alice-", uint64(i / PageSize)}, []Mark{{Bit: uint16(i % PageSize)}})
			if i%100 == 0 {
				synctest.Wait()
			}
		}
		time.Sleep(time.Minute)
		if st := l.journal.Stats(); st.Segments > 6 || st.LiveRecords > 200 {
			t.Errorf("%+v", st)
		}
		l.Close(context.Background())
		got := known(mustOpen(t, fs), "jobs")
		if len(got) != 20_002 || !got["old- 0 5"] || !got[" 0 5old"] {
			t.Errorf("%d messages are known", len(got))
		}
	})
}

// witness knows what a log was told.
type witness struct {
	mu                   sync.Mutex
	told, written, ended map[string]bool // noted; waited for; there when a log was closed
}

func (w *witness) copyOf(set *map[string]bool) map[string]bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(*set)
}

func (w *witness) add(set *map[string]bool, more map[string]bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	maps.Copy(*set, more)
}

// survived checks what a log on a disk knows: all of must, and nothing that is not in may.
func survived(fs disk.FS, must, may map[string]bool) error {
	l, err := open(fs, quiet, 16<<10)
	if err != nil {
		return err
	}
	defer l.Close(context.Background())
	got := known(l, "jobs")
	for m := range must {
		if !got[m] {
			return fmt.Errorf("%q is not known any more", m)
		}
	}
	for m := range got {
		if !may[m] {
			return fmt.Errorf("%q was never handled", m)
		}
	}
	return nil
}

// At every operation on the disk the process is killed: what was waited for is known. And the power fails: nothing is known that was
// never handled, and what was there at an orderly end is.
func TestKillsAndPowerFailuresAtEveryStep(t *testing.T) {
	mem := disk.NewMem()
	w := &witness{told: map[string]bool{}, written: map[string]bool{}, ended: map[string]bool{}}
	seed := rand.Uint64()
	after := func(op disk.Op) {
		if op.Kind == disk.OpRead || op.Kind == disk.OpOpen || op.Kind == disk.OpList || t.Failed() {
			return
		}
		written, ended := w.copyOf(&w.written), w.copyOf(&w.ended)
		killed, failed := mem.Snapshot(), mem.Crash(seed+uint64(op.Index))
		told := w.copyOf(&w.told)
		if err := survived(killed, written, told); err != nil {
			t.Errorf("killed after operation %d (%s %s): %v", op.Index, op.Kind, op.Name, err)
		}
		if err := survived(failed, ended, told); err != nil {
			t.Errorf("power failure with seed %d after operation %d (%s %s): %v", seed, op.Index, op.Kind, op.Name, err)
		}
	}
	fs := disk.NewFaulty(mem, nil, after)
	rnd := rand.New(rand.NewPCG(seed, 1))
	for range 2 {
		l := mustOpen(t, fs)
		for range 25 {
			at := Place{"jobs", "alice-", uint64(rnd.IntN(3))}
			if rnd.IntN(3) == 0 {
				at.Sender = ""
			}
			var marks []Mark
			said := make(map[string]bool)
			for range 1 + rnd.IntN(60) {
				m := Mark{Bit: uint16(rnd.IntN(PageSize))}
				if at.Sender == "" {
					m.ID = fmt.Sprint("order-", m.Bit)
				}
				marks = append(marks, m)
				said[say(at, m)] = true
			}
			w.add(&w.told, said)
			lsn := note(t, l, at, marks)
			if rnd.IntN(2) == 0 {
				wait(t, l, lsn)
				w.add(&w.written, w.copyOf(&w.told)) // what came before, too
			}
		}
		l.Close(context.Background())
		w.add(&w.ended, w.copyOf(&w.told))
	}
}

// Whatever is in a record, a log begins; and a disk that fails is told of, and waited for no longer.
func TestDamageAndFailure(t *testing.T) {
	mem := disk.NewMem()
	j, err := journal.Open(journal.Config{FS: mem, Logger: quiet, SegmentSize: 16 << 10}, func(journal.Record) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	good := appendMarks(nil, Place{"jobs", "alice-", 0}, []Mark{{Bit: 3}})
	named := appendMarks(nil, Place{"jobs", "", 0}, []Mark{{3, "order-3"}})
	for _, body := range [][]byte{nil, good[:3], good[:len(good)-1], append(appendHead(nil, Place{"jobs", "alice-", 0}), 0xff, 0xff), good} {
		for kind := range kindPage + 2 {
			j.Append(kind, true, body)
		}
	}
	for cut := range named {
		j.Append(kindNamed, true, named[:cut])
	}
	j.Close()
	broken := false
	fs := disk.NewFaulty(mem, func(op disk.Op) error {
		if broken && op.Kind == disk.OpWrite {
			return fmt.Errorf("broken")
		}
		return nil
	}, nil)
	l, err := open(fs, quiet, 16<<10)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close(context.Background())
	if got := known(l, "jobs"); !got["alice- 0 3"] {
		t.Errorf("known: %v", got)
	}
	broken = true
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := l.Wait(ctx, note(t, l, Place{"jobs", "alice-", 0}, []Mark{{Bit: 9}})); err == nil || ctx.Err() != nil {
		t.Error("a note was written to a broken disk:", err)
	}
}
