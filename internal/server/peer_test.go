package server

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/access"
	"github.com/postrider-mq/postrider/internal/core"
)

// broker is a server with a core in memory and the user guest.
type broker struct {
	t      testing.TB
	core   *core.Core
	server *Server
	logged logBook
	addr   string
}

func newBroker(t testing.TB, change ...func(*Config)) *broker {
	t.Helper()
	b := &broker{t: t}
	var err error
	if b.core, err = core.Open(core.Config{}); err != nil {
		t.Fatal(err)
	}
	users := access.NewUsers()
	users.AddGuest(access.Full())
	cfg := Config{
		Core:       b.core,
		Access:     access.NewAuthority(users),
		Logger:     slog.New(slog.NewTextHandler(&b.logged, nil)),
		Properties: amqp.Table{"product": "Postrider"},
		Handshake:  time.Minute, // a machine may have much else to do
	}
	for _, f := range change {
		f(&cfg)
	}
	b.core = cfg.Core
	b.server = New(cfg)
	t.Cleanup(func() {
		b.server.Close()
		b.core.Close()
	})
	return b
}

// listen serves the loopback, for tests that need a real socket.
func (b *broker) listen() *broker {
	b.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.t.Fatal(err)
	}
	b.addr = ln.Addr().String()
	go b.server.Serve(ln)
	return b
}

// connect is a raw connection to the broker: a socket where it listens, else
// a pipe that claims to come from the loopback.
func (b *broker) connect() net.Conn {
	b.t.Helper()
	if b.addr == "" {
		return b.connectFrom("127.0.0.1:50000")
	}
	nc, err := net.Dial("tcp", b.addr)
	if err != nil {
		b.t.Fatal(err)
	}
	return nc
}

func (b *broker) connectFrom(addr string) net.Conn {
	ours, theirs := net.Pipe()
	b.server.accept(from{theirs, addr})
	return ours
}

// from is a connection that says it comes from somewhere.
type from struct {
	net.Conn
	addr string
}

func (f from) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(addrPort(f.addr)) }

// dial logs in as guest and opens channel 1.
func (b *broker) dial() *peer {
	b.t.Helper()
	p := newPeer(b.t, b.connect())
	p.login("guest", "guest")
	p.openChannel(1)
	return p
}

// logBook collects log lines.
type logBook struct {
	mu    sync.Mutex
	lines bytes.Buffer
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines.Write(p)
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines.String()
}

// wantLog waits until the log says so.
func (b *broker) wantLog(text string) {
	b.t.Helper()
	b.eventually("the log says "+text, func() bool { return strings.Contains(b.logged.String(), text) })
}

func (b *broker) wantLogOnce(text string) {
	b.t.Helper()
	if n := strings.Count(b.logged.String(), text); n != 1 {
		b.t.Errorf("the log says %q %d times:\n%s", text, n, b.logged.String())
	}
}

// eventually waits for what another goroutine is about to do.
func (b *broker) eventually(what string, done func() bool) {
	b.t.Helper()
	for range 20_000 {
		if done() {
			return
		}
		time.Sleep(time.Millisecond / 2)
	}
	b.t.Fatalf("waited in vain until %s; the log:\n%s", what, b.logged.String())
}

// peer is a client that says exactly what it is told to.
type peer struct {
	t        testing.TB
	nc       net.Conn
	got      []byte // not yet parsed
	frameMax uint32
	caps     amqp.Table
	says     amqp.Table  // of itself, beside; may be nil
	buffer   chan []byte // what was sent over a pipe, which holds nothing itself
}

func newPeer(t testing.TB, nc net.Conn) *peer {
	p := &peer{t: t, nc: nc, frameMax: 131072, caps: amqp.Table{"authentication_failure_close": true, "consumer_cancel_notify": true}}
	t.Cleanup(func() { nc.Close() })
	if _, piped := nc.(*net.TCPConn); !piped {
		p.buffer = make(chan []byte, 10_000)
		go func() {
			for b := range p.buffer {
				nc.Write(b)
			}
		}()
		t.Cleanup(func() { close(p.buffer) })
	}
	return p
}

func (p *peer) write(b []byte) {
	p.t.Helper()
	if p.buffer != nil {
		p.buffer <- bytes.Clone(b)
		return
	}
	if _, err := p.nc.Write(b); err != nil {
		p.t.Logf("write: %v", err)
	}
}

// login goes through the whole handshake.
func (p *peer) login(user, password string) {
	p.t.Helper()
	p.startOk(user, password)
	tune := expect[*amqp.ConnectionTune](p, 0)
	p.send(0, &amqp.ConnectionTuneOk{ChannelMax: tune.ChannelMax, FrameMax: tune.FrameMax})
	p.send(0, &amqp.ConnectionOpen{VirtualHost: "/"})
	expect[*amqp.ConnectionOpenOk](p, 0)
}

func (p *peer) startOk(user, password string) *amqp.ConnectionStart {
	p.t.Helper()
	p.write(amqp.ProtocolHeader[:])
	start := expect[*amqp.ConnectionStart](p, 0)
	properties := amqp.Table{"capabilities": p.caps, "connection_name": "the peer"}
	maps.Copy(properties, p.says)
	p.send(0, &amqp.ConnectionStartOk{
		Mechanism: "PLAIN", Response: "\x00" + user + "\x00" + password, Locale: "en_US", ClientProperties: properties,
	})
	return start
}

func (p *peer) openChannel(n uint16) {
	p.t.Helper()
	p.send(n, &amqp.ChannelOpen{})
	expect[*amqp.ChannelOpenOk](p, n)
}

// send sends methods in one write.
func (p *peer) send(channel uint16, methods ...amqp.Method) {
	p.t.Helper()
	var b []byte
	for _, m := range methods {
		var err error
		if b, err = m.AppendFrame(b, channel); err != nil {
			p.t.Fatal(err)
		}
	}
	p.write(b)
}

// publish sends a message in one write.
func (p *peer) publish(channel uint16, m amqp.BasicPublish, props amqp.Properties, body string) {
	p.t.Helper()
	p.write(p.message(channel, m, props, body))
}

// message is a publish as it is sent.
func (p *peer) message(channel uint16, m amqp.BasicPublish, props amqp.Properties, body string) []byte {
	p.t.Helper()
	raw, err := props.Append(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	b, _ := m.AppendFrame(nil, channel)
	b = amqp.AppendHeaderFrame(b, channel, 60, uint64(len(body)), raw)
	return amqp.AppendBodyFrames(b, channel, []byte(body), p.frameMax)
}

var errHungUp = errors.New("hung up")

// frame reads the next frame; errHungUp when there is none any more.
func (p *peer) frame() (amqp.Frame, error) {
	for {
		rest, f, ok, err := amqp.ParseFrame(p.got, 0)
		if err != nil {
			return f, err
		}
		if ok {
			p.got = rest
			if f.Type == amqp.FrameHeartbeat {
				continue
			}
			return f, nil
		}
		b := make([]byte, 64<<10)
		n, err := p.nc.Read(b)
		if n == 0 && err != nil {
			return f, errHungUp
		}
		p.got = append(p.got[:len(p.got):len(p.got)], b[:n]...)
	}
}

// method reads the next frame, which must be a method.
func (p *peer) method() (uint16, amqp.Method) {
	p.t.Helper()
	f, err := p.frame()
	if err != nil {
		p.t.Fatalf("waiting for a method: %v", err)
	}
	if f.Type != amqp.FrameMethod {
		p.t.Fatalf("a frame of type %d instead of a method", f.Type)
	}
	m, err := amqp.ParseMethod(f.Payload, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return f.Channel, m
}

// expect reads the next method and wants it to be an M on the channel.
func expect[M amqp.Method](p *peer, channel uint16) M {
	p.t.Helper()
	n, m := p.method()
	want, ok := m.(M)
	if !ok || n != channel {
		p.t.Fatalf("on channel %d came %s %+v, want %s on channel %d", n, m.ID(), m, reflect.TypeFor[M](), channel)
	}
	return want
}

// content reads a header and the bodies that belong to it.
func (p *peer) content(channel uint16) (amqp.Properties, string) {
	p.t.Helper()
	f, err := p.frame()
	if err != nil || f.Type != amqp.FrameHeader || f.Channel != channel {
		p.t.Fatalf("frame %+v, %v instead of a header", f, err)
	}
	_, size, raw, err := amqp.ParseHeader(f.Payload)
	if err != nil {
		p.t.Fatal(err)
	}
	var props amqp.Properties
	if err := props.Parse(raw, nil); err != nil {
		p.t.Fatal(err)
	}
	var body []byte
	for uint64(len(body)) < size {
		f, err := p.frame()
		if err != nil || f.Type != amqp.FrameBody || f.Channel != channel {
			p.t.Fatalf("frame %+v, %v instead of a body", f, err)
		}
		if len(f.Payload) > int(p.frameMax)-amqp.FrameOverhead {
			p.t.Fatalf("a frame of %d bytes", len(f.Payload))
		}
		body = append(body, f.Payload...)
	}
	return props, string(body)
}

// delivery reads a basic.deliver with its body.
func (p *peer) delivery(channel uint16) (*amqp.BasicDeliver, string) {
	p.t.Helper()
	d := expect[*amqp.BasicDeliver](p, channel)
	_, body := p.content(channel)
	return d, body
}

func (p *peer) wantDelivery(channel uint16, body string) *amqp.BasicDeliver {
	p.t.Helper()
	d, got := p.delivery(channel)
	if got != body {
		p.t.Errorf("delivered %q, want %q", got, body)
	}
	return d
}

// quiet checks that nothing is on its way, by asking something whose answer
// would come behind it.
func (p *peer) quiet(channel uint16) {
	p.t.Helper()
	p.send(channel, &amqp.BasicQos{})
	expect[*amqp.BasicQosOk](p, channel)
}

func (p *peer) declare(channel uint16, m amqp.QueueDeclare) *amqp.QueueDeclareOk {
	p.t.Helper()
	p.send(channel, &m)
	return expect[*amqp.QueueDeclareOk](p, channel)
}

func (p *peer) consume(channel uint16, m amqp.BasicConsume) string {
	p.t.Helper()
	p.send(channel, &m)
	return expect[*amqp.BasicConsumeOk](p, channel).ConsumerTag
}

// end is how a channel or a connection was closed: "channel 404 text 60.40",
// "connection 504 text 20.10", or "hung up".
func (p *peer) end() string {
	p.t.Helper()
	for {
		f, err := p.frame()
		if err != nil {
			return err.Error()
		}
		if f.Type != amqp.FrameMethod {
			continue
		}
		m, err := amqp.ParseMethod(f.Payload, nil)
		if err != nil {
			p.t.Fatal(err)
		}
		switch m := m.(type) {
		case *amqp.ChannelClose:
			p.send(f.Channel, &amqp.ChannelCloseOk{})
			return fmt.Sprintf("channel %s %d.%d", m.ReplyText, m.ClassID, m.MethodID)
		case *amqp.ConnectionClose:
			p.send(0, &amqp.ConnectionCloseOk{})
			return fmt.Sprintf("connection %s %d.%d", m.ReplyText, m.ClassID, m.MethodID)
		}
	}
}

// hangUp closes the connection in good order.
func (p *peer) hangUp() {
	p.send(0, &amqp.ConnectionClose{ReplyCode: amqp.ReplySuccess})
	for {
		f, err := p.frame()
		if err != nil {
			return
		}
		if id, _, err := amqp.PeekMethod(f.Payload); f.Type == amqp.FrameMethod && err == nil && id == amqp.ConnectionCloseOkID {
			return
		}
	}
}

// wantHangUp reads until the other side closes the socket.
func (p *peer) wantHangUp() {
	p.t.Helper()
	if _, err := p.frame(); err == nil {
		p.t.Error("the connection is still open")
	}
}

func addrPort(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }
