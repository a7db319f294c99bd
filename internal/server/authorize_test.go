package server

import (
	"strings"
	"testing"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/access"
	"github.com/postrider-mq/postrider/internal/core"
)

// Every method that a client may send asks for something, or is named as needing nothing; and what belongs to the
// session alone never comes to a channel.
func TestEveryMethodPassesAuthorize(t *testing.T) {
	ofTheSession := map[amqp.MethodID]bool{
		amqp.ChannelOpenID: true, amqp.ChannelCloseID: true, amqp.ChannelCloseOkID: true,
		amqp.BasicCancelOkID: true, // an answer that nobody waits for
	}
	for _, id := range amqp.MethodIDs() {
		info, _ := id.Info()
		_, checked := checks[id]
		belongs := info.FromClient && !ofTheSession[id] && !strings.HasPrefix(info.Name, "connection.")
		switch {
		case belongs && !checked:
			t.Errorf("%s is not asked for", id)
		case !belongs && checked:
			t.Errorf("%s is asked for, but is no channel's", id)
		}
		delete(ofTheSession, id)
	}
	if len(ofTheSession) > 0 {
		t.Errorf("unknown methods %v", ofTheSession)
	}
}

// withAlice is a broker where alice has these permissions in "/", with a durable queue q, exchanges x (topic), d
// (direct) and int (internal).
func withAlice(t *testing.T, configure, write, read string) *broker {
	t.Helper()
	b := newBroker(t)
	users := b.server.cfg.Access.Users()
	password := "wonder"
	if _, err := users.Put(t.Context(), "alice", access.Change{Password: &password}); err != nil {
		t.Fatal(err)
	}
	b.permit(configure, write, read)
	b.set()
	return b
}

// set makes what the stories are about, and nothing else.
func (b *broker) set() {
	g := b.dial()
	g.send(1, &amqp.QueueDelete{Queue: "mine"}, &amqp.ExchangeDelete{Exchange: "mine"}, &amqp.QueueDeclare{Queue: "q", Durable: true},
		&amqp.ExchangeDeclare{Exchange: "x", Type: "topic"}, &amqp.ExchangeDeclare{Exchange: "d", Type: "direct"},
		&amqp.ExchangeDeclare{Exchange: "int", Type: "direct", Internal: true})
	expect[*amqp.QueueDeleteOk](g, 1)
	expect[*amqp.ExchangeDeleteOk](g, 1)
	expect[*amqp.QueueDeclareOk](g, 1)
	for range 3 {
		expect[*amqp.ExchangeDeclareOk](g, 1)
	}
	g.hangUp()
}

func (b *broker) permit(configure, write, read string) {
	b.t.Helper()
	p := access.Permission{User: "alice", VHost: "/", Configure: configure, Write: write, Read: read}
	if err := b.server.cfg.Access.Users().SetPermission(b.t.Context(), p); err != nil {
		b.t.Fatal(err)
	}
}

// alice logs in and opens channel 1.
func (b *broker) alice() *peer {
	b.t.Helper()
	p := newPeer(b.t, b.connect())
	p.login("alice", "wonder")
	p.openChannel(1)
	return p
}

// What RabbitMQ 3.10.8 answers to a user without any permission, and to one with some.
func TestRefusals(t *testing.T) {
	const queue, exchange = "access to queue '%' in vhost '/' refused for user 'alice'", "access to exchange '%' in vhost '/' refused for user 'alice'"
	q := func(name string) string { return strings.Replace(queue, "%", name, 1) }
	x := func(name string) string { return strings.Replace(exchange, "%", name, 1) }
	dlx := amqp.Table{"x-dead-letter-exchange": "d"}
	ae := amqp.Table{"alternate-exchange": "d"}
	b := withAlice(t, "", "", "")
	for _, c := range []struct {
		configure, write, read string
		method                 amqp.Method
		text                   string // empty: it is allowed, or refused for another reason
	}{
		{"", "", "", &amqp.QueueDeclare{Queue: "q", Durable: true}, q("q")},
		{"", "", "", &amqp.QueueDeclare{Queue: "new"}, q("new")},
		{"", "", "", &amqp.QueueDeclare{}, "access to queue 'amq.gen-"},
		{"", "", "", &amqp.QueueDeclare{Queue: "amq.mine"}, "contains reserved prefix"},
		{"", "", "", &amqp.QueueDeclare{Queue: "q", Passive: true}, q("q")},
		{"", "", "q", &amqp.QueueDeclare{Queue: "q", Passive: true}, ""},
		{"", "q", "", &amqp.QueueDeclare{Queue: "q", Passive: true}, ""},
		{"q", "", "", &amqp.QueueDeclare{Queue: "q", Passive: true}, ""},
		{"", "", "", &amqp.QueueDelete{Queue: "none"}, q("none")},
		{"", ".*", ".*", &amqp.QueueDelete{Queue: "q"}, q("q")},
		{".*", ".*", "", &amqp.QueuePurge{Queue: "q"}, q("q")},
		{"", "", "q", &amqp.QueuePurge{Queue: "q"}, ""},
		{".*", ".*", "", &amqp.BasicGet{Queue: "none"}, q("none")},
		{".*", ".*", "", &amqp.BasicConsume{Queue: "q"}, q("q")},
		{"", "", "", &amqp.BasicConsume{Queue: core.ReplyQueue, NoAck: true}, ""},
		{".*", "", ".*", &amqp.QueueBind{Queue: "q", Exchange: "x"}, q("q")},
		{".*", ".*", "", &amqp.QueueBind{Queue: "q", Exchange: "x"}, x("x")},
		{"", "q", "x", &amqp.QueueBind{Queue: "q", Exchange: "x"}, ""},
		{".*", "", ".*", &amqp.QueueUnbind{Queue: "q", Exchange: "x"}, q("q")},
		{"", "", "", &amqp.QueueBind{Queue: "q", Exchange: ""}, q("q")},
		{"", "q", "", &amqp.QueueBind{Queue: "q", Exchange: ""}, "not permitted on the default exchange"},
		{".*", "", ".*", &amqp.ExchangeBind{Destination: "d", Source: "x"}, x("d")},
		{".*", ".*", "", &amqp.ExchangeUnbind{Destination: "d", Source: "x"}, x("x")},
		{"", ".*", ".*", &amqp.ExchangeDeclare{Exchange: "x", Type: "topic"}, x("x")},
		{"", "", "", &amqp.ExchangeDeclare{Exchange: "x", Type: "topic", Passive: true}, x("x")},
		{"", "", "x", &amqp.ExchangeDeclare{Exchange: "x", Type: "topic", Passive: true}, ""},
		{"", "", "", &amqp.ExchangeDeclare{Exchange: "", Type: "topic"}, "not permitted on the default exchange"},
		{"", "", "", &amqp.ExchangeDelete{Exchange: "x"}, x("x")},
		{"", "", "", &amqp.ExchangeDelete{Exchange: "amq.topic"}, "deletion of system exchange 'amq.topic' in vhost '/' not allowed"},

		// What forwards messages needs more, when it is new.
		{"^mine", "d", "", &amqp.QueueDeclare{Queue: "mine", Arguments: dlx}, q("mine")},
		{"^mine", "", "mine", &amqp.QueueDeclare{Queue: "mine", Arguments: dlx}, x("d")},
		{"^mine", "^d$", "mine", &amqp.QueueDeclare{Queue: "mine", Arguments: dlx}, ""},
		{"^mine", "d", "", &amqp.ExchangeDeclare{Exchange: "mine", Type: "topic", Arguments: ae}, x("mine")},
		{"^mine", "", "mine", &amqp.ExchangeDeclare{Exchange: "mine", Type: "topic", Arguments: ae}, x("d")},
		{"^mine", "d", "mine", &amqp.ExchangeDeclare{Exchange: "mine", Type: "topic", Arguments: ae}, ""},
		{"^x", "", "", &amqp.ExchangeDeclare{Exchange: "x", Type: "topic"}, ""},

		// A pattern may match anywhere.
		{"in", "", "", &amqp.QueueDeclare{Queue: "mine"}, ""},
	} {
		b.set()
		b.permit(c.configure, c.write, c.read)
		p := b.alice()
		p.send(1, c.method)
		_, answer := p.method()
		closed, ok := answer.(*amqp.ChannelClose)
		switch {
		case c.text == "" && ok:
			t.Errorf("%q %q %q: %s: %s", c.configure, c.write, c.read, c.method.ID(), closed.ReplyText)
		case c.text != "" && (!ok || closed.ReplyCode != amqp.AccessRefused || !strings.Contains(closed.ReplyText, c.text)):
			t.Errorf("%q %q %q: %s: got %#v, want %s", c.configure, c.write, c.read, c.method.ID(), answer, c.text)
		}
		p.hangUp()
	}
}

func (p *peer) wantEnd(text string) {
	p.t.Helper()
	if got := p.end(); !strings.Contains(got, text) {
		p.t.Errorf("got %s, want %s", got, text)
	}
}

func TestPublishing(t *testing.T) {
	b := withAlice(t, "", "^(x|q|amq.default|none|int)$", "")
	for _, c := range []struct{ exchange, key, text string }{
		{"x", "k", ""},
		{"", "q", ""},
		{"d", "k", "channel ACCESS_REFUSED - access to exchange 'd' in vhost '/' refused for user 'alice' 60.40"},
		{"none", "k", "NOT_FOUND - no exchange 'none'"},
		{"int", "k", "internal"},
	} {
		p := b.alice()
		p.publish(1, amqp.BasicPublish{Exchange: c.exchange, RoutingKey: c.key}, amqp.Properties{}, "m")
		if c.text == "" {
			p.quiet(1)
		} else {
			p.wantEnd(c.text)
		}
		p.hangUp()
	}
	b.permit("", "^q$", "")
	p := b.alice()
	p.publish(1, amqp.BasicPublish{RoutingKey: "q"}, amqp.Properties{}, "m")
	p.wantEnd("access to exchange 'amq.default' in vhost '/' refused for user 'alice'")
}

// A run of publishes is asked for once, and again when something has changed.
func TestARevokedPermissionHoldsForTheNextPublish(t *testing.T) {
	b := withAlice(t, "", "x|d", "")
	p := b.alice()
	for range 3 {
		p.publish(1, amqp.BasicPublish{Exchange: "x", RoutingKey: "k"}, amqp.Properties{}, "m")
	}
	p.publish(1, amqp.BasicPublish{Exchange: "d", RoutingKey: "k"}, amqp.Properties{}, "m")
	p.quiet(1)
	b.permit("", "d", "")
	p.publish(1, amqp.BasicPublish{Exchange: "d", RoutingKey: "k"}, amqp.Properties{}, "m")
	p.quiet(1)
	p.publish(1, amqp.BasicPublish{Exchange: "x", RoutingKey: "k"}, amqp.Properties{}, "m")
	p.wantEnd("access to exchange 'x'")
}

func TestAskingForAPublishDoesNotAllocate(t *testing.T) {
	users := access.NewUsers()
	password := "wonder"
	if _, err := users.Put(t.Context(), "alice", access.Change{Password: &password}); err != nil {
		t.Fatal(err)
	}
	if err := users.SetPermission(t.Context(), access.Permission{User: "alice", VHost: "/", Write: "^x$"}); err != nil {
		t.Fatal(err)
	}
	c := &conn{permit: users.Permit(&access.User{Name: "alice"}, "/"), user: &access.User{Name: "alice"}}
	ch := &channel{conn: c}
	if n := testing.AllocsPerRun(100, func() {
		if ch.mayPublish("x", "k") != nil {
			t.Error("refused")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestTopicPermissions(t *testing.T) {
	b := withAlice(t, ".*", ".*", ".*")
	if err := b.server.cfg.Access.Users().SetTopicPermission(t.Context(), access.TopicPermission{
		User: "alice", VHost: "/", Exchange: "x", Write: "^{username}\\.{client_id}", Read: "^r",
	}); err != nil {
		t.Fatal(err)
	}
	p := b.alice()
	p.publish(1, amqp.BasicPublish{Exchange: "x", RoutingKey: "alice.{client_id}"}, amqp.Properties{}, "m")
	p.publish(1, amqp.BasicPublish{Exchange: "amq.topic", RoutingKey: "other"}, amqp.Properties{}, "m")
	p.quiet(1)
	const refused = "channel ACCESS_REFUSED - access to topic 'other' in exchange 'x' in vhost '/' refused for user 'alice'"
	p.publish(1, amqp.BasicPublish{Exchange: "x", RoutingKey: "other"}, amqp.Properties{}, "m")
	p.wantEnd(refused + " 60.40")
	for _, header := range []string{"CC", "BCC"} { // RabbitMQ 4 asks for them, too
		p.openChannel(1)
		p.publish(1, amqp.BasicPublish{Exchange: "x", RoutingKey: "alice.{client_id}"}, amqp.Properties{Headers: amqp.Table{header: []any{"alice.{client_id}", "other"}}}, "m")
		p.send(1, &amqp.BasicAck{DeliveryTag: 9}) // is wrong, too, where that was let in
		p.wantEnd(refused + " 60.40")
	}
	for _, m := range []amqp.Method{
		&amqp.QueueBind{Queue: "q", Exchange: "x", RoutingKey: "other"},
		&amqp.QueueUnbind{Queue: "q", Exchange: "x", RoutingKey: "other"},
		&amqp.ExchangeBind{Destination: "d", Source: "x", RoutingKey: "other"},
	} {
		p.openChannel(1)
		p.send(1, m)
		p.wantEnd(refused)
	}
	p.openChannel(1)
	p.send(1, &amqp.QueueBind{Queue: "q", Exchange: "x", RoutingKey: "r"})
	expect[*amqp.QueueBindOk](p, 1)
}

func TestUserID(t *testing.T) {
	b := withAlice(t, "", ".*", "")
	p := b.alice()
	p.publish(1, amqp.BasicPublish{Exchange: "d"}, amqp.Properties{UserID: "bob"}, "m")
	p.wantEnd("PRECONDITION_FAILED - user_id property set to 'bob' but authenticated user was 'alice'")
	if _, err := b.server.cfg.Access.Users().Put(t.Context(), "alice", access.Change{Tags: &[]string{access.Impersonator}}); err != nil {
		t.Fatal(err)
	}
	p.openChannel(1)
	p.publish(1, amqp.BasicPublish{Exchange: "d"}, amqp.Properties{UserID: "bob"}, "m")
	p.quiet(1)
}

// What is open and not allowed any more ends, with RabbitMQ's words where it has some.
func TestWhatIsRevokedEnds(t *testing.T) {
	users := func(b *broker) *access.Users { return b.server.cfg.Access.Users() }
	for name, c := range map[string]struct {
		revoke func(*broker) error
		text   string
	}{
		"a consumer's queue": {func(b *broker) error { b.permit(".*", ".*", ""); return nil },
			"channel ACCESS_REFUSED - access to queue 'q' in vhost '/' refused for user 'alice'"},
		"the virtual host": {func(b *broker) error { _, err := users(b).ClearPermission(t.Context(), "/", "alice"); return err },
			"connection NOT_ALLOWED - access to vhost '/' refused for user 'alice'"},
		"the user": {func(b *broker) error { _, err := users(b).Delete(t.Context(), "alice"); return err },
			"connection CONNECTION_FORCED - user 'alice' is deleted"},
		"a deleted virtual host": {func(b *broker) error {
			v, _ := b.core.VHost("/")
			_, err := b.server.DeleteVHost(t.Context(), v)
			return err
		}, "connection CONNECTION_FORCED - vhost '/' is deleted"},
		"a connection that is closed": {func(b *broker) error {
			b.server.Disconnect(b.server.ConnectionInfos()[0].Name, "go away")
			return nil
		}, "connection CONNECTION_FORCED - go away"},
	} {
		t.Run(name, func(t *testing.T) {
			b := withAlice(t, ".*", ".*", ".*")
			p := b.alice()
			p.consume(1, amqp.BasicConsume{Queue: "q"})
			if err := c.revoke(b); err != nil {
				t.Fatal(err)
			}
			p.wantEnd(c.text)
		})
	}
}

func TestVHostsAreEnteredWithPermissionOnly(t *testing.T) {
	b := withAlice(t, "", "", "")
	if _, err := b.core.PutVHost(t.Context(), "shop", core.VHostInfo{}); err != nil {
		t.Fatal(err)
	}
	for vhost, text := range map[string]string{
		"shop": "NOT_ALLOWED - access to vhost 'shop' refused for user 'alice'",
		"none": "NOT_ALLOWED - vhost none not found",
	} {
		p := newPeer(t, b.connect())
		p.startOk("alice", "wonder")
		tune := expect[*amqp.ConnectionTune](p, 0)
		p.send(0, &amqp.ConnectionTuneOk{ChannelMax: tune.ChannelMax, FrameMax: tune.FrameMax}, &amqp.ConnectionOpen{VirtualHost: vhost})
		p.wantEnd(text)
	}
}

// A virtual host with as many connections as it may have lets nobody in, and says so.
func TestLimitsOfAVHost(t *testing.T) {
	b := withAlice(t, ".*", ".*", ".*")
	v, _ := b.core.VHost("/")
	limits := func(l core.Limits) {
		t.Helper()
		if err := v.SetLimits(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
	b.eventually("whoever prepared this is gone", func() bool { return len(b.server.ConnectionInfos()) == 0 })
	limits(core.Limits{MaxConnections: number(1), MaxQueues: number(0)})
	p := b.alice()
	other := newPeer(t, b.connect())
	other.startOk("alice", "wonder")
	tune := expect[*amqp.ConnectionTune](other, 0)
	other.send(0, &amqp.ConnectionTuneOk{ChannelMax: tune.ChannelMax, FrameMax: tune.FrameMax}, &amqp.ConnectionOpen{VirtualHost: "/"})
	other.wantEnd("NOT_ALLOWED - access to vhost '/' refused for user 'alice': connection limit (1) is reached")
	p.send(1, &amqp.QueueDeclare{Queue: "new"})
	p.wantEnd("channel PRECONDITION_FAILED - cannot declare queue 'new': queue limit in vhost '/' (0) is reached")
	limits(core.Limits{MaxConnections: number(-1), MaxQueues: number(-1)})
	b.alice().declare(1, amqp.QueueDeclare{Queue: "new"})
}

func number(n int64) *int64 { return &n }

func TestLimitsOfAUser(t *testing.T) {
	b := withAlice(t, "", "", "")
	limits := func(l access.Limits) {
		t.Helper()
		if err := b.server.cfg.Access.Users().SetLimits(t.Context(), "alice", l); err != nil {
			t.Fatal(err)
		}
	}
	limits(access.Limits{MaxConnections: number(1), MaxChannels: number(1)})
	p := b.alice()
	p.send(2, &amqp.ChannelOpen{})
	p.wantEnd("connection NOT_ALLOWED - number of channels opened for user 'alice' has reached the maximum allowed user limit of (1)")
	b.eventually("the connection is gone", func() bool { return len(b.server.ConnectionInfos()) == 0 })
	p = b.alice()
	other := newPeer(t, b.connect())
	other.startOk("alice", "wonder")
	tune := expect[*amqp.ConnectionTune](other, 0)
	other.send(0, &amqp.ConnectionTuneOk{ChannelMax: tune.ChannelMax, FrameMax: tune.FrameMax}, &amqp.ConnectionOpen{VirtualHost: "/"})
	other.wantEnd("connection NOT_ALLOWED - connection refused for user 'alice': user connection limit (1) is reached")
	limits(access.Limits{})
	p.openChannel(2)
}

func TestUpdateSecret(t *testing.T) {
	b := withAlice(t, "", "", "")
	p := b.alice()
	for _, secret := range []string{"wonder", "wander"} { // what does not expire needs no other
		p.send(0, &amqp.ConnectionUpdateSecret{NewSecret: secret})
		expect[*amqp.ConnectionUpdateSecretOk](p, 0)
	}
}
