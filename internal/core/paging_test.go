package core

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/postrider-mq/postrider/internal/disk"
	"github.com/postrider-mq/postrider/internal/journal"
	"github.com/postrider-mq/postrider/internal/queue"
	"github.com/postrider-mq/postrider/internal/route"
)

// tightWorld has room for about three messages in memory.
func tightWorld(t testing.TB) *world {
	w := &world{t: t, disk: disk.NewMem(), tight: true}
	w.open(w.disk)
	t.Cleanup(func() { w.core.Close() })
	return w
}

// settleDown waits until the sweep has done what it can.
func (w *world) settleDown() {
	w.t.Helper()
	for range 10_000 {
		if p := &w.core.pager; !p.sweeping.Load() && p.resident.Load() <= p.budget {
			return
		}
		time.Sleep(100 * time.Microsecond)
	}
	w.t.Errorf("%d bytes of messages stay in memory, %d are allowed", w.core.pager.resident.Load(), w.core.pager.budget)
}

func numbered(n int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprintf("%04d", i)+strings.Repeat("x", i%300))
	}
	return list
}

// A hundred times of what memory may hold goes through two queues, persistent
// and not, and comes out whole and in order.
func TestMoreThanMemoryHolds(t *testing.T) {
	for _, persistent := range []bool{true, false} {
		w := tightWorld(t)
		w.durable("a", "b")
		w.exchange("x", route.Fanout, true)
		w.bind("a", "x", "")
		w.bind("b", "x", "")
		all := numbered(500)
		for _, body := range all {
			w.publish(message("x", "", body, persistent))
		}
		w.settleDown()
		w.wantContents("a", all...)
		w.wantContents("b", all...)

		s := &sink{}
		w.consume("a", 0, s)
		w.ack(s.want(t, all...)...)
		if d, _ := w.get("b", true); string(d.Message.Body) != all[0] {
			t.Errorf("got %s", d.Message.Body)
		}
		d, _ := w.get("b", false)
		w.requeue(d)
		w.do(func(b *Burst) {
			if n, err := w.client.PurgeQueue(b, "b"); n != len(all)-1 || err != nil {
				t.Errorf("%d were purged, %v", n, err)
			}
		})
		w.wantNoLeak()
		if n := w.core.pager.resident.Load(); n != 0 {
			t.Errorf("%d bytes are counted in empty queues", n)
		}
	}
}

// Bytes that come while a sweep ends are not left to a sweep that nobody begins.
func TestWhatComesAsASweepEndsIsSwept(t *testing.T) {
	w := tightWorld(t)
	p := &w.core.pager
	for range 2000 {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 40 {
					w.core.account(1000)
				}
			})
		}
		wg.Wait()
		for end := time.Now().Add(10 * time.Second); p.sweeping.Load() || p.resident.Load() > p.next.Load(); runtime.Gosched() {
			if time.Now().After(end) {
				t.Fatalf("%d bytes are in memory, a sweep was due at %d, and none is on its way", p.resident.Load(), p.next.Load())
			}
		}
		w.core.account(-p.resident.Load())
		if next := p.next.Load(); next != p.budget {
			t.Fatalf("with nothing in memory the next sweep is due at %d bytes, want %d", next, p.budget)
		}
	}
}

func TestWhatIsPagedSurvivesAsItShould(t *testing.T) {
	w := tightWorld(t)
	w.durable("q")
	var kept []string
	for i, body := range numbered(200) {
		w.publish(message("", "q", body, i%2 == 0))
		if i%2 == 0 {
			kept = append(kept, body)
		}
	}
	w.sync()
	w.settleDown()
	w.restart()
	w.wantContents("q", kept...)
	w.wantNoLeak()
	if w.delete("q") != len(kept) {
		t.Error("not all were deleted")
	}
	w.wantNoLeak()
}

// A reader that comes after the compaction finds the message where that put it.
func TestACarriedMessageIsFound(t *testing.T) {
	w := tightWorld(t)
	w.durable("q")
	w.publish(message("", "q", "transient", false))
	w.publish(message("", "q", "persistent", true))
	w.sync()
	w.do(func(b *Burst) { w.queue("q").sweep(context.Background(), 0) })
	s := &sink{}
	for _, body := range numbered(40) { // enough to make memory tight
		w.publish(message("", "q", body, false))
	}
	w.settleDown()
	q := w.queue("q")
	for pos := uint64(1); pos <= 2; pos++ {
		e, _, _ := q.core.Lookup(pos)
		if e.Msg.lsn() == 0 {
			continue
		}
		rec, err := w.core.journal.Read(e.Msg.lsn())
		w.must(err)
		w.core.carry(rec)
	}
	w.consume("q", 2, s)
	w.ack(s.want(t, "transient", "persistent")...)
}

// A record that the disk has damaged costs its message and no other.
func TestADamagedMessageIsLostAlone(t *testing.T) {
	for _, noAck := range []bool{false, true} {
		w := newWorld(t, disk.NewMem())
		w.durable("q")
		w.send("q", "first", "second", "third")
		w.restart() // from here on they are on the disk only
		damage(t, w.disk, "second")
		var logged bytes.Buffer
		w.core.log = slog.New(slog.NewTextHandler(&logged, nil))

		s := &sink{}
		_, err := w.tryConsume(w.client, ConsumeSpec{Queue: "q", Tag: "c", NoAck: noAck}, s)
		w.must(err)
		ds := s.want(t, "first", ErrLost.Error(), "third")
		if !noAck {
			w.ack(ds[0], ds[2])
		}
		w.wantContents("q")
		w.wantNoLeak()
		if n := w.core.pager.lost.Load(); n != 1 {
			t.Errorf("%d messages are counted as lost", n)
		}
		names, err := w.disk.List("quarantine")
		if len(names) != 1 || err != nil {
			t.Fatalf("in quarantine is %v, %v", names, err)
		}
		for _, want := range []string{"queue=q", "position=2", names[0]} {
			if !strings.Contains(logged.String(), want) {
				t.Errorf("no %q in the log:\n%s", want, &logged)
			}
		}
	}
}

// damage flips a bit of the text, wherever it lies.
func damage(t *testing.T, d *disk.Mem, text string) {
	t.Helper()
	names, _ := d.List(".")
	for _, name := range names {
		f, err := d.Open(name)
		if err != nil {
			continue
		}
		size, _ := f.Size()
		b := make([]byte, size)
		f.ReadAt(b, 0)
		if at := bytes.Index(b, []byte(text)); at >= 0 {
			f.WriteAt([]byte{b[at] ^ 4}, int64(at))
			return
		}
	}
	t.Fatalf("%s is in no file", text)
}

func TestRefs(t *testing.T) {
	for _, lsn := range []journal.LSN{8, 4096, 1 << 40, 1<<51 - 8, 1 << 52, 1<<63 + 8} {
		for _, size := range []int{0, 1, sizeMask, sizeMask + 1, 100 << 20} {
			for _, transient := range []bool{true, false} {
				r := pagedRef(lsn, transient, size)
				if r.resident() || r.lsn() != lsn || r.size() != size || r.journaled() == transient {
					t.Errorf("%d, transient %v, %d bytes: %d, journaled %v, %d bytes", lsn, transient, size, r.lsn(), r.journaled(), r.size())
				}
			}
		}
	}
}

func TestShortOfMemory(t *testing.T) {
	var used atomic.Int64
	c, err := Open(Config{FS: disk.NewMem(), MemoryMark: 800, usage: used.Load})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, step := range []struct {
		used int64
		want Shortage
	}{{800, 0}, {801, LowOnMemory}, {750, LowOnMemory}, {700, 0}, {750, 0}} {
		used.Store(step.used)
		c.alarms.look()
		if got := c.Shortage(); got != step.want {
			t.Errorf("with %d bytes it is %q, want %q", step.used, got, step.want)
		}
	}
}

// roomyDisk says itself how much is free.
type roomyDisk struct {
	disk.FS
	free atomic.Int64
}

func (d *roomyDisk) Free() (int64, error) { return d.free.Load(), nil }

func TestShortOfDisk(t *testing.T) {
	d := &roomyDisk{FS: disk.NewMem()}
	d.free.Store(1 << 30)
	c, err := Open(Config{FS: d, SegmentSize: smallSegment, MinFree: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, step := range []struct {
		free int64
		want Shortage
	}{{20_000, 0}, {9000, LowOnDisk}, {11_000, LowOnDisk}, {20_000, 0}} {
		d.free.Store(step.free)
		c.alarms.look()
		if got := c.Shortage(); got != step.want || (c.Relief() == nil) != (got == 0) {
			t.Errorf("with %d bytes free it is %q, want %q", step.free, got, step.want)
		}
	}
	if s := (LowOnDisk | LowOnMemory).String(); s != "low on disk & memory" {
		t.Error(s)
	}
}

// What the journal lacks is told as it is: a disk with room is not full because no file may be opened.
func TestShortOfFiles(t *testing.T) {
	c, err := Open(Config{FS: disk.NewMem(), SegmentSize: smallSegment})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, step := range []struct {
		why  error
		want Shortage
		said string
	}{
		{fmt.Errorf("open: %w", disk.ErrNoFiles), LowOnFiles, "low on files"},
		{disk.ErrNoSpace, LowOnDisk, "low on disk"},
		{nil, 0, ""},
	} {
		c.alarms.journalFull(step.why)
		if got := c.Shortage(); got != step.want || got.String() != step.said || (c.Relief() == nil) != (got == 0) {
			t.Errorf("%v: it is %q, want %q", step.why, got, step.said)
		}
	}
}

// Without a disk the messages themselves are what there may be too many of.
func TestShortOfRoomForMessages(t *testing.T) {
	w := newWorld(t, nil)
	var said strings.Builder
	w.core.log = slog.New(slog.NewTextHandler(&said, nil))
	w.core.pager.budget = 1000
	w.durable("q")
	for range 5 {
		w.publish(message("", "q", strings.Repeat("x", 200), true))
	}
	if got := w.core.Shortage(); got != LowOnMemory {
		t.Fatalf("it is %q", got)
	}
	if !strings.Contains(said.String(), "most=1000\n") || strings.Contains(said.String(), "free") || strings.Contains(said.String(), "mark") {
		t.Errorf("the log tells of what this is not about: %s", &said)
	}
	w.do(func(b *Burst) { w.client.PurgeQueue(b, "q") })
	if got := w.core.Shortage(); got != 0 {
		t.Errorf("it is %q when the queue is empty", got)
	}
	w.must(w.core.AwaitRelief(context.Background()))
}

// The messages in a restored queue come in the order of their positions.
func TestRestored(t *testing.T) {
	var r restored
	for _, pos := range []uint64{700, 3, 1, 64, 65, 2, 3} {
		r.put(pos, pagedRef(journal.LSN(pos*8), false, 0))
	}
	if _, ok := r.take(64); !ok {
		t.Error("64 is not there")
	}
	if _, ok := r.take(64); ok {
		t.Error("64 is there twice")
	}
	n := r.n
	var got []uint64
	r.drain(func(pos uint64, m ref, _ bool) { got = append(got, uint64(m.lsn())/8) })
	if want := []uint64{1, 2, 3, 65, 700}; !slices.Equal(got, want) || n != len(want) {
		t.Errorf("%v, %d of them", got, n)
	}
}

// What a message in a queue takes beside its bytes: what the documents say.
func TestAMessageInAQueueTakesLittle(t *testing.T) {
	const n = 500_000
	inUse := func() int64 {
		runtime.GC()
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return int64(s.HeapAlloc)
	}
	for name, c := range map[string]struct {
		cfg  queue.Config
		most int64
	}{
		"that expires": {queue.Config{TTL: queue.AtMost(1)}, 26},
		"other":        {queue.Config{}, 18},
	} {
		before := inUse()
		q := queue.New[ref](0, c.cfg)
		for range n {
			q.Push(0, q.ReserveIn(0), ref{})
		}
		if each := (inUse() - before) / n; each > c.most {
			t.Errorf("one %s takes %d bytes, want %d", name, each, c.most)
		}
		runtime.KeepAlive(q)
	}
}
