package server

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/access"
	"github.com/postrider-mq/postrider/internal/core"
	"github.com/postrider-mq/postrider/internal/disk"
)

func TestHandshake(t *testing.T) {
	b := newBroker(t)
	p := newPeer(t, b.connect())
	start := p.startOk("guest", "guest")
	if start.VersionMajor != 0 || start.VersionMinor != 9 || start.Mechanisms != "PLAIN AMQPLAIN" || start.ServerProperties["product"] != "Postrider" {
		t.Errorf("%+v", start)
	}
	tune := expect[*amqp.ConnectionTune](p, 0)
	if *tune != (amqp.ConnectionTune{ChannelMax: 2047, FrameMax: 131072, Heartbeat: 60}) {
		t.Errorf("%+v", tune)
	}
	p.send(0, &amqp.ConnectionTuneOk{}, &amqp.ConnectionOpen{VirtualHost: "/"})
	expect[*amqp.ConnectionOpenOk](p, 0)
	p.send(0, &amqp.ConnectionUpdateSecret{NewSecret: "guest", Reason: "why not"})
	expect[*amqp.ConnectionUpdateSecretOk](p, 0)
	p.openChannel(2047)
	p.send(2047, &amqp.ChannelClose{ReplyCode: 200})
	expect[*amqp.ChannelCloseOk](p, 2047)
	p.send(0, &amqp.ConnectionClose{ReplyCode: 200})
	expect[*amqp.ConnectionCloseOk](p, 0)
	p.wantHangUp()
}

const refusedText = "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile."

func TestWrongPassword(t *testing.T) {
	b := newBroker(t)
	p := newPeer(t, b.connect())
	p.startOk("guest", "wrong")
	if got := p.end(); got != "connection "+refusedText+" 0.0" {
		t.Error(got)
	}
	p.wantHangUp()
	b.wantLog("wrong password for user 'guest'")

	// A client that would not understand a close is just hung up on.
	p = newPeer(t, b.connect())
	p.caps = nil
	p.startOk("nobody", "x")
	p.wantHangUp()
	b.wantLog("no user 'nobody'")
}

func TestGuestFromElsewhere(t *testing.T) {
	b := newBroker(t)
	p := newPeer(t, b.connectFrom("192.0.2.7:50000"))
	p.startOk("guest", "guest")
	if got := p.end(); !strings.HasPrefix(got, "connection ACCESS_REFUSED - Login was refused") {
		t.Error(got)
	}
	b.wantLog("connect with amqps")
}

func TestUnknownVHost(t *testing.T) {
	b := newBroker(t)
	p := newPeer(t, b.connect())
	p.startOk("guest", "guest")
	expect[*amqp.ConnectionTune](p, 0)
	p.send(0, &amqp.ConnectionTuneOk{}, &amqp.ConnectionOpen{VirtualHost: "nope"})
	if got := p.end(); got != "connection NOT_ALLOWED - vhost nope not found 10.40" {
		t.Error(got)
	}
}

// What strangers say first. Each gets our protocol header, and a line in the
// log that says what to do; the client beside them notices nothing.
func TestStrangers(t *testing.T) {
	b := newBroker(t).listen()
	p := b.dial()
	for what, c := range map[string]struct{ says, log string }{
		"http":     {"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "an HTTP request; this port speaks AMQP"},
		"tls":      {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "a TLS hello on a port without TLS; use amqp:// instead of amqps://, or the TLS port"},
		"amqp 1.0": {"AMQP\x03\x01\x00\x00", "a client of AMQP 1.0; only 0-9-1 is spoken here"},
		"garbage":  {strings.Repeat("\xde\xad\xbe\xef", 1000), `\\xbe\\xef`},
	} {
		t.Run(what, func(t *testing.T) {
			nc := b.connect()
			defer nc.Close()
			nc.Write([]byte(c.says))
			header := make([]byte, 8)
			if n, _ := nc.Read(header); string(header[:n]) != string(amqp.ProtocolHeader[:]) {
				t.Errorf("answered %q", header[:n])
			}
			b.wantLog(c.log)
		})
	}
	t.Run("nothing", func(t *testing.T) { b.connect().Close() })
	t.Run("half a header", func(t *testing.T) { nc := b.connect(); nc.Write([]byte("AMQ")); nc.Close() })
	t.Run("garbage behind the header", func(t *testing.T) {
		nc := b.connect()
		defer nc.Close()
		nc.Write(append(amqp.ProtocolHeader[:], "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"...))
		b.wantLog("frame")
	})
	p.quiet(1)
	b.eventually("only the client is left", func() bool { return b.server.Connections() == 1 })
}

// Before login a frame may have 8192 bytes, not what will be negotiated later.
func TestALargeFrameBeforeLogin(t *testing.T) {
	b := newBroker(t)
	p := newPeer(t, b.connect())
	p.write(amqp.ProtocolHeader[:])
	expect[*amqp.ConnectionStart](p, 0)
	p.write([]byte{1, 0, 0, 0, 0, 0x40, 0})
	if got := p.end(); !strings.HasPrefix(got, "connection FRAME_ERROR") {
		t.Error(got)
	}
}

// The time for the handshake is one, however many bytes trickle in.
func TestAHandshakeThatTakesTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBroker(t, func(c *Config) { c.Handshake = 0 })
		began := time.Now()
		nc := b.connect()
		var trickle sync.WaitGroup
		defer trickle.Wait()
		trickle.Go(func() {
			for _, c := range amqp.ProtocolHeader {
				if _, err := nc.Write([]byte{c}); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		})
		newPeer(t, nc).wantHangUp()
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("hung up after %v", took)
		}
		b.wantLog("the handshake took longer than 5s")
	})
}

func TestTooManyStrangers(t *testing.T) {
	b := newBroker(t)
	var waiting []net.Conn
	for i := range maxStrangersAddress + 3 {
		waiting = append(waiting, b.connectFrom(fmt.Sprintf("198.51.100.1:%d", 1000+i)))
	}
	b.wantLog("32 connections from this address are waiting to log in already")
	b.dial() // from elsewhere
	for _, nc := range waiting {
		nc.Close()
	}
	b.eventually("they are gone", func() bool { return b.server.Connections() == 1 })
	b.server.doors.mu.Lock()
	defer b.server.doors.mu.Unlock()
	if b.server.doors.all != 0 || len(b.server.doors.byHost) != 0 {
		t.Errorf("%d are still counted: %v", b.server.doors.all, b.server.doors.byHost)
	}
}

// Who has a network of 64 bits, as each customer of a provider has, is one stranger and not as many as he has addresses; his refusals are told of once.
func TestStrangersOfOneNetworkCountTogether(t *testing.T) {
	b := newBroker(t)
	for i := range maxStrangersAddress + 3 {
		b.connectFrom(fmt.Sprintf("[2001:db8::%x]:1000", i+1))
	}
	b.wantLogOnce("32 connections from this address are waiting to log in already")
	b.connectFrom("[2001:db8:0:1::1]:1000")
	if n := b.server.Connections(); n != maxStrangersAddress+1 {
		t.Errorf("%d connections were let in, want %d", n, maxStrangersAddress+1)
	}
}

// dialWithHeartbeat negotiates an interval, in seconds.
func (b *broker) dialWithHeartbeat(seconds uint16) *peer {
	b.t.Helper()
	p := newPeer(b.t, b.connect())
	p.startOk("guest", "guest")
	expect[*amqp.ConnectionTune](p, 0)
	p.send(0, &amqp.ConnectionTuneOk{Heartbeat: seconds}, &amqp.ConnectionOpen{VirtualHost: "/"})
	expect[*amqp.ConnectionOpenOk](p, 0)
	return p
}

// What ends a connection is logged once: that the client then goes without an answer is no second event.
func TestAClientThatIsToldToGoIsNotSaidToHaveLeft(t *testing.T) {
	b := newBroker(t)
	p := b.dial()
	p.send(1, &amqp.ExchangeDeclare{Exchange: "e", Type: "no-such-type"})
	expect[*amqp.ConnectionClose](p, 0)
	p.nc.Close()
	b.eventually("it is gone", func() bool { return b.server.Connections() == 0 })
	b.wantLogOnce("no-such-type")
	if strings.Contains(b.logged.String(), "went away") {
		t.Error(b.logged.String())
	}
}

func TestASilentClientIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBroker(t)
		p := b.dialWithHeartbeat(10)
		began := time.Now()
		beats := 0
		buf := make([]byte, 64)
		for {
			n, err := p.nc.Read(buf)
			if err != nil {
				break
			}
			beats += n / 8
		}
		if took := time.Since(began); took != 20*time.Second || beats < 2 {
			t.Errorf("given up after %v and %d heartbeats", took, beats)
		}
		b.wantLog("missed heartbeats from client")
	})
}

func TestHeartbeatsKeepAConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBroker(t)
		p := b.dialWithHeartbeat(10)
		go func() { // nothing but heartbeats, once per interval
			for range 20 {
				time.Sleep(10 * time.Second)
				p.write(amqp.AppendHeartbeat(nil))
			}
			p.send(1, &amqp.ChannelOpen{})
		}()
		expect[*amqp.ChannelOpenOk](p, 1)
	})
}

// A reader that waits for the disk hears nothing; that is not the client's fault.
func TestAReaderThatWaitsIsNotASilentClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := make(chan struct{})
		stuck := false
		fs := disk.NewFaulty(disk.NewMem(), func(op disk.Op) error {
			if op.Kind == disk.OpSync && stuck {
				<-slow
			}
			return nil
		}, nil)
		c, err := core.Open(core.Config{FS: fs})
		if err != nil {
			t.Fatal(err)
		}
		b := newBroker(t, func(cfg *Config) { cfg.Core = c })
		p := b.dialWithHeartbeat(1)
		p.openChannel(1)
		synctest.Wait()
		stuck = true
		p.send(1, &amqp.QueueDeclare{Queue: "q", Durable: true})
		go func() {
			time.Sleep(30 * time.Second)
			close(slow)
		}()
		expect[*amqp.QueueDeclareOk](p, 1)
	})
}

func TestShutdown(t *testing.T) {
	b := newBroker(t)
	serving := make(chan error, 1)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { serving <- b.server.Serve(ln) }()
	b.addr = ln.Addr().String()
	polite, half := b.dial(), b.dial()
	half.write([]byte{1, 0, 1, 0, 0}) // of a frame
	half.quietly(b)
	stranger := newPeer(t, b.connect())
	stranger.write(amqp.ProtocolHeader[:])
	expect[*amqp.ConnectionStart](stranger, 0)
	done := make(chan error, 1)
	go func() { done <- b.server.Shutdown(context.Background()) }()
	const goodbye = "connection CONNECTION_FORCED - broker forced connection closure with reason 'shutdown' 0.0"
	if got := polite.end(); got != goodbye {
		t.Error(got)
	}
	f, err := half.frame()
	if err != nil || f.Channel != 0 {
		t.Error("no goodbye to who was in the midst of a frame", f, err)
	}
	half.write([]byte{0, 4, 0, 60, 0, 80, amqp.FrameEnd}) // the rest of it: too late
	half.send(0, &amqp.ConnectionCloseOk{})
	if got := stranger.end(); got != goodbye {
		t.Error(got)
	}
	if err := <-done; err != nil {
		t.Error("shutdown:", err)
	}
	if err := <-serving; err != ErrClosed {
		t.Error("serve:", err)
	}
	if strings.Contains(b.logged.String(), "FRAME_ERROR") {
		t.Error("what a client had begun to say was misread:\n", b.logged.String())
	}
	if _, err := net.Dial("tcp", b.addr); err == nil {
		t.Error("still listening")
	}
}

// quietly waits until the server has read what was sent.
func (p *peer) quietly(b *broker) {
	b.eventually("the bytes were read", func() bool {
		b.server.mu.Lock()
		defer b.server.mu.Unlock()
		for c := range b.server.conns {
			if c.net.RemoteAddr().String() == p.nc.LocalAddr().String() {
				reads, _ := c.link.Activity()
				return reads >= 5 && c.listening.Load()
			}
		}
		return false
	})
}

func TestShutdownDoesNotWaitForEver(t *testing.T) {
	b := newBroker(t)
	p := b.dial() // who never answers
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.server.Shutdown(ctx) }()
	expect[*amqp.ConnectionClose](p, 0)
	cancel()
	if err := <-done; err != context.Canceled {
		t.Error(err)
	}
	p.wantHangUp()
}

// Who may only publish into an inbox is refused all else, one by one.
func TestAPeerMayOnlyPublish(t *testing.T) {
	b := newBroker(t, func(cfg *Config) {
		users := access.NewUsers()
		users.AddGuest(access.PublishOnly("inbox"))
		cfg.Access = access.NewAuthority(users)
	})
	p := b.dial()
	const text = "channel ACCESS_REFUSED - user 'guest' may only publish to queue 'inbox' "
	for _, m := range []amqp.Method{
		&amqp.QueueDeclare{Queue: "q"}, &amqp.QueueDeclare{Queue: "other", Passive: true}, &amqp.QueueDelete{Queue: "inbox"},
		&amqp.QueuePurge{Queue: "inbox"}, &amqp.QueueBind{Queue: "inbox", Exchange: "amq.fanout"},
		&amqp.QueueUnbind{Queue: "inbox", Exchange: "amq.fanout"}, &amqp.ExchangeDeclare{Exchange: "x", Type: "fanout"},
		&amqp.ExchangeDelete{Exchange: "amq.fanout"}, &amqp.ExchangeBind{Source: "amq.fanout", Destination: "amq.direct"},
		&amqp.ExchangeUnbind{Source: "amq.fanout", Destination: "amq.direct"}, &amqp.BasicGet{Queue: "inbox"}, &amqp.BasicConsume{Queue: "inbox"},
	} {
		p.send(1, m)
		if got := p.end(); !strings.HasPrefix(got, text) {
			t.Errorf("%s: %s", m.ID(), got)
		}
		p.openChannel(1)
	}
	for _, m := range []amqp.BasicPublish{{RoutingKey: "other"}, {Exchange: "amq.fanout", RoutingKey: "inbox"}} {
		p.publish(1, m, amqp.Properties{}, "x")
		if got := p.end(); !strings.HasPrefix(got, text) {
			t.Errorf("%+v: %s", m, got)
		}
		p.openChannel(1)
	}
	p.send(1, &amqp.QueueDeclare{Queue: "inbox", Passive: true}) // needs any one permission: not there, but not refused
	if got := p.end(); got != "channel NOT_FOUND - no queue 'inbox' in vhost '/' 50.10" {
		t.Error(got)
	}
	p.openChannel(1)
	p.consume(1, amqp.BasicConsume{Queue: core.ReplyQueue, NoAck: true})
	p.publish(1, amqp.BasicPublish{RoutingKey: "inbox"}, amqp.Properties{ReplyTo: core.ReplyQueue}, "hello")
	p.quiet(1)
}

// What a message names beside its routing key is routed by the broker, or by the node that answers it, in the name of who may do more.
func TestWhatAPeerSendsNamesNoOtherQueue(t *testing.T) {
	b := newBroker(t, func(cfg *Config) {
		users := access.NewUsers()
		users.AddGuest(access.PublishOnly("inbox", "inbox.control"))
		cfg.Access = access.NewAuthority(users)
	})
	vhost, _ := b.core.VHost("/")
	for _, name := range []string{"inbox", "inbox.control", "jobs"} {
		err := vhost.Operator().Do(func(c *core.Client, burst *core.Burst) error {
			_, err := c.DeclareQueue(t.Context(), burst, core.QueueSpec{Name: name})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	p := b.dial()
	const text = "channel ACCESS_REFUSED - user 'guest' may only publish to queue 'inbox' "
	for _, props := range []amqp.Properties{
		{Headers: amqp.Table{"CC": []any{"jobs"}}},
		{Headers: amqp.Table{"BCC": []any{"jobs"}}},
		{Headers: amqp.Table{"CC": []any{"inbox", int32(1)}, "BCC": []any{"inbox", "jobs"}}},
		{ReplyTo: "jobs"},
	} {
		p.publish(1, amqp.BasicPublish{RoutingKey: "inbox"}, props, "x")
		p.send(1, &amqp.BasicAck{DeliveryTag: 9}) // is wrong, too, where that was let in
		if got := p.end(); !strings.HasPrefix(got, text) {
			t.Errorf("%+v: %s", props, got)
		}
		p.openChannel(1)
	}
	p.consume(1, amqp.BasicConsume{Queue: core.ReplyQueue, NoAck: true})
	for _, props := range []amqp.Properties{
		{Headers: amqp.Table{"CC": []any{"inbox.control"}, "ACC": "jobs"}},
		{ReplyTo: core.ReplyQueue},
		{ReplyTo: core.ReplyQueue + ".of.another"},
		{ReplyTo: "inbox"},
	} {
		p.publish(1, amqp.BasicPublish{RoutingKey: "inbox"}, props, "x")
		p.quiet(1)
	}
	for name, want := range map[string]int{"inbox": 4, "inbox.control": 1, "jobs": 0} {
		if q, _ := vhost.Queue(name); q.Ready != want {
			t.Errorf("%d messages in %s, want %d", q.Ready, name, want)
		}
	}
}
