package core

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/postrider-mq/postrider/internal/disk"
	"github.com/postrider-mq/postrider/internal/journal"
	"github.com/postrider-mq/postrider/internal/queue"
	"github.com/postrider-mq/postrider/internal/route"
)

// compareStarts opens two copies of a disk on which a broker was closed, one with the checkpoint and one without, and
// wants both to come to the same. Every restart of a test goes through it.
func (w *world) compareStarts() {
	w.t.Helper()
	if _, err := w.disk.Snapshot().Open("checkpoint"); err != nil {
		w.t.Error("a broker that was closed in good order has left no checkpoint")
		return
	}
	quick, whole := w.disk.Snapshot(), w.disk.Snapshot()
	w.must(whole.Remove("checkpoint"))
	a, resumed := w.stateOf(quick)
	if !resumed {
		w.t.Error("the checkpoint was not used")
	}
	b, resumed := w.stateOf(whole)
	if resumed {
		w.t.Error("there was another checkpoint")
	}
	if strings.Contains(a.text+b.text, "x-expires") { // queues that may be gone by now
		return
	}
	if a.text != b.text {
		w.t.Errorf("with the checkpoint there is\n%s\nwithout there is\n%s", a.text, b.text)
	}
	if a.live != b.live {
		w.t.Errorf("with the checkpoint %d records are live, without %d", a.live, b.live)
	}
	for id, next := range b.next {
		for level := range next {
			if a.next[id][level] < next[level] {
				w.t.Errorf("with the checkpoint queue %d goes on at %d, without at %d", id, a.next[id], next)
			}
		}
	}
	if a.lastID < b.lastID {
		w.t.Errorf("with the checkpoint queue ids go on behind %d, without behind %d", a.lastID, b.lastID)
	}
	if _, err := quick.Open("checkpoint"); err != nil {
		w.t.Error("the start did not leave a checkpoint when it was closed again:", err)
	}
}

// state is all that a start came to.
type state struct {
	text   string
	live   int64
	next   map[uint64][2]uint64 // by queue: the position that comes next, at least, and that of a high level
	lastID uint64
}

func (w *world) stateOf(fs *disk.Mem) (s state, resumed bool) {
	w.t.Helper()
	other := &world{t: w.t, tight: w.tight}
	other.open(fs)
	c := other.core
	if _, err := fs.Open("checkpoint"); err == nil {
		w.t.Error("the checkpoint is still there while the broker runs")
	}
	s.lastID, s.next = c.queueID.Load(), map[uint64][2]uint64{}
	var lines []string
	note := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	for _, v := range c.VHosts() {
		v.mu.Lock()
		note("vhost %s %+v declared %v", v.Name, v.info, v.declared != 0)
		for key := range v.facts {
			note("fact %s %d %q", v.Name, key[0], key[1:])
		}
		v.mu.Unlock()
	}
	c.settings.mu.Lock()
	for key, x := range c.settings.byKey {
		note("setting %v %q", key, x.value.Value)
	}
	c.settings.mu.Unlock()
	c.byID.Range(func(id, v any) bool {
		q := v.(*Queue)
		q.mu.Lock()
		defer q.mu.Unlock()
		next, high := q.core.Reserved()
		s.next[q.id] = [2]uint64{next, high}
		note("queue %04d %+v %s", id, q.QueueSpec, strings.Join(q.describeEntries(w), ""))
		return true
	})
	slices.Sort(lines)
	s.text = strings.Join(lines, "\n")
	resumed = c.journal.Recovery().Resumed
	w.must(c.Close())
	s.live = c.journal.Stats().LiveRecords // when compaction is not in the midst of moving one
	return s, resumed
}

// describeEntries reads the messages, so that what is told does not depend on where compaction has put them.
func (q *Queue) describeEntries(w *world) (list []string) {
	c := q.vhost.core
	for e, state := range q.core.All() {
		rec, err := c.journal.Read(e.Msg.lsn())
		if err != nil {
			w.t.Errorf("queue %s, position %d: %v", q.Name, e.Pos, err)
			continue
		}
		x, err := parseEnqueued(rec.Kind, rec.Body, nil)
		w.must(err)
		life := "-"
		if end, ok := q.core.Expiry(e.Pos); ok {
			life = fmt.Sprint((time.Duration(end-c.Now()) + 30*time.Second).Truncate(time.Minute))
		}
		list = append(list, fmt.Sprintf("\n\t%d %v %d bytes %q redelivered %v %d life %s", e.Pos, state == queue.Ready, e.Msg.size(), x.content, e.Redelivered, e.Deliveries, life))
	}
	return list
}

// All that a broker can have is in a checkpoint.
func TestACheckpointHasEverything(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	ctx := t.Context()
	w.exchange("x", route.Fanout, true)
	w.do(func(b *Burst) {
		later := route.Exchange{Name: "later", Kind: route.Delayed, Durable: true, Args: map[string]any{"x-delayed-type": "fanout"}}
		w.must(w.client.DeclareExchange(ctx, b, later))
	})
	_, err := w.core.PutVHost(ctx, "other", VHostInfo{Description: "another", Tags: []string{"a", "b"}})
	w.must(err)
	w.must(w.core.Set(ctx, Setting{Kind: "user", Name: "ada", Value: []byte("hash")}))
	w.must(w.core.Set(ctx, Setting{Kind: "user", Name: "ada", Value: []byte("another hash")}))
	w.declare(QueueSpec{Name: "plain", Durable: true})
	w.declare(QueueSpec{Name: "lanes", Durable: true, Args: map[string]any{"x-max-priority": int32(5)}})
	w.declare(QueueSpec{Name: "short", Durable: true, Args: map[string]any{"x-message-ttl": int32(3_600_000)}})
	w.declare(QueueSpec{Name: "quorum", Durable: true, Args: map[string]any{"x-queue-type": "quorum"}})
	w.declare(QueueSpec{Name: "transient"})
	w.declare(QueueSpec{Name: "mine", Durable: true, Exclusive: true})
	names := []string{"plain", "lanes", "short", "quorum", "transient", "mine"}
	for _, name := range names {
		w.bind(name, "x", "")
	}
	for i := range 50 {
		w.publish(message("x", "", fmt.Sprint("to all ", i, strings.Repeat("x", i)), i%5 != 0))
	}
	w.publish(message("", "plain", strings.Repeat("large", 5000), true))
	for round := range 3 {
		for _, name := range names {
			var out []Delivery
			for range 5 {
				d, _ := w.get(name, false)
				out = append(out, d)
			}
			switch round {
			case 0:
				w.ack(out...)
			case 1:
				w.requeue(out...)
			} // or they stay out
		}
	}
	w.unbind("lanes", "x", "")
	w.delete("transient")
	for range 3 {
		w.restart() // which compares
	}
}

// Whatever operation on the disk fails, or is the last before the power does: what was confirmed is there, what was settled for
// sure is not, and nothing else is.
func TestFaultsAroundACheckpoint(t *testing.T) {
	broken := errors.New("the disk is broken")
	for _, name := range []string{"error", "power"} {
		t.Run(name, func(t *testing.T) {
			for n := 1; ; n++ {
				d := disk.NewMem()
				w := &world{t: t}
				w.open(d)
				w.durable("q", "r")
				w.send("q", "settled", "kept", "kept too")
				w.send("r", "other")
				got, _ := w.get("q", false)
				w.ack(got)
				w.sync()
				w.must(w.core.Close())

				ops, lost := 0, (*disk.Mem)(nil)
				confirmed := map[string]bool{}
				var mu sync.Mutex
				faulty := disk.NewFaulty(d, func(disk.Op) error {
					mu.Lock()
					defer mu.Unlock()
					if ops++; name == "error" && ops == n {
						return broken
					}
					return nil
				}, func(disk.Op) {
					mu.Lock()
					defer mu.Unlock()
					if name == "power" && ops == n {
						lost = d.Crash(uint64(n))
					}
				})
				again := func(body string) bool {
					c, err := Open(Config{FS: faulty, SegmentSize: smallSegment})
					if err != nil {
						return false
					}
					w.core = c
					v, _ := c.VHost("/")
					w.client, w.via, w.burst = v.NewClient("test"), v.NewPublisher(), Burst{}
					w.publish(message("", "q", body, true))
					synced := c.Sync(t.Context())
					mu.Lock()
					if synced == nil && lost == nil {
						confirmed[body] = true
					}
					mu.Unlock()
					_ = c.Close()
					return true
				}
				_ = again("first") && again("second")
				if lost == nil {
					lost = d.Crash(uint64(n))
				}
				done := ops < n
				w.disk = lost
				w.open(lost)
				w.checkAfterFault(n, confirmed)
				w.restart()
				w.checkAfterFault(n, confirmed)
				w.must(w.core.Close())
				if t.Failed() || done {
					return
				}
			}
		})
	}
}

func (w *world) checkAfterFault(n int, confirmed map[string]bool) {
	w.t.Helper()
	got := w.contents("q")
	for _, body := range []string{"kept", "kept too"} {
		if !slices.Contains(got, body) {
			w.t.Errorf("fault %d: %q is lost of %q", n, body, got)
		}
	}
	for body := range confirmed {
		if !slices.Contains(got, body) {
			w.t.Errorf("fault %d: %q was confirmed and is lost of %q", n, body, got)
		}
	}
	if slices.Contains(got, "settled") {
		w.t.Errorf("fault %d: what was settled came back: %q", n, got)
	}
	if other := w.contents("r"); !slices.Equal(other, []string{"other"}) {
		w.t.Errorf("fault %d: the other queue holds %q", n, other)
	}
}

// A checkpoint of which any bit is wrong, or that is cut short, is not believed, and costs nothing but time.
func TestADamagedCheckpoint(t *testing.T) {
	d := disk.NewMem()
	w := newWorld(t, d)
	w.durable("q")
	w.send("q", "a", "b")
	w.must(w.core.Close())
	file, err := d.Open("checkpoint")
	w.must(err)
	size, _ := file.Size()
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 8*size + 20 {
		after := d.Snapshot()
		file, err := after.Open("checkpoint")
		w.must(err)
		if i < 8*size {
			b := make([]byte, 1)
			_, _ = file.ReadAt(b, i/8)
			b[0] ^= 1 << (i % 8)
			_, _ = file.WriteAt(b, i/8)
		} else {
			w.must(file.Truncate(r.Int64N(size)))
		}
		w.open(after)
		if w.core.journal.Recovery().Resumed {
			t.Fatalf("damage %d was not noticed", i)
		}
		w.wantContents("q", "a", "b")
		w.must(w.core.Close())
	}
}

// A checkpoint that was put back, or copied from elsewhere, says what was: it is not believed.
func TestAnOldCheckpoint(t *testing.T) {
	d := disk.NewMem()
	w := newWorld(t, d)
	w.durable("q")
	w.send("q", "a", "b")
	w.must(w.core.Close())
	old := read(t, d, "checkpoint")
	for _, closed := range []bool{false, true} {
		w.open(d)
		got, _ := w.get("q", false)
		w.ack(got)
		w.send("q", "c")
		if closed {
			w.must(w.core.Close())
		} else {
			after := d.Crash(1)
			w.core.Close()
			d = after
		}
		file, err := d.Create("checkpoint")
		w.must(err)
		_, err = file.WriteAt(old, 0)
		w.must(err)
	}
	w.disk = d
	w.open(d)
	if w.core.journal.Recovery().Resumed {
		t.Error("an old checkpoint was believed")
	}
	w.wantContents("q", "c", "c")
}

func read(t *testing.T, d *disk.Mem, name string) []byte {
	t.Helper()
	file, err := d.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	size, _ := file.Size()
	b := make([]byte, size)
	_, _ = file.ReadAt(b, 0)
	return b
}

// Whoever goes on publishing while the broker closes gets no checkpoint that leaves anything out.
func TestAPublisherDuringTheClose(t *testing.T) {
	for i := range 30 {
		d := disk.NewMem()
		w := &world{t: t, disk: d}
		w.open(d)
		w.durable("q")
		stop, done := make(chan struct{}), make(chan struct{})
		c := w.core
		var confirmed journal.LSN
		published := map[journal.LSN]string{}
		go func() {
			defer close(done)
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				body := fmt.Sprint(n)
				published[w.publish(message("", "q", body, true)).LSN] = body
				confirmed = c.Durable()
			}
		}()
		time.Sleep(time.Duration(i) * 50 * time.Microsecond)
		_ = c.Close()
		close(stop)
		<-done
		w.open(d)
		got := map[string]bool{}
		for _, body := range w.contents("q") {
			got[body] = true
		}
		for lsn, body := range published {
			if lsn <= confirmed && lsn <= c.Durable() && !got[body] {
				t.Fatalf("run %d: %s was confirmed and is lost", i, body)
			}
		}
		w.must(w.core.Close())
	}
}
