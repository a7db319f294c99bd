package access

import (
	"context"
	"encoding/binary"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/postrider-mq/postrider/amqp"
)

var (
	here      = Peer{Addr: netip.MustParseAddr("127.0.0.1")}
	here6     = Peer{Addr: netip.MustParseAddr("::1")}
	hereBy6   = Peer{Addr: netip.MustParseAddr("::ffff:127.0.0.7")}
	elsewhere = Peer{Addr: netip.MustParseAddr("192.0.2.7")}
	secured   = Peer{Addr: elsewhere.Addr, TLS: true}
	nowhere   = Peer{}
)

func plain(name, password string) []byte { return []byte("\x00" + name + "\x00" + password) }

func amqplain(t testing.TB, table amqp.Table) []byte {
	t.Helper()
	b, err := amqp.AppendTable(nil, table)
	if err != nil {
		t.Fatal(err)
	}
	if int(binary.BigEndian.Uint32(b)) != len(b)-4 {
		t.Fatal("a table does not begin with its length")
	}
	return b[4:]
}

// house has the guest, alice, and a peer who may only reach bob's inbox.
func house(t testing.TB) (*Authority, *Users) {
	t.Helper()
	users := NewUsers()
	users.AddGuest(Full())
	for _, err := range []error{
		users.Add("alice", "wonder", Full()),
		users.Add("peer", "knock", PublishOnly("inbox.bob")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return NewAuthority(users), users
}

func TestLogin(t *testing.T) {
	a, _ := house(t)
	const usual = "Login was refused using authentication mechanism PLAIN. For details see the broker logfile."
	for _, c := range []struct {
		story    string
		response []byte
		peer     Peer
		text     string // empty: let in
		reason   string
	}{
		{"guest from this host", plain("guest", "guest"), here, "", ""},
		{"guest by IPv6", plain("guest", "guest"), here6, "", ""},
		{"guest by IPv4 in IPv6", plain("guest", "guest"), hereBy6, "", ""},
		{"guest with a wrong password", plain("guest", "gast"), here, usual, "wrong password for user 'guest'"},
		{"guest from elsewhere, though over TLS", plain("guest", "guest"), secured, usual, "user 'guest' may log in from this host only"},
		{"alice", plain("alice", "wonder"), here, "", ""},
		{"alice over TLS", plain("alice", "wonder"), secured, "", ""},
		{"alice in clear", plain("alice", "wonder"), elsewhere, "amqps", "without TLS"},
		{"alice from an unknown address", plain("alice", "wonder"), nowhere, "amqps", "without TLS"},
		{"alice with a wrong password", plain("alice", "wander"), here, usual, "wrong password for user 'alice'"},
		{"a stranger", plain("mallory", "x"), here, usual, "no user 'mallory'"},
		{"nobody", plain("", ""), here, usual, "no user ''"},
		{"as herself", []byte("alice\x00alice\x00wonder"), here, "", ""},
		{"as another", []byte("guest\x00alice\x00wonder"), here, usual, "may not act as another"},
		{"nothing at all", nil, here, usual, "three fields"},
		{"two fields", []byte("alice\x00wonder"), here, usual, "three fields"},
		{"four fields", plain("alice", "won\x00der"), here, usual, "three fields"},
		{"a very long password", plain("alice", strings.Repeat("x", 10_000)), here, usual, "too long"},
		{"a long name", plain(strings.Repeat("x", 300), "x"), here, usual, "too long"},
	} {
		user, err := a.Login(t.Context(), "PLAIN", c.response, c.peer)
		if c.text == "" {
			if err != nil || user == nil {
				t.Errorf("%s: %v", c.story, err)
			}
			continue
		}
		var denied *Denied
		if !errors.As(err, &denied) || user != nil {
			t.Errorf("%s: got %v, %v", c.story, user, err)
			continue
		}
		if !strings.Contains(denied.Text, c.text) || !strings.Contains(denied.Reason, c.reason) {
			t.Errorf("%s: text %q, reason %q", c.story, denied.Text, denied.Reason)
		}
	}
}

func TestLoginByAMQPlain(t *testing.T) {
	a, _ := house(t)
	for _, c := range []struct {
		response []byte
		name     string
	}{
		{amqplain(t, amqp.Table{"LOGIN": "alice", "PASSWORD": "wonder"}), "alice"},
		{amqplain(t, amqp.Table{"PASSWORD": "guest", "LOGIN": "guest", "more": 1}), "guest"},
		{amqplain(t, amqp.Table{"LOGIN": "alice", "PASSWORD": "wander"}), ""},
		{amqplain(t, amqp.Table{"LOGIN": "alice"}), ""},
		{amqplain(t, amqp.Table{"LOGIN": "alice", "PASSWORD": 5}), ""},
		{[]byte("garbage"), ""},
		{nil, ""},
		{make([]byte, 1<<20), ""},
	} {
		user, err := a.Login(t.Context(), "AMQPLAIN", c.response, here)
		var denied *Denied
		switch {
		case c.name == "" && !errors.As(err, &denied):
			t.Errorf("%.20q: got %v, %v", c.response, user, err)
		case c.name != "" && (err != nil || user.Name != c.name):
			t.Errorf("%.20q: got %v, %v", c.response, user, err)
		}
	}
}

func TestUnknownMechanism(t *testing.T) {
	a, _ := house(t)
	for _, name := range []string{"", "plain", "ANONYMOUS", "EXTERNAL", strings.Repeat("X", 200)} {
		_, err := a.Login(t.Context(), name, plain("guest", "guest"), here)
		var e *amqp.Error
		if !errors.As(err, &e) || e.Code != amqp.CommandInvalid {
			t.Errorf("%q: %v", name, err)
		}
	}
	for name := range strings.FieldsSeq(Mechanisms) {
		if mechanisms[name] == nil {
			t.Errorf("%s is offered, but unknown", name)
		}
	}
}

// A new password holds from the next login on, whatever was proven with the old one; so does a removal.
func TestUsersChange(t *testing.T) {
	a, users := house(t)
	try := func(password string) error {
		_, err := a.Login(t.Context(), "PLAIN", plain("alice", password), here)
		return err
	}
	if err := errors.Join(try("wonder"), try("wonder")); err != nil {
		t.Fatal(err)
	}
	if err := users.Add("alice", "mirror", Full()); err != nil {
		t.Fatal(err)
	}
	if try("wonder") == nil {
		t.Error("the old password still opens")
	}
	if err := try("mirror"); err != nil {
		t.Error(err)
	}
	users.Remove("alice")
	if try("mirror") == nil {
		t.Error("a removed user was let in")
	}
}

func TestUsersRefuse(t *testing.T) {
	users := NewUsers()
	for _, c := range [][2]string{{"", "x"}, {"x", ""}, {"guest", "secret"}, {strings.Repeat("x", 300), "x"}} {
		if users.Add(c[0], c[1], Full()) == nil {
			t.Errorf("%.10q with password %q was added", c[0], c[1])
		}
	}
}

// A broker that has no guest knows no guest.
func TestNoGuest(t *testing.T) {
	if _, err := NewAuthority(NewUsers()).Login(t.Context(), "PLAIN", plain("guest", "guest"), here); err == nil {
		t.Error("guest was let in")
	}
}

func TestPeerMayOnlyPublishToTheInbox(t *testing.T) {
	a, users := house(t)
	peer, err := a.Login(t.Context(), "PLAIN", plain("peer", "knock"), secured)
	if err != nil {
		t.Fatal(err)
	}
	p := users.Permit(peer, "/")
	if inbox, confined := p.Confined(); inbox != "inbox.bob" || !confined || p.Everything() || p.May(Write, "inbox.bob") {
		t.Errorf("%+v", p)
	}
	for _, c := range []struct {
		exchange, key string
		ok            bool
	}{
		{"", "inbox.bob", true},
		{"", "amq.rabbitmq.reply-to.g1.abc", true},
		{"", "amq.rabbitmq.reply-to", false},
		{"", "inbox.carol", false},
		{"", "", false},
		{"amq.fanout", "inbox.bob", false},
		{"amq.direct", "amq.rabbitmq.reply-to.x", false},
	} {
		if p.MayReach(c.exchange, c.key) != c.ok {
			t.Errorf("%q %q: %t", c.exchange, c.key, !c.ok)
		}
	}
	guest, _ := a.Login(t.Context(), "PLAIN", plain("guest", "guest"), here)
	if !users.Permit(guest, "anywhere").Everything() {
		t.Error("the guest of the configuration may not do everything")
	}
}

// The zero Permit and the zero User may nothing.
func TestZeroRights(t *testing.T) {
	for _, p := range []*Permit{{}, NewUsers().Permit(&User{}, "/")} {
		if p.Enters() || p.Everything() || p.May(Write, "q") || p.May(Write, "") || p.MayReach("", "q") || p.Exists() {
			t.Error("somebody may do something")
		}
	}
}

func TestRandomSecret(t *testing.T) {
	one, two := RandomSecret(), RandomSecret()
	if one == two || len(one) < 26 {
		t.Errorf("%q, %q", one, two)
	}
}

func TestLoginEndsWithItsContext(t *testing.T) {
	a, _ := house(t)
	for range cap(a.verifier.cores) {
		a.verifier.cores <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.Login(ctx, "PLAIN", plain("alice", "wonder"), here); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func FuzzResponse(f *testing.F) {
	f.Add("PLAIN", []byte("\x00guest\x00guest"))
	f.Add("AMQPLAIN", []byte("\x05LOGINS\x00\x00\x00\x05guest\x08PASSWORDS\x00\x00\x00\x05guest"))
	f.Fuzz(func(t *testing.T, mechanism string, response []byte) {
		parse, ok := mechanisms[mechanism]
		if !ok {
			return
		}
		if l, err := parse(response); err == nil && (len(l.name) > maxName || len(l.password) > maxPassword) {
			t.Errorf("%q was taken", response)
		}
	})
}
