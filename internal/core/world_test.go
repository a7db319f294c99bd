package core

import (
	"context"
	"flag"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/disk"
	"github.com/postrider-mq/postrider/internal/route"
)

// world is one broker on a disk that can crash, with one client who does
// everything in bursts of one operation.
type world struct {
	t      testing.TB
	disk   *disk.Mem // nil: memory only
	core   *Core
	client *Client
	via    *Publisher
	burst  Burst
	tight  bool // next to no message stays in memory
	wall   func() time.Time
}

var tight = flag.Bool("tight", false, "run all tests with next to no memory for messages")

const smallSegment = 8 << 10

func newWorld(t testing.TB, d *disk.Mem) *world {
	t.Helper()
	w := &world{t: t, disk: d, tight: *tight}
	w.open(d)
	t.Cleanup(func() { w.core.Close() })
	return w
}

// stuckWorld is a broker on a disk that, while it is stuck, does not sync before it is told to go on. The caller closes its core.
func stuckWorld(t testing.TB) (w *world, stuck *atomic.Bool, goOn chan struct{}) {
	t.Helper()
	w, stuck, goOn = &world{t: t}, new(atomic.Bool), make(chan struct{})
	w.open(disk.NewFaulty(disk.NewMem(), func(op disk.Op) error {
		if op.Kind == disk.OpSync && stuck.Load() {
			<-goOn
		}
		return nil
	}, nil))
	return w, stuck, goOn
}

func (w *world) open(fs disk.FS) {
	w.t.Helper()
	cfg := Config{SegmentSize: smallSegment, wall: w.wall}
	if w.tight {
		cfg.Budget, cfg.head = 1000, 2
	}
	if m, ok := fs.(*disk.Mem); !ok || m != nil {
		cfg.FS = fs
	}
	c, err := Open(cfg)
	if err != nil {
		w.t.Fatal("open:", err)
	}
	w.core = c
	v, _ := c.VHost("/")
	w.client, w.via = v.NewClient("test"), v.NewPublisher()
	w.burst = Burst{}
}

// crash cuts the power and starts again with what the disk kept.
func (w *world) crash(seed uint64) {
	w.t.Helper()
	after := w.disk.Crash(seed)
	w.core.Close()
	w.disk = after
	w.open(after)
}

// restart closes the broker in good order and opens it again.
func (w *world) restart() {
	w.t.Helper()
	if err := w.core.Close(); err != nil {
		w.t.Fatal("close:", err)
	}
	w.compareStarts()
	w.open(w.disk)
}

// do runs one operation as a burst of its own.
func (w *world) do(op func(*Burst)) {
	w.burst.Begin(w.core.Now())
	op(&w.burst)
	w.burst.End()
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) declare(spec QueueSpec) (info QueueInfo) {
	w.t.Helper()
	info, err := w.tryDeclare(w.client, spec)
	w.must(err)
	return info
}

func (w *world) tryDeclare(c *Client, spec QueueSpec) (info QueueInfo, err error) {
	w.do(func(b *Burst) { info, err = c.DeclareQueue(context.Background(), b, spec) })
	return info, err
}

func (w *world) durable(names ...string) {
	w.t.Helper()
	for _, name := range names {
		w.declare(QueueSpec{Name: name, Durable: true})
	}
}

func (w *world) exchange(name string, kind route.Kind, durable bool) {
	w.t.Helper()
	w.do(func(b *Burst) {
		w.must(w.client.DeclareExchange(context.Background(), b, route.Exchange{Name: name, Kind: kind, Durable: durable}))
	})
}

func (w *world) bind(queue, exchange, key string) {
	w.t.Helper()
	w.do(func(b *Burst) { w.must(w.client.Bind(context.Background(), b, toQueue(queue, exchange, key))) })
}

func (w *world) unbind(queue, exchange, key string) {
	w.t.Helper()
	w.do(func(b *Burst) { w.must(w.client.Unbind(context.Background(), b, toQueue(queue, exchange, key))) })
}

func toQueue(queue, exchange, key string) route.Binding {
	return route.Binding{Source: exchange, Destination: queue, ToQueue: true, Key: key}
}

func (w *world) delete(queue string) (messages int) {
	w.t.Helper()
	w.do(func(b *Burst) {
		n, err := w.client.DeleteQueue(context.Background(), b, queue, false, false)
		w.must(err)
		messages = n
	})
	return messages
}

// message is one whose body is what it is called by.
func message(exchange, key, body string, persistent bool) *Message {
	p := amqp.Properties{DeliveryMode: 1}
	if persistent {
		p.DeliveryMode = 2
	}
	props, err := p.Append(nil)
	if err != nil {
		panic(err)
	}
	return &Message{Address: &Address{Exchange: exchange, Key: key}, Props: props, Body: []byte(body)}
}

func (w *world) publish(m *Message) (out Outcome) {
	w.t.Helper()
	w.do(func(b *Burst) {
		o, err := w.via.Publish(b, m)
		w.must(err)
		out = o
	})
	return out
}

// send publishes persistent messages to a queue by its name and waits until
// they are confirmed.
func (w *world) send(queue string, bodies ...string) {
	w.t.Helper()
	for _, body := range bodies {
		if out := w.publish(message("", queue, body, true)); !out.Routed {
			w.t.Fatalf("%s was not routed to %s", body, queue)
		}
	}
	w.sync()
}

func (w *world) sync() {
	w.t.Helper()
	w.must(w.core.Sync(context.Background()))
}

func (w *world) consume(queue string, prefetch uint16, s Sink) *Consumer {
	w.t.Helper()
	c, err := w.tryConsume(w.client, ConsumeSpec{Queue: queue, Tag: "c", Prefetch: prefetch}, s)
	w.must(err)
	return c
}

func (w *world) tryConsume(client *Client, spec ConsumeSpec, s Sink) (c *Consumer, err error) {
	w.do(func(b *Burst) { c, err = client.Consume(context.Background(), b, spec, s, nil) })
	return c, err
}

func (w *world) cancel(c *Consumer)           { w.do(c.Cancel) }
func (w *world) ack(ds ...Delivery)           { w.settle((*Queue).Settle, ds) }
func (w *world) requeue(ds ...Delivery)       { w.settle((*Queue).Requeue, ds) }
func (w *world) discard(ds ...Delivery)       { w.settle((*Queue).Discard, ds) }
func (w *world) closeClient(c *Client)        { w.do(c.Close) }
func (w *world) queue(name string) *Queue     { q, _ := w.client.VHost.table.Load().Queue(name); return q }
func (w *world) exists(name string) bool      { return w.queue(name) != nil }
func (w *world) exchangeExists(n string) bool { return w.client.InspectExchange(n) == nil }

func (w *world) settle(how func(*Queue, *Burst, ...uint64), ds []Delivery) {
	for _, d := range ds {
		w.do(func(b *Burst) { how(d.Consumer.Queue, b, d.Pos) })
	}
}

// get takes a message and leaves it unsettled.
func (w *world) get(queue string, noAck bool) (d Delivery, ok bool) {
	w.t.Helper()
	w.do(func(b *Burst) {
		q, got, _, found, err := w.client.Get(context.Background(), b, queue, noAck)
		w.must(err)
		d, ok = got, found
		if ok {
			d.Message, d.Paged = content(&d), nil
		}
		d.Consumer = &Consumer{Queue: q}
	})
	return d, ok
}

// contents are the bodies in a queue, ready or out, in its order.
func (w *world) contents(name string) (bodies []string) {
	w.t.Helper()
	q := w.queue(name)
	if q == nil {
		w.t.Fatalf("there is no queue %s", name)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for e := range q.core.All() {
		bodies = append(bodies, string(w.message(e.Msg).Body))
	}
	return bodies
}

// message reads what a queue refers to, even under the queue's lock: nothing moves it meanwhile.
func (w *world) message(r ref) *Message {
	w.t.Helper()
	if r.resident() {
		return r.msg
	}
	var l Loader
	w.must(l.readAt(w.core, r.lsn()))
	if len(l.msg.Body) != r.size() {
		w.t.Errorf("a paged message of %d bytes counts as %d", len(l.msg.Body), r.size())
	}
	return &l.msg
}

// bindings are all bindings to queues, as "source key queue", sorted.
func (w *world) bindings() (list []string) {
	for b := range w.client.VHost.table.Load().Bindings() {
		list = append(list, fmt.Sprintf("%s %s %s", b.Source, b.Key, b.Destination))
	}
	slices.Sort(list)
	return list
}

func (w *world) used() int64 { return diskUse(w.disk) }

func diskUse(m *disk.Mem) int64 {
	free, _ := m.Free()
	return math.MaxInt64 - free
}

func (w *world) wantContents(queue string, bodies ...string) {
	w.t.Helper()
	if got := w.contents(queue); !slices.Equal(got, bodies) {
		w.t.Errorf("queue %s holds %v, want %v", queue, got, bodies)
	}
}

func (w *world) wantBindings(list ...string) {
	w.t.Helper()
	if got := w.bindings(); !slices.Equal(got, list) {
		w.t.Errorf("bindings are %q, want %q", got, list)
	}
}

func wantCode(t testing.TB, err error, code uint16, text string) {
	t.Helper()
	e, ok := err.(*amqp.Error)
	if !ok || e.Code != code || text != "" && e.Text != text {
		t.Errorf("got %v, want %d %s", err, code, text)
	}
}

// sink notes what it is given.
type sink struct {
	mu        sync.Mutex
	got       []Delivery
	cancelled []string
	wakes     int
	room      int  // Full from so many deliveries on; 0 = never
	owed      bool // a wake
}

func (s *sink) Deliver(d Delivery) Taken {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, d)
	taken := Taken{Wake: !s.owed, Full: s.room > 0 && len(s.got) >= s.room}
	s.owed = true
	return taken
}

func (s *sink) Cancelled(c *Consumer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cancelled = append(s.cancelled, c.Tag)
}

func (s *sink) Wake(*Burst) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wakes++
	s.owed = false
}

// take returns what was delivered since the last call.
func (s *sink) take() []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	got := s.got
	s.got = nil
	return loaded(got)
}

// drop gives up what was delivered. Who neither reads nor drops what is paged out keeps
// its record in the journal, and so the checkpoint from being complete.
func (s *sink) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.got {
		if p := s.got[i].Paged; p != nil {
			p.Drop()
		}
	}
	s.got = nil
}

// loaded reads what is paged out.
func loaded(ds []Delivery) []Delivery {
	for i := range ds {
		ds[i].Message = content(&ds[i])
		ds[i].Paged = nil
	}
	return ds
}

// content is the message of a delivery; an empty one if it cannot be read.
func content(d *Delivery) *Message {
	var l Loader
	if d.Message != nil {
		return d.Message
	}
	m, err := l.Load(d.Paged)
	if err != nil {
		return &Message{Body: []byte(err.Error())}
	}
	return m
}

// bodies is what take would return, by body; redelivered ones with a star.
func bodies(ds []Delivery) (list []string) {
	for _, d := range ds {
		star := ""
		if d.Redelivered {
			star = "*"
		}
		list = append(list, string(d.Message.Body)+star)
	}
	return list
}

func (s *sink) want(t testing.TB, list ...string) []Delivery {
	t.Helper()
	ds := s.take()
	if got := bodies(ds); !slices.Equal(got, list) {
		t.Errorf("delivered %v, want %v", got, list)
	}
	return ds
}

// headers are those of m.
func (m *Message) headers() amqp.Table {
	var p amqp.Properties
	if err := p.Parse(m.Props, nil); err != nil {
		return nil
	}
	return p.Headers
}
