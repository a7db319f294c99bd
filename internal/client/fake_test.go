package client_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/client"
	"github.com/postrider-mq/postrider/internal/session"
)

// A fake is a broker that does what its test says. Connections to it are pipes in memory.
type fake struct {
	t        *testing.T
	limits   session.Limits
	password string // "" accepts any
	product  string // what it calls itself

	logins   atomic.Int64
	distance atomic.Int64 // how long each frame takes to arrive

	mu      sync.Mutex
	down    bool
	frozen  bool // takes connections, and does nothing with them
	dials   int
	lines   chan *line
	holding map[string]uint32 // how many messages are in queues
}

func newFake(t *testing.T) *fake { return &fake{t: t, lines: make(chan *line, 100)} }

func (f *fake) setDown(down bool) {
	f.mu.Lock()
	f.down = down
	f.mu.Unlock()
}

func (f *fake) setFrozen(frozen bool) {
	f.mu.Lock()
	f.frozen = frozen
	f.mu.Unlock()
}

func (f *fake) setPassword(p string) {
	f.mu.Lock()
	f.password = p
	f.mu.Unlock()
}

func (f *fake) wantPassword() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.password
}

// moveAway has each frame take so long to arrive.
func (f *fake) moveAway(distance time.Duration) { f.distance.Store(int64(distance)) }

// holds says how many messages are in a queue.
func (f *fake) holds(queue string, messages uint32) {
	f.mu.Lock()
	f.holding = map[string]uint32{queue: messages}
	f.mu.Unlock()
}

func (f *fake) held(queue string) uint32 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.holding[queue]
}

var errNobodyThere = errors.New("nobody is there")

func (f *fake) dial(context.Context, string, string) (net.Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dials++
	if f.down {
		return nil, errNobodyThere
	}
	ours, theirs := net.Pipe()
	if f.frozen {
		f.t.Cleanup(func() { ours.Close() })
		return theirs, nil
	}
	l := &line{
		fake: f, nc: ours, events: make(chan any, 10000), out: make(chan []byte, 10000),
		srv:   session.NewServer(session.ServerConfig{Limits: f.limits, Mechanisms: "PLAIN", Properties: amqp.Table{"product": f.product}}),
		ended: make(chan struct{}), reading: make(chan struct{}, 1),
	}
	go l.read()
	go l.write()
	f.lines <- l
	return theirs, nil
}

// line waits for the next connection.
func (f *fake) line() *line {
	f.t.Helper()
	select {
	case l := <-f.lines:
		return l
	case <-time.After(time.Minute):
		f.t.Fatal("nobody connected")
		return nil
	}
}

// A line is one connection to the fake.
type line struct {
	fake   *fake
	nc     net.Conn
	events chan any // published, and methods, in the order they came
	out    chan []byte
	ended  chan struct{}

	reading chan struct{} // filled by a test that wants the client's writes to wait

	mu       sync.Mutex
	srv      *session.Server
	tag      uint64
	silent   bool // answers no method
	missing  map[string]bool
	unusable map[string]*amqp.Error
	nobody   *amqp.Error // may consume, and this is why
}

// published is a message that came in.
type published struct {
	tag  uint64
	key  string
	id   string
	body string
	raw  amqp.RawProperties
}

func (l *line) write() {
	for {
		select {
		case b := <-l.out:
			if _, err := l.nc.Write(b); err != nil {
				return
			}
		case <-l.ended:
			return
		}
	}
}

func (l *line) say(b []byte) {
	if len(b) > 0 { // a pipe has its reader return for nothing, which no socket does
		l.out <- append([]byte(nil), b...)
	}
}

func (l *line) read() {
	defer close(l.ended)
	defer l.nc.Close()
	var have []byte
	buf := make([]byte, 64<<10)
	greeted := false
	for {
		l.reading <- struct{}{}
		<-l.reading
		n, err := l.nc.Read(buf)
		if err != nil {
			return
		}
		have = append(have, buf[:n]...)
		if !greeted {
			rest, reply, ok, err := l.srv.Preamble(have)
			if err != nil || !ok {
				return
			}
			l.say(reply)
			have, greeted = rest, true
		}
		for {
			rest, f, ok, err := amqp.ParseFrame(have, l.srv.FrameMax())
			if err != nil {
				l.fake.t.Errorf("the client sent a bad frame: %v", err)
				return
			}
			if !ok {
				break
			}
			time.Sleep(time.Duration(l.fake.distance.Load()))
			if !l.frame(f) {
				return
			}
			have = append([]byte(nil), rest...)
		}
	}
}

func (l *line) frame(f amqp.Frame) (goOn bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ev, err := l.srv.Receive(f)
	if err != nil {
		l.fake.t.Errorf("the client broke the protocol: %v", err)
		return false
	}
	l.say(ev.Reply)
	switch ev.Kind {
	case session.Login:
		m := ev.Method.(*amqp.ConnectionStartOk)
		if p := l.fake.wantPassword(); p != "" && m.Response != "\x00guest\x00"+p {
			l.say(l.srv.Fail(0, amqp.Errorf(amqp.AccessRefused, "Login was refused")))
			return true
		}
		l.fake.logins.Add(1)
		l.say(l.srv.AcceptLogin())
	case session.Open:
		l.say(l.srv.AcceptOpen())
	case session.Publish:
		m := ev.Method.(*amqp.BasicPublish)
		v, _ := ev.Content.Props.View()
		l.tag++
		l.events <- published{l.tag, m.RoutingKey, string(v.MessageID), string(ev.Content.Body), ev.Content.Props}
	case session.Command:
		l.command(ev.Channel, ev.Method)
	case session.Closed:
		return ev.Err != nil || len(ev.Reply) > 0
	}
	return true
}

func (l *line) command(n uint16, m amqp.Method) {
	var answer amqp.Method
	switch m := m.(type) {
	case *amqp.ConfirmSelect:
		answer = &amqp.ConfirmSelectOk{}
	case *amqp.BasicQos:
		answer = &amqp.BasicQosOk{}
	case *amqp.BasicConsume:
		answer = &amqp.BasicConsumeOk{ConsumerTag: m.ConsumerTag}
		l.events <- *m
		if l.nobody != nil {
			l.say(l.srv.Fail(n, l.nobody))
			return
		}
	case *amqp.BasicCancel:
		answer = &amqp.BasicCancelOk{ConsumerTag: m.ConsumerTag}
		l.events <- *m
	case *amqp.QueueDeclare:
		l.events <- *m
		switch {
		case l.unusable[m.Queue] != nil:
			l.say(l.srv.Fail(n, l.unusable[m.Queue]))
			return
		case m.Passive && l.missing[m.Queue]:
			l.say(l.srv.Fail(n, amqp.Errorf(amqp.NotFound, "no queue '%s' in vhost '/'", m.Queue)))
			return
		}
		delete(l.missing, m.Queue)
		answer = &amqp.QueueDeclareOk{Queue: m.Queue, MessageCount: l.fake.held(m.Queue)}
	case *amqp.QueueDelete:
		l.events <- *m
		answer = &amqp.QueueDeleteOk{}
	case *amqp.ExchangeDeclare:
		answer = &amqp.ExchangeDeclareOk{}
	case *amqp.QueueBind:
		l.events <- *m
		answer = &amqp.QueueBindOk{}
	case *amqp.BasicAck:
		l.events <- *m
	case *amqp.BasicNack:
		l.events <- *m
	}
	if answer != nil && !l.silent {
		l.send(n, answer)
	}
}

func (l *line) send(n uint16, m amqp.Method) {
	b, err := m.AppendFrame(nil, n)
	if err != nil {
		l.fake.t.Fatal(err)
	}
	l.say(b)
}

// What a test says on a line.

func (l *line) ack(tag uint64)     { l.send(1, &amqp.BasicAck{DeliveryTag: tag}) }
func (l *line) ackUpTo(tag uint64) { l.send(1, &amqp.BasicAck{DeliveryTag: tag, Multiple: true}) }
func (l *line) nack(tag uint64)    { l.send(1, &amqp.BasicNack{DeliveryTag: tag}) }

// pause keeps the line from reading more than once until resume: a pipe holds no bytes, so the client's
// writer stands still in its next write.
func (l *line) pause()  { l.reading <- struct{}{} }
func (l *line) resume() { <-l.reading }

func (l *line) setUnusable(queue string, err *amqp.Error) {
	l.mu.Lock()
	l.unusable = map[string]*amqp.Error{queue: err}
	l.mu.Unlock()
}

// letConsume lets clients consume, or says why they may not.
func (l *line) letConsume(unless *amqp.Error) {
	l.mu.Lock()
	l.nobody = unless
	l.mu.Unlock()
}

// delete has a queue be missing.
func (l *line) delete(queue string) {
	l.mu.Lock()
	l.missing = map[string]bool{queue: true}
	l.mu.Unlock()
}

func (l *line) cut() { l.nc.Close() }

func (l *line) closeChannel(n uint16, err *amqp.Error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.say(l.srv.Fail(n, err))
}

// fail ends the connection over an error.
func (l *line) fail(err *amqp.Error) { l.closeChannel(0, err) }

func (l *line) giveBack(p published) { l.giveBackFrom("", p) }

func (l *line) giveBackFrom(exchange string, p published) {
	b, _ := (&amqp.BasicReturn{ReplyCode: amqp.NoRoute, ReplyText: "NO_ROUTE", Exchange: exchange, RoutingKey: p.key}).AppendFrame(nil, 1)
	b = amqp.AppendHeaderFrame(b, 1, 60, uint64(len(p.body)), p.raw)
	l.say(amqp.AppendBodyFrames(b, 1, []byte(p.body), 0))
}

func (l *line) deliver(channel uint16, tag uint64, redelivered bool, body string, props amqp.Properties) {
	b, _ := (&amqp.BasicDeliver{ConsumerTag: "postrider", DeliveryTag: tag, Redelivered: redelivered}).AppendFrame(nil, channel)
	raw, _ := props.Append(nil)
	b = amqp.AppendHeaderFrame(b, channel, 60, uint64(len(body)), raw)
	l.say(amqp.AppendBodyFrames(b, channel, []byte(body), 0))
}

// What a test waits for on a line.

func next[T any](l *line) T {
	l.fake.t.Helper()
	for {
		select {
		case e := <-l.events:
			if v, ok := e.(T); ok {
				return v
			}
		case <-time.After(time.Minute):
			var want T
			l.fake.t.Fatalf("no %T came", want)
		}
	}
}

func (l *line) wantPublished(body string) published {
	l.fake.t.Helper()
	p := next[published](l)
	if p.body != body {
		l.fake.t.Fatalf("published %.40q, want %.40q", p.body, body)
	}
	return p
}

func (l *line) wantNothing() {
	l.fake.t.Helper()
	synctest.Wait()
	select {
	case e := <-l.events:
		l.fake.t.Fatalf("unexpected %T %+v", e, e)
	default:
	}
}

// story runs a test in a bubble with a fake and a publishing connection to it.
func story(t *testing.T, tell func(t *testing.T, f *fake, c *client.Conn), change ...func(*client.Config)) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		cfg := client.Config{
			Name:      "story",
			Addresses: []client.Address{{Host: "fake:5672", User: "guest", Password: "guest", VHost: "/"}},
			Dial:      f.dial,
			Publishes: true,
		}
		for _, do := range change {
			do(&cfg)
		}
		f.down = cfg.Name == nobodyThere
		if cfg.Name == unwelcome {
			f.password = "secret"
		}
		if cfg.Name == rabbitMQ {
			f.product = rabbitMQ
		}
		c := client.New(cfg)
		defer func() {
			c.Close()
			for {
				select {
				case l := <-f.lines:
					l.cut()
					continue
				default:
				}
				break
			}
		}()
		tell(t, f, c)
	})
}

// whileDown begins a story with a broker that is not there.
func whileDown(cfg *client.Config) { cfg.Name = nobodyThere }

// lockedOut has the broker want another password from the beginning.
func lockedOut(cfg *client.Config) { cfg.Name = unwelcome }

// onRabbitMQ has the fake call itself so.
func onRabbitMQ(cfg *client.Config) { cfg.Name = rabbitMQ }

const (
	nobodyThere = "nobody there"
	unwelcome   = "unwelcome"
	rabbitMQ    = "RabbitMQ"
)

var toJobs = envelope("jobs", amqp.Properties{ContentType: "text/plain", AppID: "story"})

func envelope(key string, p amqp.Properties) *client.Envelope { return envelopeVia("", key, p) }

func envelopeVia(exchange, key string, p amqp.Properties) *client.Envelope {
	e, err := client.NewEnvelope(exchange, key, true, p)
	if err != nil {
		panic(err)
	}
	return e
}

func post(t *testing.T, c *client.Conn, body string) *client.Fate {
	t.Helper()
	f := new(client.Fate)
	if err := c.Publisher().Post(f, toJobs, []byte("id-"+body[:min(len(body), 10)]), []byte(body)); err != nil {
		t.Fatal(err)
	}
	return f
}

func wantFate(t *testing.T, f *client.Fate, want error, written bool) {
	t.Helper()
	select {
	case <-f.Done():
	case <-time.After(time.Minute):
		t.Fatal("no fate")
	}
	if !errors.Is(f.Err(), want) {
		t.Fatalf("fate %v, want %v", f.Err(), want)
	}
	if f.WasWritten() != written {
		t.Fatalf("written: %v, want %v", f.WasWritten(), written)
	}
}
