package broker_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/broker"
)

func TestAConfigurationThatCannotBe(t *testing.T) {
	for setting, cfg := range map[string]broker.Config{
		"SegmentSize":       {SegmentSize: -1},
		"MaxMessage":        {MaxMessage: 129 << 20},
		"ConsumerTimeout":   {ConsumerTimeout: -time.Second},
		"MaxUnsettled":      {MaxUnsettled: -1},
		"Heartbeat is -1s":  {Heartbeat: -time.Second},
		"500ms":             {Heartbeat: 500 * time.Millisecond},
		"18h12m16s":         {Heartbeat: 1 << 16 * time.Second}, // AMQP has 16 bits for it
		"Sync is 3":         {Sync: broker.SyncNone + 1},
		"guest cannot be":   {Users: map[string]string{"guest": "guest"}},
		"\"app\" lacks one": {Users: map[string]string{"app": ""}},
	} {
		b, err := broker.Open(cfg)
		if err == nil {
			b.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "Config.") || !strings.Contains(err.Error(), setting) {
			t.Errorf("%s: %v", setting, err)
		}
	}
}

func TestManyBrokersInOneProcessDoNotSeeEachOther(t *testing.T) {
	var conns []*broker.Conn
	for i := range 5 {
		dir := ""
		if i%2 == 0 {
			dir = t.TempDir()
		}
		c := dial(t, open(t, dir))
		declare(t, c, broker.QueueOptions{Name: "q", Durable: true})
		publish(t, c, "q", persistent, fmt.Sprint(i))
		conns = append(conns, c)
	}
	for i, c := range conns {
		in := consume(t, c, "q", broker.ConsumeOptions{})
		in.want(t, fmt.Sprint(i))
		in.wantNone(t)
	}
}

func TestAClosedBrokerSaysSo(t *testing.T) {
	for name, dir := range map[string]string{"in memory": "", "on disk": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			b := open(t, dir)
			c := dial(t, b)
			for range 2 {
				if err := b.Close(); err != nil {
					t.Fatal(err)
				}
			}
			receive(t, b.Done())
			if err := b.Shutdown(t.Context()); err != nil {
				t.Error("shutdown after close:", err)
			}
			if _, err := b.Dial(broker.DialConfig{}); !errors.Is(err, broker.ErrClosed) {
				t.Error("dial:", err)
			}
			if err := b.Serve(listen(t)); !errors.Is(err, broker.ErrClosed) {
				t.Error("serve:", err)
			}
			wantAllClosed(t, c)
		})
	}
}

// Whoever publishes while the broker closes learns the fate of each message, and
// what was confirmed is there afterwards.
func TestClosingTellsEveryConfirmer(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	c := dial(t, b)
	declare(t, c, broker.QueueOptions{Name: "q", Durable: true})
	told := make(fate, 100_000)
	sent := make(chan int)
	go func() {
		n := 0
		for ; n < cap(told); n++ {
			p := &broker.Publishing{Key: "q", Properties: amqp.Properties{DeliveryMode: persistent}}
			if err := c.Publish(p, told); err != nil {
				if !errors.Is(err, broker.ErrClosed) {
					t.Error(err)
				}
				break
			}
		}
		sent <- n
	}()
	confirmed := 0
	for range 10 {
		if err := receive(t, told); err == nil {
			confirmed++
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	for range receive(t, sent) - 10 {
		switch err := receive(t, told); {
		case err == nil:
			confirmed++
		case !errors.Is(err, broker.ErrClosed):
			t.Error(err)
		}
	}
	info, err := dial(t, open(t, dir)).DeclareQueue(t.Context(), broker.QueueOptions{Name: "q", Passive: true})
	if err != nil || info.Messages < confirmed {
		t.Errorf("%d are there, %v; %d were confirmed", info.Messages, err, confirmed)
	}
}

func TestShutdownSaysGoodbyeToClients(t *testing.T) {
	b := open(t, "")
	ln := listen(t)
	served := serve(b, ln)
	client := login(t, ln.Addr().String())
	down := make(chan error, 1)
	go func() { down <- b.Shutdown(t.Context()) }()
	bye := client.want(amqp.ConnectionCloseID).(*amqp.ConnectionClose)
	if bye.ReplyCode != amqp.ConnectionForced {
		t.Errorf("goodbye with %+v", bye)
	}
	client.send(&amqp.ConnectionCloseOk{})
	if err := receive(t, down); err != nil {
		t.Error("shutdown:", err)
	}
	if err := receive(t, served); !errors.Is(err, broker.ErrClosed) {
		t.Error("serve:", err)
	}
	if _, err := net.Dial("tcp", ln.Addr().String()); err == nil {
		t.Error("somebody listens still")
	}
}

func TestShutdownCutsOffAClientThatDoesNotGo(t *testing.T) {
	b := open(t, "")
	ln := listen(t)
	served := serve(b, ln)
	client := login(t, ln.Addr().String())
	ctx, cancel := context.WithCancel(t.Context())
	down := make(chan error, 1)
	go func() { down <- b.Shutdown(ctx) }()
	client.want(amqp.ConnectionCloseID)
	cancel()
	if err := receive(t, down); !errors.Is(err, context.Canceled) {
		t.Error("shutdown:", err)
	}
	if err := receive(t, served); !errors.Is(err, broker.ErrClosed) {
		t.Error("serve:", err)
	}
}

func TestNoGoroutineIsLeftAfterClose(t *testing.T) {
	b, err := broker.Open(broker.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	ln := listen(t)
	served := serve(b, ln)
	login(t, ln.Addr().String())
	c := dial(t, b)
	declare(t, c, broker.QueueOptions{Name: "q", Durable: true})
	publish(t, c, "q", persistent, "a")
	consume(t, c, "q", broker.ConsumeOptions{}).want(t, "a")
	if len(goroutines()) == 0 {
		t.Fatal("a running broker shows no goroutine: the search is wrong")
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	receive(t, served)
	deadline := time.Now().Add(patience)
	for len(goroutines()) > 0 {
		if time.Now().After(deadline) {
			t.Fatalf("left behind:\n%s", strings.Join(goroutines(), "\n\n"))
		}
		runtime.Gosched()
	}
}

// goroutines are the stacks of those in the module's code that no test runs.
func goroutines() (stacks []string) {
	const module = "github.com/postrider-mq/postrider/"
	buf := make([]byte, 1<<20)
	for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if strings.Contains(stack, module) && !strings.Contains(stack, module+"broker_test.") {
			stacks = append(stacks, stack)
		}
	}
	return stacks
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}

func serve(b *broker.Broker, ln net.Listener) <-chan error {
	served := make(chan error, 1)
	go func() { served <- b.Serve(ln) }()
	return served
}

// socket is a client that knows the handshake and no more.
type socket struct {
	t    *testing.T
	conn net.Conn
	in   []byte
}

func login(t *testing.T, addr string) *socket {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	s := &socket{t: t, conn: conn}
	s.write(amqp.ProtocolHeader[:])
	s.want(amqp.ConnectionStartID)
	s.send(&amqp.ConnectionStartOk{Mechanism: "PLAIN", Response: "\x00guest\x00guest", Locale: "en_US"})
	tune := s.want(amqp.ConnectionTuneID).(*amqp.ConnectionTune)
	s.send(&amqp.ConnectionTuneOk{ChannelMax: tune.ChannelMax, FrameMax: tune.FrameMax})
	s.send(&amqp.ConnectionOpen{VirtualHost: "/"})
	s.want(amqp.ConnectionOpenOkID)
	return s
}

func (s *socket) write(b []byte) {
	s.t.Helper()
	if _, err := s.conn.Write(b); err != nil {
		s.t.Fatal(err)
	}
}

func (s *socket) send(m amqp.Method) {
	s.t.Helper()
	s.on(0, m)
}

func (s *socket) on(channel uint16, m amqp.Method) {
	s.t.Helper()
	b, err := m.AppendFrame(nil, channel)
	if err != nil {
		s.t.Fatal(err)
	}
	s.write(b)
}

// want reads the next method, which must be id.
func (s *socket) want(id amqp.MethodID) amqp.Method {
	s.t.Helper()
	f := s.frame()
	m, err := amqp.ParseMethod(f.Payload, nil)
	if err != nil || m.ID() != id {
		s.t.Fatalf("got %v, %v, want %s", m, err, id)
	}
	return m
}

func (s *socket) frame() amqp.Frame {
	s.t.Helper()
	for {
		rest, f, ok, err := amqp.ParseFrame(s.in, 0)
		if err != nil {
			s.t.Fatal(err)
		}
		if ok {
			s.in = rest
			return f
		}
		more := make([]byte, 4096)
		n, err := s.conn.Read(more)
		if err != nil {
			s.t.Fatal(err)
		}
		s.in = append(s.in, more[:n]...)
	}
}
