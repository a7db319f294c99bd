package access

import (
	"cmp"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// shelf is a store in memory.
type shelf map[[3]string]Record

func (s shelf) Records(kind string) (list []Record) {
	for _, r := range s {
		if r.Kind == kind {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b Record) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

func (s shelf) Save(_ context.Context, r Record) error {
	s[[3]string{r.Kind, r.VHost, r.Name}] = r
	return nil
}

func (s shelf) Forget(_ context.Context, r Record) error {
	delete(s, [3]string{r.Kind, r.VHost, r.Name})
	return nil
}

func on(t *testing.T, s Store) *Users {
	t.Helper()
	u := NewUsers()
	if err := u.Load(s); err != nil {
		t.Fatal(err)
	}
	return u
}

func (u *Users) mustPut(t *testing.T, name string, c Change) {
	t.Helper()
	if _, err := u.Put(t.Context(), name, c); err != nil {
		t.Fatal(err)
	}
}

func text(s string) *string { return &s }

// Everything about users is on the shelf, and comes back from it.
func TestUsersAreKept(t *testing.T) {
	s := shelf{}
	u := on(t, s)
	u.mustPut(t, "alice", Change{Password: text("wonder"), Tags: &[]string{Monitoring, "eu"}})
	u.mustPut(t, "bob", Change{Hash: text("")})
	two := int64(2)
	for _, err := range []error{
		u.PutGuest(t.Context(), "/"),
		u.SetPermission(t.Context(), Permission{"alice", "/", "", "^w", ".*"}),
		u.SetPermission(t.Context(), Permission{"bob", "shop", ".*", ".*", ".*"}),
		u.SetTopicPermission(t.Context(), TopicPermission{"alice", "/", "amq.topic", "^{username}", ""}),
		u.SetLimits(t.Context(), "alice", Limits{MaxConnections: &two}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	again := on(t, s)
	for i, info := range u.List() {
		if got := again.List()[i]; got.Name != info.Name || got.Hash != info.Hash || !slices.Equal(got.Tags, info.Tags) {
			t.Errorf("%+v became %+v", info, got)
		}
	}
	if !slices.Equal(again.Permissions(), u.Permissions()) || !slices.Equal(again.TopicPermissions(), u.TopicPermissions()) {
		t.Error("permissions differ")
	}
	a := NewAuthority(again)
	alice, err := a.Login(t.Context(), "PLAIN", plain("alice", "wonder"), secured)
	if err != nil {
		t.Fatal(err)
	}
	p := again.Permit(alice, "/")
	if !p.Enters() || !p.May(Write, "who") || p.May(Write, "know") || p.May(Configure, "x") || !p.May(Read, "") || p.Everything() {
		t.Errorf("%+v", p)
	}
	if !p.MayTopic(Write, "amq.topic", "alice.x") || p.MayTopic(Write, "amq.topic", "x") || p.MayTopic(Read, "amq.topic", "x") || !p.MayTopic(Read, "other", "x") {
		t.Error("topic permissions")
	}
	if !p.Tagged(Management) || p.Tagged(Administrator) || *p.Limits().MaxConnections != 2 {
		t.Errorf("%+v", p)
	}
	if again.Permit(alice, "shop").Enters() {
		t.Error("alice enters shop")
	}
	if _, err := a.Login(t.Context(), "PLAIN", plain("guest", "guest"), secured); err == nil {
		t.Error("guest came from elsewhere")
	}

	if was, err := again.Delete(t.Context(), "alice"); !was || err != nil {
		t.Fatal(was, err)
	}
	if p.Current() || again.Permit(alice, "/").Exists() {
		t.Error("alice is deleted, and may do things")
	}
	for key := range s {
		if strings.Contains(key[2], "alice") {
			t.Errorf("%q is left", key)
		}
	}
	again.ForgetVHost("shop")
	if list := again.Permissions(); len(list) != 1 || list[0].User != "guest" {
		t.Errorf("%+v", list)
	}
}

func TestARecordThatMakesNoSenseIsNamedAndTheRestIsThere(t *testing.T) {
	s := shelf{}
	on(t, s).mustPut(t, "alice", Change{Password: text("wonder")})
	_ = s.Save(t.Context(), Record{kindGrant, "/", "alice", []byte(`{"configure":"("}`)})
	_ = s.Save(t.Context(), Record{kindUser, "", "bob", []byte(`{"hash":"?"}`)})
	u := NewUsers()
	if err := u.Load(s); err == nil {
		t.Error("no error")
	}
	if _, ok := u.Get("alice"); !ok {
		t.Error("alice is not there")
	}
}

// What RabbitMQ exports lets in whoever has the password, and is replaced by a hash of ours at the first login.
func TestHashesOfRabbitMQ(t *testing.T) {
	salted := "saltwonder"
	sum256, sum512, sumMD5 := sha256.Sum256([]byte(salted)), sha512.Sum512([]byte(salted)), md5.Sum([]byte(salted))
	for algorithm, sum := range map[string][]byte{SHA256: sum256[:], SHA512: sum512[:], MD5: sumMD5[:], "": sum256[:]} {
		s := shelf{}
		u := on(t, s)
		hash := base64.StdEncoding.EncodeToString(append([]byte("salt"), sum...))
		u.mustPut(t, "alice", Change{Hash: &hash, Algorithm: algorithm})
		u = on(t, s)
		if info, _ := u.Get("alice"); info.Hash != hash {
			t.Errorf("%s: exported as %q", algorithm, info.Hash)
		}
		a := NewAuthority(u)
		if _, err := a.Login(t.Context(), "PLAIN", plain("alice", "wander"), here); err == nil {
			t.Errorf("%s: a wrong password was right", algorithm)
		}
		if _, err := a.Login(t.Context(), "PLAIN", plain("alice", "wonder"), here); err != nil {
			t.Errorf("%s: %v", algorithm, err)
		}
		u = on(t, s)
		if info, _ := u.Get("alice"); info.Algorithm != Argon2id || !strings.HasPrefix(info.Hash, "$argon2id$") {
			t.Errorf("%s: kept as %q", algorithm, info.Hash)
		}
		if _, err := NewAuthority(u).Login(t.Context(), "PLAIN", plain("alice", "wonder"), here); err != nil {
			t.Errorf("%s: %v", algorithm, err)
		}
	}
}

func TestWhatCannotBeUnderstoodIsRefused(t *testing.T) {
	u := NewUsers()
	for name, c := range map[string]Change{
		"without a password": {},
		"":                   {Password: text("x")},
		"no \xff UTF-8":      {Password: text("x")}, // which JSON, and so an export, makes another
		"of two\nlines":      {Password: text("x")},
		"of a bad hash":      {Hash: text("?")},
		"of a short hash":    {Hash: text("c2FsdA==")},
		"of no algorithm":    {Hash: text("c2FsdA=="), Algorithm: "rot13"},
		"of other cost":      {Hash: text("$argon2id$v=19$m=1,t=1,p=1$YWFhYQ$YWFhYQ")},
	} {
		if _, err := u.Put(t.Context(), name, c); err == nil {
			t.Errorf("a user %s was made", name)
		}
	}
	var bad *PatternError
	u.mustPut(t, "alice", Change{Password: text("x")})
	for _, p := range []Permission{{"alice", "/", "(", "", ""}, {"alice", "/", "", "", strings.Repeat("x", 5000)}} {
		if err := u.SetPermission(t.Context(), p); !errors.As(err, &bad) {
			t.Errorf("%+v: %v", p, err)
		}
	}
	if err := u.SetPermission(t.Context(), Permission{User: "nobody"}); err != ErrNoUser {
		t.Error(err)
	}
	if err := u.Add("ops", "secret", Full()); err != nil {
		t.Fatal(err)
	}
	if _, err := u.Put(t.Context(), "ops", Change{Password: text("x")}); err != ErrConfigured {
		t.Error(err)
	}
	if _, err := u.Delete(t.Context(), "ops"); err != ErrConfigured {
		t.Error(err)
	}
}

// A name in a pattern is a name: a user called ".*" gains nothing by it.
func TestANameIsNoPattern(t *testing.T) {
	u := NewUsers()
	u.mustPut(t, ".*", Change{Password: text("x")})
	for _, err := range []error{
		u.SetPermission(t.Context(), Permission{".*", "/", ".*", ".*", ".*"}),
		u.SetTopicPermission(t.Context(), TopicPermission{".*", "/", "t", "^{username}$", ".*"}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	p := u.Permit(&User{Name: ".*"}, "/")
	if p.MayTopic(Write, "t", "anything") || !p.MayTopic(Write, "t", ".*") {
		t.Error("the name was taken for a pattern")
	}
}

// A certificate's name is matched as it is, and EXTERNAL takes nothing but certificates.
func TestExternal(t *testing.T) {
	u := NewUsers()
	u.mustPut(t, "billing.example", Change{Hash: text("")})
	u.mustPut(t, "shop.example", Change{Hash: text("")})
	a := NewAuthority(u)
	for _, c := range []struct {
		names    []string
		response string
		user     string // empty: refused
	}{
		{[]string{"billing.example"}, "", "billing.example"},
		{[]string{"other", "billing.example"}, "", "billing.example"},
		{[]string{"Billing.example"}, "", ""},
		{[]string{"*.example"}, "", ""},
		{[]string{"billing.example", "shop.example"}, "", ""},
		{[]string{"billing.example", "shop.example"}, "shop.example", "shop.example"},
		{[]string{"billing.example"}, "shop.example", ""},
		{nil, "billing.example", ""},
	} {
		got, err := a.Login(t.Context(), "EXTERNAL", []byte(c.response), Peer{Addr: elsewhere.Addr, TLS: true, Names: c.names})
		if c.user == "" && err == nil || c.user != "" && (err != nil || got.Name != c.user) {
			t.Errorf("%q as %q: %v, %v", c.names, c.response, got, err)
		}
	}
	if _, err := a.Login(t.Context(), "PLAIN", plain("billing.example", ""), here); err == nil {
		t.Error("a user without a password came with an empty one")
	}
}

// An address may guess so often and no more; what is right costs it nothing, and other addresses do not suffer.
func TestGuessing(t *testing.T) {
	now := time.Unix(1, 0)
	b := newBuckets(func() time.Time { return now })
	one, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	for range bucketSize {
		if !b.take(one) {
			t.Fatal("too early")
		}
	}
	if b.take(one) || !b.take(other) {
		t.Error("the wrong address is held up")
	}
	b.giveBack(one)
	if !b.take(one) || b.take(one) {
		t.Error("one was given back")
	}
	now = now.Add(time.Second)
	for range bucketRefill {
		if !b.take(one) {
			t.Error("no refill")
		}
	}
	if b.take(one) {
		t.Error("too much refill")
	}
	if HostOf(netip.MustParseAddr("2001:db8::1")) != HostOf(netip.MustParseAddr("2001:db8::2")) {
		t.Error("an IPv6 network is one host")
	}
	for i := range uint32(2 * maxBuckets) {
		b.take(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}))
	}
	if len(b.byHost) > maxBuckets {
		t.Errorf("%d addresses are remembered", len(b.byHost))
	}
}

func TestAGuesserIsRefusedWithoutAComparison(t *testing.T) {
	a, _ := house(t)
	compared := 0
	a.verifier.matches = func(*passwordHash, string) bool { compared++; return false }
	a.buckets.now = func() time.Time { return time.Unix(1, 0) }
	for range 3 * bucketSize {
		if _, err := a.Login(t.Context(), "PLAIN", plain("alice", "guess"), secured); err == nil {
			t.Fatal("let in")
		}
	}
	if compared != bucketSize {
		t.Errorf("%d comparisons", compared)
	}
}

func TestPlaintextIfTheOperatorSaysSo(t *testing.T) {
	_, users := house(t)
	a := NewAuthorityWith(users, Policy{Plaintext: true})
	if _, err := a.Login(t.Context(), "PLAIN", plain("alice", "wonder"), elsewhere); err != nil {
		t.Error(err)
	}
	if _, err := a.Login(t.Context(), "PLAIN", plain("guest", "guest"), elsewhere); err == nil {
		t.Error("guest was let in from elsewhere")
	}
}
