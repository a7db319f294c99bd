package core

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/disk"
	"github.com/postrider-mq/postrider/internal/journal"
	"github.com/postrider-mq/postrider/internal/route"
)

func TestARestartKeepsWhatIsDurable(t *testing.T) {
	for name, again := range map[string]func(*world){
		"closed":  (*world).restart,
		"crashed": func(w *world) { w.sync(); w.crash(3) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, disk.NewMem())
			w.exchange("orders", route.Topic, true)
			w.exchange("passing", route.Fanout, false)
			w.declare(QueueSpec{Name: "q", Durable: true, Args: amqp.Table{"x-queue-type": "quorum"}})
			w.declare(QueueSpec{Name: "mine", Durable: true, Exclusive: true})
			w.declare(QueueSpec{Name: "t"})
			w.bind("q", "orders", "a.#")
			w.bind("q", "passing", "")
			w.bind("t", "orders", "#")
			w.send("q", "one", "two")
			w.publish(message("", "q", "transient", false))
			again(w)

			if w.exists("t") || w.exists("mine") || w.exchangeExists("passing") || !w.exchangeExists("orders") {
				t.Error("the wrong things survived")
			}
			w.wantBindings("orders a.# q")
			w.declare(QueueSpec{Name: "q", Durable: true, Args: amqp.Table{"x-queue-type": "quorum"}})
			w.publish(message("orders", "a.b", "three", true))
			s := &sink{}
			w.consume("q", 0, s)
			s.want(t, "one", "two", "three") // and nobody has seen them before
		})
	}
}

func TestWhatWasSettledDoesNotComeBack(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	w.durable("q")
	w.send("q", "acked", "discarded", "got", "out", "returned", "ready")
	s := &sink{}
	w.consume("q", 5, s)
	out := s.take()
	w.ack(out[0])
	w.discard(out[1])
	w.ack(out[2])
	w.sync()
	w.crash(1)
	w.wantContents("q", "out", "returned", "ready")
	w.do(func(b *Burst) { w.client.PurgeQueue(b, "q") })
	w.sync()
	w.crash(2)
	w.wantContents("q")
}

func TestNoAckSettlesAtOnce(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	w.durable("q")
	s := &sink{}
	w.do(func(b *Burst) {
		_, err := w.client.Consume(t.Context(), b, ConsumeSpec{Queue: "q", Tag: "c", NoAck: true}, s, nil)
		w.must(err)
	})
	w.send("q", "a")
	s.want(t, "a")
	w.crash(1)
	w.wantContents("q")
	w.send("q", "b")
	w.get("q", true)
	w.sync()
	w.crash(2)
	w.wantContents("q")
}

func TestOneMessageInManyQueuesIsSettledInEach(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	w.exchange("x", route.Fanout, true)
	w.durable("a", "b", "c")
	for _, name := range []string{"a", "b", "c"} {
		w.bind(name, "x", "")
	}
	w.publish(message("x", "", "m", true))
	d, _ := w.get("b", false)
	w.ack(d)
	w.delete("c")
	w.sync()
	w.crash(1)
	w.wantContents("a", "m")
	w.wantContents("b")
	if w.exists("c") {
		t.Error("a deleted queue came back")
	}
	w.durable("c")
	w.wantContents("c")
	w.wantBindings("x  a", "x  b")
}

// A new queue of an old name is another queue, before the crash and after it.
func TestANameUsedAgain(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	w.exchange("x", route.Direct, true)
	w.durable("q")
	w.bind("q", "x", "old")
	w.send("q", "old")
	w.delete("q")
	w.durable("q")
	w.bind("q", "x", "new")
	w.send("q", "new")
	w.crash(1)
	w.wantContents("q", "new")
	w.wantBindings("x new q")
	w.unbind("q", "x", "new")
	w.crash(2)
	w.wantBindings()
}

func TestADeletedExchangeTakesItsBindings(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	w.exchange("x", route.Fanout, true)
	w.exchange("y", route.Fanout, true)
	w.durable("q")
	w.bind("q", "x", "")
	w.bind("q", "y", "")
	w.do(func(b *Burst) {
		w.must(w.client.Bind(context.Background(), b, route.Binding{Source: "y", Destination: "x"}))
		w.must(w.client.DeleteExchange(context.Background(), b, "x", false))
	})
	w.crash(1)
	w.exchange("x", route.Fanout, true) // of the same name, without the old bindings
	w.wantBindings("y  q")
	w.do(func(b *Burst) {
		w.must(w.client.DeclareExchange(context.Background(), b, route.Exchange{Name: "auto", Kind: route.Fanout, Durable: true, AutoDelete: true}))
	})
	w.bind("q", "auto", "")
	w.delete("q")
	w.crash(2)
	if w.exchangeExists("auto") {
		t.Error("an auto-delete exchange came back that went with its last binding")
	}
}

// One old message that nobody acknowledges must not hold the disk space of the
// thousands that came and went after it.
func TestCompactionCarriesTheSurvivor(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	w.exchange("x", route.Fanout, true)
	w.durable("old", "other", "busy")
	w.bind("old", "x", "")
	w.bind("other", "x", "")
	w.publish(message("x", "", "survivor", true))
	most := int64(0)
	body := strings.Repeat("x", 300)
	for range 2000 {
		w.publish(message("", "busy", body, true))
		w.get("busy", true)
		most = max(most, w.used())
		w.core.Throttle(context.Background())
	}
	w.sync()
	waitFor(t, "the disk space to come back", func() bool {
		w.send("busy", body) // compaction looks again when something happens
		w.get("busy", true)
		return w.used() < 20*smallSegment
	})
	w.sync()
	t.Logf("at most %d bytes, %d now", most, w.used())
	for seed := range uint64(5) {
		w.crash(seed)
		w.wantContents("old", "survivor")
		w.wantContents("other", "survivor")
		w.wantBindings("x  old", "x  other")
		w.wantNoLeak()
	}
	d, _ := w.get("old", false)
	w.ack(d)
	w.sync()
	w.crash(9)
	w.wantContents("old")
	w.wantContents("other", "survivor")
}

// wantNoLeak waits until exactly those records keep their segments that
// something still needs: the compaction may be between an append and a release,
// and on a machine with much to do may stay there for a while. What was counted
// while it appended says nothing.
func (w *world) wantNoLeak() {
	w.t.Helper()
	for late := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Microsecond) {
		before, needed := w.core.journal.Stats(), w.needed()
		after := w.core.journal.Stats()
		switch {
		case int(before.LiveRecords) == needed && after.LiveRecords == before.LiveRecords && after.Appended == before.Appended:
			return
		case time.Now().After(late):
			w.t.Errorf("the journal keeps %d records, %d are needed", after.LiveRecords, needed)
			return
		}
	}
}

func (w *world) needed() int {
	v := w.client.VHost
	v.mu.Lock()
	defer v.mu.Unlock()
	n := len(v.facts)
	for _, q := range v.table.Load().Queues() {
		if q.declared != 0 {
			n++
		}
		q.mu.Lock()
		for e := range q.core.All() {
			if e.Msg.lsn() != 0 {
				n++
			}
		}
		q.mu.Unlock()
	}
	return n
}

// The compaction may be shown a record that it carried before.
func TestAMessageIsCarriedOnce(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	w.durable("q")
	w.send("q", "m")
	e, _, _ := w.queue("q").core.Lookup(1)
	rec, err := w.core.journal.Read(e.Msg.lsn())
	w.must(err)
	w.core.carry(rec)
	w.wantNoLeak()
	before := w.core.journal.Stats().Appended
	w.core.carry(rec)
	if w.core.journal.Stats().Appended != before {
		t.Error("carried again")
	}
	w.wantNoLeak()
	w.sync()
	w.crash(1)
	w.wantContents("q", "m")
	w.wantNoLeak()
}

// A position names one message for ever, or an old record could speak of a new message.
func TestPositionsAreNotUsedAgain(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	w.durable("q")
	w.send("q", "a", "b")
	d, _ := w.get("q", true)
	d, _ = w.get("q", true)
	w.restart()
	w.send("q", "c")
	if c, _ := w.get("q", true); c.Pos <= d.Pos {
		t.Errorf("position %d after %d", c.Pos, d.Pos)
	}
}

// waitFor polls for what background goroutines bring about.
func waitFor(t testing.TB, what string, done func() bool) {
	t.Helper()
	for range 20_000 {
		if done() {
			return
		}
		time.Sleep(time.Millisecond / 2) // they need the processor, too
	}
	t.Fatal("waited in vain for " + what)
}

// The compaction comes by while a queue is being deleted: its declaration must
// not be written anew behind its end.
func TestACarriedDeclarationDoesNotOutliveItsQueue(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	w.durable("q")
	q := w.queue("q")
	to := w.core.journal.Last() + 1
	w.delete("q")
	w.core.byID.Store(q.id, q) // as the compaction saw it a moment ago
	before := w.core.journal.Stats().Appended
	w.core.recall(1, to)
	if w.core.journal.Stats().Appended != before {
		t.Error("the declaration of a deleted queue was written anew")
	}
}

// The compaction writes declarations anew from memory: some, and when those are durable the next.
func TestDeclarationsAreWrittenAnewSomeAtATime(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	w.must(w.core.Close())
	c, err := Open(Config{FS: w.disk, SegmentSize: 16 << 20}) // nothing is given back by itself
	w.must(err)
	w.core = c
	v, _ := c.VHost("/")
	w.client, w.via = v.NewClient("test"), v.NewPublisher()
	w.putVHost("shop", VHostInfo{Description: "for sale"})
	w.put("policy", "/", "p", "{}")
	w.durable("q")
	w.exchange("x", route.Direct, true)
	for i := range recallAtOnce {
		w.bind("q", "x", strconv.Itoa(i))
	}
	to, st := c.journal.Last()+1, c.journal.Stats()
	if !c.recall(1, to) {
		t.Error("there is no more")
	}
	if n := c.journal.Stats().Appended - st.Appended; n < recallAtOnce || n > recallAtOnce+1 { // the queue has two records
		t.Errorf("%d records were written anew", n)
	}
	for range 2 {
		if c.recall(1, to) {
			t.Error("there is more")
		}
	}
	after := c.journal.Stats()
	if n := after.Appended - st.Appended; n != uint64(st.LiveRecords)+1 || after.LiveRecords != st.LiveRecords {
		t.Errorf("%d records were written anew, and %d are live now; %d were", n, after.LiveRecords, st.LiveRecords)
	}
	w.sync()
	w.crash(3)
	w.wantVHosts("/", "shop")
	w.wantSettings("policy", "/ p {}")
	if n := len(w.client.VHost.facts); !w.exists("q") || n != recallAtOnce+1 {
		t.Errorf("an exchange and its bindings are %d after a crash", n)
	}
}

// A message may be released only when what replaces it has been appended.
func TestRecordsAreReleasedAfterTheirEnd(t *testing.T) {
	for name, end := range map[string]func(*world){
		"ack":    func(w *world) { d, _ := w.get("q", false); w.ack(d) },
		"get":    func(w *world) { w.get("q", true) },
		"purge":  func(w *world) { w.do(func(b *Burst) { w.client.PurgeQueue(b, "q") }) },
		"delete": func(w *world) { w.delete("q") },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, disk.NewMem())
			w.durable("q")
			w.send("q", "m")
			live := w.core.journal.Stats().LiveRecords
			end(w)
			if now := w.core.journal.Stats().LiveRecords; now >= live {
				t.Errorf("%d live records, %d before", now, live)
			}
		})
	}
}

func TestJournalOfANewerVersionIsRefused(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	w.core.append(99, false, []byte("?"))
	w.must(w.core.journal.Close()) // a newer version's checkpoint names the kind
	_, err := Open(Config{FS: w.disk})
	if err == nil || !strings.Contains(err.Error(), "use the version that wrote it, or a newer one") {
		t.Errorf("got %v", err)
	}
}

// Every operation on the disk of a day's work is followed by a crash. What was
// confirmed by then is there; what was settled for sure is not; topology is as
// it was answered.
func TestCrashAfterEveryOperation(t *testing.T) {
	mem := disk.NewMem()
	var l log
	snapshots := []snapshot{}
	var core *Core
	fs := disk.NewFaulty(mem, nil, func(op disk.Op) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if core == nil || op.Kind == disk.OpRead || op.Kind == disk.OpSize {
			return
		}
		s := l.promises(core)
		s.disk, s.op = mem.Crash(uint64(op.Index)), op
		snapshots = append(snapshots, s)
	})
	w := &world{t: t, disk: mem}
	w.open(fs)
	l.mu.Lock()
	core = w.core
	l.mu.Unlock()
	l.day(w)
	l.mu.Lock()
	l.closing = true
	l.mu.Unlock()
	w.must(w.core.Close())
	if testing.Short() && len(snapshots) > 150 {
		snapshots = snapshots[len(snapshots)-150:]
	}
	for _, s := range snapshots {
		s.check(t)
	}
	t.Logf("%d crashes", len(snapshots))
}

// log is what a client of the broker may rely on so far.
type log struct {
	mu        sync.Mutex
	published []promise
	settled   map[string]bool // an ack was sent
	forSure   map[string]bool // and is durable
	queues    map[string]bool // true: declared and answered; false: deleted and answered
	closing   bool
}

type promise struct {
	lsn  journal.LSN
	body string
}

type snapshot struct {
	op                          disk.Op
	disk                        *disk.Mem
	published                   []string
	confirmed, settled, forSure map[string]bool
	queues                      map[string]bool
	closing                     bool
}

// promises notes what holds now. The caller holds mu.
func (l *log) promises(c *Core) snapshot {
	s := snapshot{closing: l.closing, confirmed: map[string]bool{}, settled: map[string]bool{}, forSure: map[string]bool{}, queues: map[string]bool{}}
	for _, p := range l.published {
		s.published = append(s.published, p.body)
		s.confirmed[p.body] = c.IsDurable(p.lsn)
	}
	for body := range l.settled {
		s.settled[body] = true
	}
	for body := range l.forSure {
		s.forSure[body] = true
	}
	for name, there := range l.queues {
		s.queues[name] = there
	}
	return s
}

// day is some work: messages come and go, queues too, segments fill up.
func (l *log) day(w *world) {
	l.settled, l.forSure, l.queues = map[string]bool{}, map[string]bool{}, map[string]bool{}
	w.exchange("x", route.Fanout, true)
	l.declare(w, "q")
	w.bind("q", "x", "")
	pad := strings.Repeat(".", 200)
	for i := range 60 {
		body := fmt.Sprintf("%03d%s", i, pad)
		l.mu.Lock()
		l.published = append(l.published, promise{^journal.LSN(0), body})
		l.mu.Unlock()
		out := w.publish(message("x", "", body, true))
		l.mu.Lock()
		l.published[i].lsn = out.LSN
		l.mu.Unlock()
		if i%3 != 0 {
			l.settle(w)
		}
		if i%10 == 9 {
			w.sync()
			l.mu.Lock()
			for body := range l.settled {
				l.forSure[body] = true
			}
			l.mu.Unlock()
			l.declare(w, "passing")
			l.remove(w, "passing")
		}
	}
}

func (l *log) declare(w *world, name string) {
	l.forget(name)
	w.durable(name)
	l.answered(name, true)
}

func (l *log) remove(w *world, name string) {
	l.forget(name)
	w.delete(name)
	l.answered(name, false)
}

func (l *log) forget(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.queues, name)
}

func (l *log) answered(name string, there bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queues[name] = there
}

func (l *log) settle(w *world) {
	d, _ := w.get("q", false)
	l.mu.Lock()
	l.settled[string(d.Message.Body)] = true
	l.mu.Unlock()
	w.ack(d)
}

func (s *snapshot) check(t *testing.T) {
	t.Helper()
	w := &world{t: t, disk: s.disk}
	w.open(s.disk)
	defer w.core.Close()
	for name, there := range s.queues {
		if w.exists(name) != there {
			t.Fatalf("%+v: queue %s: there %v, want %v", s.op, name, !there, there)
		}
	}
	var got []string
	if w.exists("q") {
		got = w.contents("q")
	}
	if !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
		t.Fatalf("%+v: out of order or twice: %v", s.op, short(got))
	}
	for _, body := range s.published {
		there := slices.Contains(got, body)
		switch {
		case there && s.forSure[body]:
			t.Fatalf("%+v: %s was settled for sure and came back", s.op, body[:3])
		case !there && s.confirmed[body] && !s.settled[body]:
			t.Fatalf("%+v: %s was confirmed and is lost; there are %v", s.op, body[:3], short(got))
		}
	}
	for _, body := range got {
		if !slices.Contains(s.published, body) {
			t.Fatalf("%+v: %s was never published", s.op, body[:3])
		}
		// Once somebody was given anything all are marked; but in the midst of closing the broker may know already what nobody has seen.
		if d, _ := w.get("q", true); !d.Redelivered && (s.settled[body] || len(s.settled) > 0 && !s.closing) {
			t.Fatalf("%+v: %s is not marked as redelivered", s.op, body[:3])
		}
	}
}

func short(list []string) (ids []string) {
	for _, body := range list {
		ids = append(ids, body[:3])
	}
	return ids
}
