package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/postrider-mq/postrider/internal/disk"
)

// ledger is what a user of the journal knows: which facts it appended, and which of them it still needs. A fact has one
// record, or after it was carried another.
type ledger struct {
	mu     sync.Mutex
	j      *Journal
	facts  []*fact
	byLSN  map[LSN]*fact
	oddity string
}

type fact struct {
	id       int
	body     []byte
	live     bool
	records  []LSN // the newest last
	released bool  // by the user
	certain  bool  // it was confirmed, or recovered by Open: it must be there for ever after
	lost     bool  // a crash took it before it was certain: it must not come back
}

func newLedger() *ledger { return &ledger{byLSN: map[LSN]*fact{}} }

func (l *ledger) append(size int, live bool) LSN {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := &fact{id: len(l.facts), live: live}
	f.body = append([]byte(strconv.Itoa(f.id)+":"), bytes.Repeat([]byte{byte(f.id)}, size)...)
	l.facts = append(l.facts, f)
	return l.record(f)
}

func (l *ledger) record(f *fact) LSN {
	lsn := l.j.Append(7, f.live, f.body[:1], f.body[1:])
	f.records = append(f.records, lsn)
	l.byLSN[lsn] = f
	return lsn
}

// carry is Config.Carry.
func (l *ledger) carry(r Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.byLSN[r.LSN]
	if f == nil || !bytes.Equal(f.body, r.Body) {
		l.oddity = fmt.Sprintf("asked to carry %d %.20q, which was never appended", r.LSN, r.Body)
		return
	}
	if f.released || f.records[len(f.records)-1] != r.LSN {
		return
	}
	l.record(f)
	l.j.Release(r.LSN)
}

func (l *ledger) release(f *fact) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f.live && !f.released && !f.lost {
		f.released = true
		l.j.Release(f.records[len(f.records)-1])
	}
}

// confirm notes what is durable now.
func (l *ledger) confirm() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.j == nil {
		return
	}
	upTo := l.j.Durable()
	for _, f := range l.facts {
		for _, lsn := range f.records {
			f.certain = f.certain || lsn <= upTo && l.byLSN[lsn] == f
		}
	}
}

// copy returns the ledger as it is now, for another journal.
func (l *ledger) copy() *ledger {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := newLedger()
	for _, f := range l.facts {
		g := *f
		g.records = slices.Clone(f.records)
		c.facts = append(c.facts, &g)
	}
	for lsn, f := range l.byLSN {
		c.byLSN[lsn] = c.facts[f.id]
	}
	return c
}

// settings returns a configuration with small segments.
func (l *ledger) settings(fs disk.FS) Config {
	return Config{FS: fs, SegmentSize: 4096, Carry: l.carry}
}

// open opens the journal on fs and holds what it finds against what must and what may be there.
func (l *ledger) open(fs disk.FS) error {
	var held []Record
	j, err := Open(l.settings(fs), func(r Record) error {
		r.Body = bytes.Clone(r.Body)
		held = append(held, r)
		return nil
	})
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.j = j
	err = l.compare(held)
	l.mu.Unlock()
	if err == nil {
		for _, d := range j.Recovery().Damaged {
			if d.Synced {
				err = fmt.Errorf("a crash alone damaged what had been synced: %+v", d)
			}
		}
	}
	if err != nil {
		return errors.Join(err, j.Close())
	}
	l.tidy(held)
	return nil
}

func (l *ledger) compare(held []Record) error {
	var last LSN
	present := map[*fact]bool{}
	for _, r := range held {
		f := l.byLSN[r.LSN]
		switch {
		case r.LSN <= last:
			return fmt.Errorf("record %d comes after %d", r.LSN, last)
		case f == nil:
			return fmt.Errorf("record %d %.20q was never appended", r.LSN, r.Body)
		case !bytes.Equal(r.Body, f.body) || r.Kind != 7 || r.Live != f.live:
			return fmt.Errorf("record %d is %.20q, appended was %.20q", r.LSN, r.Body, f.body)
		case f.lost:
			return fmt.Errorf("record %d %.20q had been lost and is back", r.LSN, r.Body)
		}
		last, present[f] = r.LSN, true
	}
	for _, f := range l.facts {
		if f.certain && f.live && !f.released && !present[f] {
			return fmt.Errorf("fact %d (records %v) was confirmed and is lost; recovery %+v", f.id, f.records, l.j.recovery)
		}
	}
	for _, f := range l.facts {
		f.lost = f.lost || !present[f]
		f.certain = f.certain || present[f]
	}
	return nil
}

// tidy does what a user does after Open: it releases the records that it does not need, those that were carried among them.
func (l *ledger) tidy(held []Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	newest, known := map[*fact]LSN{}, map[LSN]*fact{}
	for _, r := range held {
		f := l.byLSN[r.LSN]
		newest[f], known[r.LSN] = r.LSN, f
	}
	for _, r := range held {
		if f := l.byLSN[r.LSN]; r.Live && (f.released || newest[f] != r.LSN) {
			l.j.Release(r.LSN)
		}
	}
	l.byLSN = known // addresses that were lost may be given again
	for _, f := range l.facts {
		f.records = nil
		if lsn, ok := newest[f]; ok {
			f.records = []LSN{lsn}
		}
	}
}

// work appends, waits and releases for a while. It ends early when the journal fails.
func (l *ledger) work(r *rand.Rand, steps int) error {
	for range steps {
		size := r.IntN(300)
		if r.IntN(30) == 0 {
			size = 3000 + r.IntN(6000)
		}
		lsn := l.append(size, r.IntN(4) != 0)
		if r.IntN(4) == 0 {
			if err := l.j.Wait(context.Background(), lsn); err != nil {
				return err
			}
			l.confirm()
		}
		for range r.IntN(4) {
			l.mu.Lock()
			f := l.facts[r.IntN(len(l.facts))]
			l.mu.Unlock()
			if l.j.Durable() > 0 && f.id%9 != 0 { // every ninth stays, so that there is something to carry
				l.release(f)
			}
		}
	}
	return nil
}

// TestCrashAtEveryStep runs a journal and cuts the power after each single operation on its disk, in many ways each time.
// From what is left of the disk the journal is opened, used, crashed and opened again.
func TestCrashAtEveryStep(t *testing.T) {
	runs, seeds := 3, 3
	if testing.Short() {
		runs, seeds = 2, 2
	}
	for run := range runs {
		t.Run(fmt.Sprint("run ", run), func(t *testing.T) {
			t.Parallel()
			crashRun(t, uint64(run), seeds)
		})
	}
}

func crashRun(t *testing.T, run uint64, seeds int) {
	mem, l := disk.NewMem(), newLedger()
	crash := func(op disk.Op) {
		if op.Kind == disk.OpRead || op.Kind == disk.OpOpen || op.Kind == disk.OpList || t.Failed() {
			return
		}
		for i := range seeds {
			seed := run<<32 | uint64(op.Index)<<8 | uint64(i)
			l.confirm()
			disk, after := mem.Crash(seed), l.copy()
			if err := survive(after, disk, seed, 2); err != nil {
				t.Errorf("run %d, crash with seed %#x after operation %d (%s %s): %v", run, seed, op.Index, op.Kind, op.Name, err)
			}
		}
	}
	fs := disk.NewFaulty(mem, nil, crash)
	r := rand.New(rand.NewPCG(run, 1))
	for range 3 {
		if err := l.open(fs); err != nil {
			t.Fatal(err)
		}
		if err := l.work(r, 40); err != nil {
			t.Fatal(err)
		}
		if err := l.j.Close(); err != nil {
			t.Fatal(err)
		}
		l.confirmAll()
	}
	if l.oddity != "" {
		t.Error(l.oddity)
	}
}

// confirmAll notes that the journal was closed properly.
func (l *ledger) confirmAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.facts {
		f.certain = f.certain || len(f.records) > 0
	}
}

// survive opens a crashed disk, works on it, and crashes it again, some times over.
func survive(l *ledger, mem *disk.Mem, seed uint64, times int) error {
	l.j = nil
	if err := l.open(mem); err != nil {
		return err
	}
	defer l.j.Close()
	if times == 0 {
		return nil
	}
	if seed%4 != 0 {
		if err := l.work(rand.New(rand.NewPCG(seed, 2)), 5); err != nil {
			return err
		}
	}
	l.confirm()
	crashed, after := mem.Crash(seed+1), l.copy()
	if err := survive(after, crashed, seed*31+7, times-1); err != nil {
		return fmt.Errorf("and once more with seed %#x: %w", seed+1, err)
	}
	return nil
}
