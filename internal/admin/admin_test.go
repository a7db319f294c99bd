package admin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/access"
	"github.com/postrider-mq/postrider/internal/core"
	"github.com/postrider-mq/postrider/internal/route"
	"github.com/postrider-mq/postrider/internal/server"
)

// desk is a broker in memory with its administration, asked without a socket.
type desk struct {
	t      *testing.T
	core   *core.Core
	users  *access.Users
	server *server.Server
	admin  *Admin
	as     string // name:password, for the port; empty: the owner at the local socket
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	return newDeskOf(t, core.Config{})
}

func newDeskOf(t *testing.T, cfg core.Config) *desk {
	t.Helper()
	c, err := core.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{t: t, core: c, users: access.NewUsers()}
	authority := access.NewAuthority(d.users)
	log := slog.New(slog.DiscardHandler)
	d.server = server.New(server.Config{Core: c, Access: authority, Logger: log, Properties: amqp.Table{}})
	d.admin = New(Config{Core: c, Server: d.server, Access: authority, Logger: log, Node: "desk", Version: "1"})
	t.Cleanup(func() {
		d.server.Close()
		c.Close()
	})
	return d
}

// ask makes one request, "GET /api/vhosts" with a body or without.
func (d *desk) ask(what string, body ...string) *httptest.ResponseRecorder {
	d.t.Helper()
	method, path, _ := strings.Cut(what, " ")
	r := httptest.NewRequest(method, path, strings.NewReader(strings.Join(body, "")))
	r.RemoteAddr = "127.0.0.1:50000"
	h := d.admin.Local()
	if d.as != "" {
		name, password, _ := strings.Cut(d.as, ":")
		r.SetBasicAuth(name, password)
		h = d.admin.Handler()
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// wants makes a request and checks its status, and that the answer contains parts.
func (d *desk) wants(status int, what, body string, parts ...string) {
	d.t.Helper()
	w := d.ask(what, body)
	if w.Code != status {
		d.t.Errorf("%s %s: status %d, want %d: %s", what, body, w.Code, status, w.Body)
	}
	for _, part := range parts {
		if !strings.Contains(w.Body.String(), part) {
			d.t.Errorf("%s: the answer has no %q: %s", what, part, w.Body)
		}
	}
}

// lists checks one field of each item of a listing.
func (d *desk) lists(what, field string, want ...string) {
	d.t.Helper()
	w := d.ask(what)
	var items []map[string]any
	if err := json.NewDecoder(bytes.NewReader(w.Body.Bytes())).Decode(&items); err != nil {
		d.t.Fatalf("%s: %v: %s", what, err, w.Body)
	}
	var got []string
	for _, item := range items {
		got = append(got, item[field].(string))
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		d.t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func TestVHosts(t *testing.T) {
	d := newDesk(t)
	d.lists("GET /api/vhosts", "name", "/")
	d.wants(201, "PUT /api/vhosts/shop", `{"description":"what is sold","tags":"eu, test"}`)
	d.wants(204, "PUT /api/vhosts/shop", `{"description":"what was sold","tags":["eu"]}`)
	d.wants(201, "PUT /api/vhosts/a%2Fb", "")
	d.lists("GET /api/vhosts", "name", "/", "a/b", "shop")
	d.wants(200, "GET /api/vhosts/shop", "", `"description":"what was sold"`, `"tags":["eu"]`)
	d.wants(200, "GET /api/vhosts/%2F", "", `"name":"/"`)
	d.wants(200, "GET /api/vhosts/a%2Fb", "", `"name":"a/b"`)
	d.wants(404, "GET /api/vhosts/nowhere", "", `{"error":"Object Not Found","reason":"Not Found"}`)
	d.wants(204, "DELETE /api/vhosts/shop", "")
	d.wants(404, "DELETE /api/vhosts/shop", "")
	d.wants(400, "PUT /api/vhosts/x", `{"tags":[1]}`)
	d.wants(400, "PUT /api/vhosts/x", `{`)
}

// Who makes a virtual host may do everything in it, unless he had been there before: an administrator's tool goes on with what is to be in it.
func TestWhoMakesAVHostMayUseIt(t *testing.T) {
	d := newDesk(t)
	name := "boss"
	if _, err := d.users.Put(t.Context(), name, access.Change{Password: &name, Tags: &[]string{access.Administrator}}); err != nil {
		t.Fatal(err)
	}
	d.wants(201, "PUT /api/vhosts/old", "")
	d.as = "boss:boss"
	d.wants(204, "PUT /api/vhosts/old", "")
	d.wants(400, "PUT /api/queues/old/q", "", "refused for user 'boss'")
	d.wants(201, "PUT /api/vhosts/shop", "")
	d.wants(201, "PUT /api/queues/shop/q", "")
	d.wants(200, "GET /api/permissions/shop/boss", "", `"configure":".*","write":".*","read":".*"`)
}

func TestQueuesAndBindings(t *testing.T) {
	d := newDesk(t)
	d.wants(201, "PUT /api/queues/%2F/q", `{"durable":true,"arguments":{"x-max-length":5}}`)
	d.wants(204, "PUT /api/queues/%2F/q", `{"durable":true,"arguments":{"x-max-length":5}}`)
	d.wants(400, "PUT /api/queues/%2F/q", `{"durable":false}`, "inequivalent arg")
	d.wants(200, "GET /api/queues/%2F/q", "", `"x-max-length":5`, `"messages_ready":0`, `"consumer_details":[]`)
	d.wants(204, "PUT /api/queues/%2F/q", `{"durable":"true","auto_delete":"false","arguments":{"x-max-length":5}}`) // as rabbitmqadmin says it
	d.wants(400, "PUT /api/queues/%2F/q", `{"durable":"maybe"}`, "neither true nor false")
	d.wants(404, "GET /api/queues/%2F/none", "")
	d.wants(404, "GET /api/queues/none/q", "")
	d.wants(201, "PUT /api/exchanges/%2F/x", `{"type":"topic"}`)
	d.wants(400, "PUT /api/exchanges/%2F/x", `{"type":"strange"}`)
	d.wants(201, "POST /api/bindings/%2F/e/x/q/q", `{"routing_key":"a.#"}`)
	d.wants(201, "POST /api/bindings/%2F/e/x/q/q", `{"routing_key":"a.#","arguments":{"n":1}}`)
	d.lists("GET /api/queues/%2F/q/bindings", "source", "", "x", "x")
	d.lists("GET /api/exchanges/%2F/x/bindings/source", "destination", "q", "q")
	d.lists("GET /api/exchanges/%2F/x/bindings/destination", "source")
	d.wants(200, "GET /api/bindings/%2F/e/x/q/q/a.%2523", "", `"routing_key":"a.#"`)
	d.wants(204, "DELETE /api/bindings/%2F/e/x/q/q/a.%2523", "")
	d.lists("GET /api/bindings/%2F/e/x/q/q", "routing_key", "a.#")
	d.wants(204, "DELETE /api/queues/%2F/q/contents", "")
	d.wants(204, "DELETE /api/queues/%2F/q", "")
	d.wants(404, "DELETE /api/queues/%2F/q", "")
	d.wants(204, "DELETE /api/exchanges/%2F/x", "")
	d.wants(400, "DELETE /api/exchanges/%2F/amq.topic", "", "not allowed")
	d.wants(200, "GET /api/exchanges/%2F/amq.default", "", `"name":""`)
	d.lists("GET /api/bindings", "source")
	d.wants(200, "GET /api/overview", "", `"rabbitmq_version":"3.10`, `"exchanges":`)
}

// What clients have named in bytes that JSON cannot say is not exported as something else.
func TestAnExportIsTrueOrRefused(t *testing.T) {
	d := newDesk(t)
	d.wants(201, "PUT /api/queues/%2F/q", `{"durable":true}`)
	d.wants(200, "GET /api/definitions", "")
	v, _ := d.core.VHost("/")
	if err := v.Operator().Do(func(c *core.Client, b *core.Burst) error {
		return c.Bind(t.Context(), b, route.Binding{Source: "amq.direct", Destination: "q", ToQueue: true, Key: "\xff"})
	}); err != nil {
		t.Fatal(err)
	}
	d.wants(409, "GET /api/definitions", "", "not_in_utf8", "binding of queue 'q' to exchange 'amq.direct' in vhost '/'")
	d.wants(409, "GET /api/definitions/%2F", "", "binding of queue 'q' to exchange 'amq.direct'")
}

func TestUsersAndPermissions(t *testing.T) {
	d := newDesk(t)
	d.wants(400, "PUT /api/users/alice", `{"tags":""}`, "password")
	d.wants(400, "PUT /api/users/alice", `{"password":"x"}`, "tags")
	d.wants(201, "PUT /api/users/alice", `{"password":"wonder","tags":"monitoring"}`)
	d.wants(204, "PUT /api/users/alice", `{"tags":["monitoring","eu"]}`)
	d.wants(201, "PUT /api/users/bob", `{"password_hash":"","tags":""}`)
	d.lists("GET /api/users", "name", "alice", "bob")
	d.wants(200, "GET /api/users/alice", "", `"tags":["monitoring","eu"]`, `"password_hash":"$argon2id$`)
	d.lists("GET /api/users/without-permissions", "name", "alice", "bob")
	d.wants(201, "PUT /api/permissions/%2F/alice", `{"configure":"","write":"^a","read":".*"}`)
	d.wants(204, "PUT /api/permissions/%2F/alice", `{"configure":"","write":"^b","read":".*"}`)
	d.wants(400, "PUT /api/permissions/%2F/alice", `{"configure":"","write":"("}`)
	d.wants(400, "PUT /api/permissions/%2F/alice", `{"configure":"","write":"(","read":""}`, "pattern")
	d.wants(404, "PUT /api/permissions/%2F/carol", `{"configure":"","write":"","read":""}`)
	d.wants(404, "PUT /api/permissions/none/alice", `{"configure":"","write":"","read":""}`)
	d.wants(200, "GET /api/permissions/%2F/alice", "", `"write":"^b"`)
	d.lists("GET /api/users/alice/permissions", "vhost", "/")
	d.lists("GET /api/vhosts/%2F/permissions", "user", "alice")
	d.wants(201, "PUT /api/topic-permissions/%2F/alice", `{"exchange":"amq.topic","write":"^a","read":".*"}`)
	d.lists("GET /api/topic-permissions", "exchange", "amq.topic")
	d.wants(204, "DELETE /api/topic-permissions/%2F/alice", "")
	d.wants(204, "DELETE /api/permissions/%2F/alice", "")
	d.wants(404, "DELETE /api/permissions/%2F/alice", "")
	d.wants(204, "PUT /api/user-limits/alice/max-connections", `{"value":5}`)
	d.wants(200, "GET /api/user-limits", "", `{"user":"alice","value":{"max-connections":5}}`)
	d.wants(204, "DELETE /api/user-limits/alice/max-connections", "")
	d.wants(204, "PUT /api/vhost-limits/%2F/max-queues", `{"value":1}`)
	d.wants(204, "PUT /api/vhost-limits/%2F/max-connections", `{"value":5}`)
	d.wants(400, "PUT /api/vhost-limits/%2F/max-users", `{"value":5}`, "max-queues")
	d.wants(404, "PUT /api/vhost-limits/none/max-queues", `{"value":5}`)
	d.wants(200, "GET /api/vhost-limits", "", `{"vhost":"/","value":{"max-connections":5,"max-queues":1}}`)
	d.wants(200, "GET /api/vhost-limits/%2F", "", `"max-queues":1`)
	d.wants(201, "PUT /api/queues/%2F/first", `{}`)
	d.wants(400, "PUT /api/queues/%2F/second", `{}`, "cannot declare queue 'second': queue limit in vhost '/' (1) is reached")
	d.wants(204, "DELETE /api/vhost-limits/%2F/max-queues", "")
	d.wants(201, "PUT /api/queues/%2F/second", `{}`)
	d.wants(204, "DELETE /api/vhost-limits/%2F/max-connections", "")
	d.wants(200, "GET /api/vhost-limits", "", `[]`)
	d.wants(204, "POST /api/users/bulk-delete", `{"users":["alice"]}`)
	d.wants(204, "DELETE /api/users/bob", "")
	d.wants(404, "DELETE /api/users/bob", "")
}

// Each route refuses who has not the tag that it asks for, and whoever does not say who he is.
func TestEveryRouteAsksWhoItIs(t *testing.T) {
	d := newDesk(t)
	for name, tag := range map[string]string{"nobody": "", "manager": access.Management, "monitor": access.Monitoring, "maker": access.PolicyMaker} {
		if _, err := d.users.Put(t.Context(), name, access.Change{Password: &name, Tags: &[]string{tag}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range endpoints {
		path := strings.NewReplacer("{vhost}", "%2F", "{", "", "}", "").Replace(e.path)
		ask := func(as string) int {
			d.as = as
			return d.ask(e.method + " " + path).Code
		}
		if ask("nobody:nobody") != 401 || ask(":") != 401 {
			t.Errorf("%s %s: a stranger was answered", e.method, e.path)
		}
		if e.need.tag == "" {
			t.Errorf("%s %s asks for no tag", e.method, e.path)
		}
		for _, name := range []string{"manager", "monitor", "maker"} {
			u, _ := d.users.Get(name)
			if status := ask(name + ":" + name); !access.Tagged(u.Tags, e.need.tag) && status != 401 {
				t.Errorf("%s %s: status %d for the tags %s", e.method, e.path, status, u.Tags)
			}
		}
		if e.need.inHost && ask("manager:manager") != 401 {
			t.Errorf("%s %s: who may not use the virtual host was answered", e.method, e.path)
		}
		if strings.Contains(e.path, "{vhost}") && !e.need.inHost && e.need.tag != access.Administrator {
			t.Errorf("%s %s does not ask for the virtual host", e.method, e.path)
		}
	}
}

func TestTheGuardOfThePort(t *testing.T) {
	d := newDesk(t)
	r := httptest.NewRequest("DELETE", "http://desk/api/vhosts/%2F", nil)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	w := httptest.NewRecorder()
	d.admin.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusForbidden {
		t.Errorf("a request from another site: %d", w.Code)
	}
	w = httptest.NewRecorder()
	d.admin.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/api/whoami", nil))
	body, _ := io.ReadAll(w.Body)
	if w.Code != 401 || w.Header().Get("WWW-Authenticate") == "" || !strings.Contains(string(body), "not_authorized") {
		t.Errorf("%d %s %s", w.Code, w.Header(), body)
	}
	if !strings.Contains(w.Header().Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("%s", w.Header())
	}
}

func TestListsArePagedSortedAndChosen(t *testing.T) {
	d := newDesk(t)
	for _, name := range []string{"b1", "a1", "a2", "c"} {
		d.wants(201, "PUT /api/queues/%2F/"+name, "")
	}
	d.lists("GET /api/queues?columns=name", "name", "a1", "a2", "b1", "c")
	d.lists("GET /api/queues?sort=name&sort_reverse=true", "name", "c", "b1", "a2", "a1")
	d.wants(200, "GET /api/queues?page=2&page_size=3&columns=name", "",
		`{"filtered_count":4,"item_count":1,"items":[{"name":"c"}],"page":2,"page_count":2,"page_size":3,"total_count":4}`)
	d.wants(200, "GET /api/queues?page=1&name=%5Ea&use_regex=true&columns=name", "", `"filtered_count":2`, `"items":[{"name":"a1"},{"name":"a2"}]`)
	d.wants(400, "GET /api/queues?page=9", "", "page_out_of_range")
	d.wants(400, "GET /api/queues?page=x", "")
	d.wants(400, "GET /api/queues?page=1&name=(&use_regex=true", "")
}

// Who may look at lists may not have the broker search them for as long as he likes.
func TestASearchTakesOnlySoLong(t *testing.T) {
	many := list(make([]vhostJSON, 200))
	many.row = func(int, columns) any { return vhostJSON{Name: strings.Repeat("a", 40) + "!"} }
	_, err := many.filter(url.Values{"page": {"1"}, "use_regex": {"true"}, "name": {"^(?=(a+)+$)"}})
	if err == nil || !strings.Contains(err.Error(), "takes too long") {
		t.Error(err)
	}
}

// Of a long list, only what is shown is made.
func TestAPageMakesItsRowsAlone(t *testing.T) {
	made := 0
	many := listOf(make([]int, 10_000), func(int, columns) vhostJSON {
		made++
		return vhostJSON{Name: "v"}
	})
	if err := many.reply(httptest.NewRecorder(), url.Values{"page": {"3"}, "page_size": {"50"}}); err != nil || made != 50 {
		t.Errorf("%d were made: %v", made, err)
	}
}

// A list is sent while it is made, and no more is made for who is gone.
func TestALongListIsNotHeld(t *testing.T) {
	made := 0
	many := listOf(make([]int, 100_000), func(int, columns) vhostJSON {
		made++
		return vhostJSON{Name: "v"}
	})
	gone := &goneWriter{ResponseRecorder: httptest.NewRecorder()}
	if err := many.reply(gone, nil); err != nil || made > 1000 || gone.largest > 2*pieces {
		t.Errorf("%d were made, %d bytes sent at once: %v", made, gone.largest, err)
	}
}

// So it is with bindings and consumers, of which a broker may have more than queues: a page of them costs less than something for each.
func TestAPageOfBindingsOrConsumers(t *testing.T) {
	const many = 2000
	d := newDesk(t)
	v, _ := d.core.VHost("/")
	c := v.NewClient("test")
	var b core.Burst
	b.Begin(d.core.Now())
	if _, err := c.DeclareQueue(t.Context(), &b, core.QueueSpec{Name: "q"}); err != nil {
		t.Fatal(err)
	}
	for i := range many {
		tag := fmt.Sprintf("%04d", i)
		if err := c.Bind(t.Context(), &b, route.Binding{Source: "amq.topic", Destination: "q", ToQueue: true, Key: tag}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Consume(t.Context(), &b, core.ConsumeSpec{Queue: "q", Tag: tag}, nobody{}, nil); err != nil {
			t.Fatal(err)
		}
	}
	d.wants(200, "GET /api/bindings?page=1&page_size=1", "", `"routing_key":"q"`, fmt.Sprintf(`"total_count":%d`, many+1))
	for path, field := range map[string]string{"/api/bindings": "routing_key", "/api/consumers": "consumer_tag"} {
		last := fmt.Sprintf("GET %s?page=%d&page_size=1&columns=%s", path, many, field)
		want := map[string]string{"routing_key": "1998", "consumer_tag": "1999"}[field] // the binding to the default exchange is the first
		d.wants(200, last, "", fmt.Sprintf(`"items":[{%q:%q}]`, field, want))
		if n := testing.AllocsPerRun(3, func() { d.ask(last) }); n > 2*many {
			t.Errorf("%s: %v allocations for a row", path, n)
		}
	}
}

// nobody takes nothing.
type nobody struct{}

func (nobody) Deliver(core.Delivery) core.Taken { return core.Taken{Refused: true} }
func (nobody) Cancelled(*core.Consumer)         {}
func (nobody) Wake(*core.Burst)                 {}

// goneWriter goes to somebody who has left.
type goneWriter struct {
	*httptest.ResponseRecorder
	largest int
}

func (w *goneWriter) Write(b []byte) (int, error) {
	w.largest = max(w.largest, len(b))
	return 0, io.ErrClosedPipe
}

// Whoever asks for columns sees of each thing what he would have seen of the whole.
func TestColumnsAreThoseOfTheWhole(t *testing.T) {
	d := newDesk(t)
	d.wants(201, "PUT /api/policies/%2F/p", `{"pattern":".*","definition":{"max-length":7}}`)
	d.wants(201, "PUT /api/queues/%2F/q", `{"arguments":{"x-max-length":5,"x-queue-type":"classic"}}`)
	d.wants(201, "PUT /api/queues/%2F/r", "")
	d.wants(200, "POST /api/exchanges/%2F/amq.default/publish", `{"properties":{},"routing_key":"q","payload":"x","payload_encoding":"string"}`)
	d.wants(201, "PUT /api/users/alice", `{"password":"wonder","tags":"monitoring,eu"}`)
	for _, path := range []string{"queues", "exchanges", "vhosts", "users", "bindings", "policies", "feature-flags"} {
		var whole []map[string]any
		if err := json.Unmarshal(d.ask("GET /api/"+path).Body.Bytes(), &whole); err != nil || len(whole) == 0 {
			t.Fatal(path, err)
		}
		names := map[string]bool{"none": true, "name.none": true}
		for _, item := range whole {
			for name, value := range item {
				names[name] = true
				inner, _ := value.(map[string]any)
				for below := range inner {
					names[name+"."+below] = true
				}
			}
		}
		for name := range names {
			want := make([]map[string]any, len(whole))
			for i, item := range whole {
				want[i] = map[string]any{}
				first, below, deeper := strings.Cut(name, ".")
				value := item[first]
				if deeper {
					inner, _ := value.(map[string]any)
					if value = inner[below]; value != nil {
						value = map[string]any{below: value}
					}
				}
				if value != nil {
					want[i][first] = value
				}
			}
			text, _ := json.Marshal(want)
			d.wants(200, "GET /api/"+path+"?columns="+name, "", string(text))
		}
	}
	d.wants(200, "GET /api/queues?columns=effective_policy_definition,effective_policy_definition.max-length,name", "",
		`[{"effective_policy_definition":{"max-length":7},"name":"q"},`)
	d.wants(400, "GET /api/queues?columns="+strings.Repeat("a,", maxColumns), "", "bad_request")
}
