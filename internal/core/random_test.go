package core

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/postrider-mq/postrider/internal/disk"
	"github.com/postrider-mq/postrider/internal/journal"
	"github.com/postrider-mq/postrider/internal/route"
)

var seed = flag.Uint64("seed", 0, "run this seed of the random tests alone")

// Random clients beside a naive model: each delivery must be the first ready
// message of its queue, a queue with ready messages has no consumer with
// credit, and after each crash the checker of the promises has its say.
func TestRandom(t *testing.T) {
	first, runs := uint64(1), uint64(60)
	if testing.Short() {
		runs = 4
	}
	if *seed != 0 {
		first, runs = *seed, 1
	}
	for s := first; s < first+runs; s++ {
		run := &run{seed: s, r: rand.New(rand.NewPCG(s, 1)), model: map[string]*modelQueue{}, bound: map[string]bool{}}
		run.world = &world{t: t, disk: disk.NewMem(), tight: *tight || s%2 == 0}
		run.world.open(run.world.disk)
		run.exchange("x", route.Fanout, true)
		for range 400 {
			run.step()
			if t.Failed() {
				t.Fatalf("seed %d: the last steps were\n%s", s, strings.Join(run.trace[max(0, len(run.trace)-30):], "\n"))
			}
		}
		run.core.Close()
	}
}

type run struct {
	*world
	seed   uint64
	r      *rand.Rand
	model  map[string]*modelQueue
	bound  map[string]bool // queues that the exchange x leads to
	serial int
	trace  []string
}

type modelQueue struct {
	durable   bool
	messages  []*modelMessage // in order, ready or out
	consumers []*modelConsumer
	begun     bool // somebody was to get something since the start
}

type modelMessage struct {
	body        string
	persistent  bool
	lsn         journal.LSN // 0 for what is not kept
	out         *modelConsumer
	delivery    Delivery
	redelivered bool
	settled     bool // it is no more in the queue, but the disk may not know
	sure        bool // and the disk knows
}

type modelConsumer struct {
	name     string
	sink     *sink
	consumer *Consumer // nil: a get
	prefetch int
}

func (r *run) step() {
	queues := []string{"a", "b", "c", "t"}
	name := queues[r.r.IntN(len(queues))]
	q := r.model[name]
	switch n := r.r.IntN(100); {
	case q == nil && n < 90:
		r.note("declare %s", name)
		r.declare(QueueSpec{Name: name, Durable: name != "t"})
		r.model[name] = &modelQueue{durable: name != "t"}
	case n < 35:
		r.publishTo(name)
	case n < 40:
		r.publishTo("")
	case n < 44:
		r.bindOrNot(name)
	case n < 52 && q != nil:
		r.subscribe(name, q)
	case n < 55 && q != nil && len(q.consumers) > 0:
		r.unsubscribe(q)
	case n < 60 && q != nil:
		r.getOne(name, q)
	case n < 90 && q != nil:
		r.settleSome(q)
	case n < 91 && q != nil:
		r.purge(name, q)
	case n < 92 && q != nil:
		r.note("delete %s", name)
		r.delete(name)
		delete(r.model, name)
		delete(r.bound, name)
	case n < 96:
		r.note("sync")
		r.sync()
		r.sure()
	case n < 97:
		r.crashAndCheck()
	}
	r.check()
}

func (r *run) note(format string, args ...any) {
	r.trace = append(r.trace, fmt.Sprintf("%4d ", len(r.trace))+fmt.Sprintf(format, args...))
}

// publishTo publishes to a queue by its name, or to the exchange.
func (r *run) publishTo(name string) {
	r.serial++
	body := fmt.Sprintf("%05d%s", r.serial, strings.Repeat(".", r.r.IntN(200)))
	persistent := r.r.IntN(4) > 0
	m := message("", name, body, persistent)
	targets := []string{name}
	if name == "" {
		m = message("x", "", body, persistent)
		targets = nil
		for name := range r.bound {
			targets = append(targets, name)
		}
	}
	r.note("publish %s to %v, persistent %v", body[:5], targets, persistent)
	out := r.publish(m)
	for _, name := range targets {
		if q := r.model[name]; q != nil {
			entry := &modelMessage{body: body, persistent: persistent}
			if q.durable && persistent {
				entry.lsn = out.LSN
			}
			q.messages = append(q.messages, entry)
		}
	}
}

func (r *run) bindOrNot(name string) {
	if r.model[name] == nil {
		return
	}
	if r.bound[name] {
		r.note("unbind %s", name)
		r.unbind(name, "x", "")
		delete(r.bound, name)
		return
	}
	r.note("bind %s", name)
	r.bind(name, "x", "")
	r.bound[name] = true
}

func (r *run) subscribe(name string, q *modelQueue) {
	q.begun = true
	c := &modelConsumer{name: fmt.Sprint("c", len(r.trace)), sink: &sink{}, prefetch: r.r.IntN(4)}
	r.note("consume %s as %s, prefetch %d", name, c.name, c.prefetch)
	var err error
	c.consumer, err = r.tryConsume(r.client, ConsumeSpec{Queue: name, Tag: c.name, Prefetch: uint16(c.prefetch)}, c.sink)
	r.must(err)
	q.consumers = append(q.consumers, c)
}

func (r *run) unsubscribe(q *modelQueue) {
	i := r.r.IntN(len(q.consumers))
	c := q.consumers[i]
	r.note("cancel %s", c.name)
	r.cancel(c.consumer)
	q.consumers = slices.Delete(q.consumers, i, i+1)
}

func (r *run) getOne(name string, q *modelQueue) {
	q.begun = true
	d, ok := r.get(name, false)
	r.note("get from %s: %v", name, ok)
	if ok {
		q.delivered(r, &modelConsumer{name: "get"}, d)
	} else if q.ready() != nil {
		r.t.Errorf("get from %s found nothing; %s is ready", name, q.ready().body[:5])
	}
}

// settleSome acks, discards or requeues some of what is out.
func (r *run) settleSome(q *modelQueue) {
	var out []*modelMessage
	for _, m := range q.messages {
		if m.out != nil && r.r.IntN(2) == 0 {
			out = append(out, m)
		}
	}
	if len(out) == 0 {
		return
	}
	r.r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	var positions []uint64
	for _, m := range out {
		positions = append(positions, m.delivery.Pos)
	}
	queue := out[0].delivery.Consumer.Queue
	how := r.r.IntN(4)
	r.note("%s %d of them", []string{"ack", "ack", "discard", "requeue"}[how], len(out))
	for _, m := range out {
		m.out = nil
		if how == 3 {
			m.redelivered = true
		} else {
			m.settled = true
		}
	}
	settle := []func(*Queue, *Burst, ...uint64){(*Queue).Settle, (*Queue).Settle, (*Queue).Discard, (*Queue).Requeue}[how]
	r.do(func(b *Burst) { settle(queue, b, positions...) })
}

func (r *run) purge(name string, q *modelQueue) {
	ready := 0
	for _, m := range q.messages {
		if m.out == nil && !m.settled {
			m.settled = true
			ready++
		}
	}
	r.note("purge %s of %d", name, ready)
	r.do(func(b *Burst) {
		n, err := r.client.PurgeQueue(b, name)
		r.must(err)
		if n != ready {
			r.t.Errorf("%d messages purged, want %d", n, ready)
		}
	})
}

// sure notes that everything so far is on the disk, and forgets what is over.
func (r *run) sure() {
	for _, q := range r.model {
		for _, m := range q.messages {
			m.sure = m.settled
		}
		if r.r.IntN(8) == 0 {
			q.messages = slices.DeleteFunc(q.messages, func(m *modelMessage) bool { return m.sure })
		}
	}
}

// ready is the first message of the queue that waits for a consumer.
func (q *modelQueue) ready() *modelMessage {
	for _, m := range q.messages {
		if m.out == nil && !m.settled {
			return m
		}
	}
	return nil
}

// delivered checks a delivery against the model.
func (q *modelQueue) delivered(r *run, c *modelConsumer, d Delivery) {
	m := q.ready()
	switch {
	case m == nil:
		r.t.Errorf("%s was delivered to %s; nothing is ready", d.Message.Body[:5], c.name)
		return
	case m.body != string(d.Message.Body):
		r.t.Errorf("%s was delivered to %s; first is %s", d.Message.Body[:5], c.name, m.body[:5])
	case m.redelivered != d.Redelivered:
		r.t.Errorf("%s says redelivered %v, want %v", m.body[:5], d.Redelivered, m.redelivered)
	}
	m.out, m.delivery = c, d
}

// check takes what was delivered, in the order of the queue, and compares all
// that can be seen with the model.
func (r *run) check() {
	for name, q := range r.model {
		var all []struct {
			c *modelConsumer
			d Delivery
		}
		for _, c := range q.consumers {
			for _, d := range c.sink.take() {
				all = append(all, struct {
					c *modelConsumer
					d Delivery
				}{c, d})
			}
		}
		slices.SortFunc(all, func(a, b struct {
			c *modelConsumer
			d Delivery
		}) int {
			return int(a.d.Pos) - int(b.d.Pos)
		})
		for _, x := range all {
			q.delivered(r, x.c, x.d)
		}
		q.checkCredit(r)
		want := []string(nil)
		for _, m := range q.messages {
			if !m.settled {
				want = append(want, m.body)
			}
		}
		if got := r.contents(name); !slices.Equal(got, want) {
			r.t.Errorf("queue %s holds %v, want %v", name, ids(got), ids(want))
		}
	}
	var want []string
	for name := range r.bound {
		want = append(want, "x  "+name)
	}
	slices.Sort(want)
	r.wantBindings(want...)
	r.wantNoLeak()
}

func (q *modelQueue) checkCredit(r *run) {
	for _, c := range q.consumers {
		out := 0
		for _, m := range q.messages {
			if m.out == c {
				out++
			}
		}
		if c.prefetch > 0 && out > c.prefetch {
			r.t.Errorf("%d are out with %s, whose prefetch is %d", out, c.name, c.prefetch)
		}
		if m := q.ready(); m != nil && (c.prefetch == 0 || out < c.prefetch) {
			r.t.Errorf("%s is ready and %s has credit", m.body[:5], c.name)
		}
	}
}

// crashAndCheck lets the power fail and compares what is left with what was
// promised; from there the model goes on.
func (r *run) crashAndCheck() {
	orderly := r.r.IntN(4) == 0
	durable := journal.LSN(1<<63 - 1)
	if orderly {
		r.note("restart")
		r.restart()
	} else {
		r.note("crash")
		if r.r.IntN(3) == 0 {
			r.must(r.core.Throttle(context.Background()))
		}
		durable = r.core.Durable()
		r.crash(r.r.Uint64())
	}
	for name, q := range r.model {
		if !q.durable {
			delete(r.model, name)
			delete(r.bound, name)
			if r.exists(name) {
				r.t.Errorf("transient queue %s came back", name)
			}
			continue
		}
		if !r.exists(name) {
			r.t.Errorf("queue %s is lost", name)
			return
		}
		q.begun = q.begun || r.core.journal.Recovery().Holes > 0
		q.recovered(r, r.contents(name), durable, orderly)
	}
	for _, name := range []string{"a", "b", "c"} {
		if r.model[name] == nil && r.exists(name) {
			r.t.Errorf("deleted queue %s came back", name)
		}
	}
}

// recovered takes what came back. After an orderly end all there was did, with
// the marks that it had; what was out counts as seen. After a crash all of a queue counts as seen from which anything was taken.
func (q *modelQueue) recovered(r *run, got []string, durable journal.LSN, orderly bool) {
	begun := q.begun
	q.consumers, q.begun = nil, false
	found := 0
	for _, m := range q.messages {
		there := slices.Contains(got, m.body)
		confirmed := m.lsn != 0 && m.lsn <= durable
		switch {
		case there && !m.persistent:
			r.t.Errorf("transient %s came back", m.body[:5])
		case there && m.sure:
			r.t.Errorf("%s was settled for sure and came back", m.body[:5])
		case !there && confirmed && !m.settled:
			r.t.Errorf("%s was confirmed and is lost", m.body[:5])
		}
		if there {
			found++
		}
		m.redelivered = m.redelivered || m.out != nil || begun && !orderly
		m.out, m.settled, m.sure, m.lsn = nil, !there, !there, 1
	}
	if found != len(got) {
		r.t.Errorf("%d messages came back that nobody published: %v", len(got)-found, ids(got))
	}
}

func ids(bodies []string) (list []string) {
	for _, body := range bodies {
		list = append(list, body[:5])
	}
	return list
}
