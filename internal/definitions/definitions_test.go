package definitions

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/access"
	"github.com/postrider-mq/postrider/internal/core"
	"github.com/postrider-mq/postrider/internal/disk"
	"github.com/postrider-mq/postrider/internal/route"
)

// openBroker returns a fresh broker; with a nil disk one in memory.
func openBroker(t *testing.T, d disk.FS) Broker {
	t.Helper()
	c, err := core.Open(core.Config{FS: d})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return Broker{Core: c, Users: access.NewUsers(), Version: "test"}
}

func (b Broker) mustImport(t *testing.T, text, vhost string) *Report {
	t.Helper()
	report, err := b.Import(context.Background(), []byte(text), vhost, nil)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func texts(notes []Note) (list []string) {
	for _, n := range notes {
		list = append(list, n.String())
	}
	return list
}

func wantNotes(t *testing.T, what string, notes []Note, want ...string) {
	t.Helper()
	if got := texts(notes); !slices.Equal(got, want) {
		t.Errorf("%s:\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// fromRabbitMQ is a file that RabbitMQ 3.10.8 wrote.
func fromRabbitMQ(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("testdata/rabbitmq-3.10.json")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func exported(t *testing.T, v any) string {
	t.Helper()
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestWhatRabbitMQWrote(t *testing.T) {
	b := openBroker(t, disk.NewMem())
	report := b.mustImport(t, fromRabbitMQ(t), "")
	wantNotes(t, "problems", report.Problems)
	wantNotes(t, "warnings", report.Warnings,
		"policies[2] 'ttl' in vhost 'orders': settings without effect here: ha-mode, ha-params",
		"queues[3] 'amq.gen-jSJxeyMlCJnrDP1h9m0zmg' in vhost 'orders': its name is one of those that the broker gives, and it is not imported",
		"bindings[1] 'amq.topic' in vhost 'orders': its queue has one of the names that the broker gives, and neither is imported")
	first := exported(t, b.Export())
	b.sameAs(t, fromRabbitMQ(t))

	again := b.mustImport(t, fromRabbitMQ(t), "")
	wantNotes(t, "problems the second time", again.Problems)
	if second := exported(t, b.Export()); second != first {
		t.Errorf("a second import made a difference:\n%s", second)
	}

	other := openBroker(t, nil)
	report = other.mustImport(t, first, "")
	wantNotes(t, "problems with our own export", report.Problems)
	if twin := exported(t, other.Export()); twin != first {
		t.Errorf("our own export was not read back:\n%s\nwant\n%s", twin, first)
	}
}

// sameAs compares what the broker has with what a file says, part by part, in
// no order, without what is not imported.
func (b Broker) sameAs(t *testing.T, file string) {
	t.Helper()
	var want, got map[string]any
	if err := errors.Join(json.Unmarshal([]byte(file), &want), json.Unmarshal([]byte(exported(t, b.Export())), &got)); err != nil {
		t.Fatal(err)
	}
	for _, part := range parts {
		if g, w := lines(got[part.name]), lines(want[part.name]); !slices.Equal(g, w) {
			t.Errorf("%s are\n%s\nwant\n%s", part.name, strings.Join(g, "\n"), strings.Join(w, "\n"))
		}
	}
}

// lines are the items of a part in one form, as JSON.
func lines(part any) (list []string) {
	items, _ := part.([]any)
	for _, x := range items {
		item := x.(map[string]any)
		text := func(key string) string { s, _ := item[key].(string); return s }
		if strings.HasPrefix(text("name"), "amq.") || strings.HasPrefix(text("destination"), "amq.") || text("name") == "/" {
			continue
		}
		delete(item, "limits") // of a virtual host: they are a parameter
		if text("type") == "topic" || text("type") == "direct" || text("type") == "fanout" || text("type") == "headers" {
			delete(item, "internal") // the command-line export leaves it out
		}
		if meta, ok := item["metadata"].(map[string]any); ok {
			tags := (&tagReader{}).tags(meta["tags"])
			meta["tags"] = tags
		}
		if value, ok := item["value"].(map[string]any); ok {
			if d, ok := objectOf(value["definition"]); ok {
				value["definition"] = d
			}
		}
		line, _ := json.Marshal(item)
		list = append(list, string(line))
	}
	slices.Sort(list)
	return list
}

type tagReader struct{}

func (*tagReader) tags(v any) []string {
	it := &item{fields: map[string]any{"tags": v}, taken: map[string]bool{}}
	return it.tags("tags")
}

func TestUsersOfRabbitMQLogIn(t *testing.T) {
	b := openBroker(t, nil)
	b.mustImport(t, fromRabbitMQ(t), "")
	authority := access.NewAuthority(b.Users)
	local := access.Peer{TLS: true}
	user, err := authority.Login(context.Background(), "PLAIN", []byte("\x00alice\x00secret"), local)
	if err != nil || !slices.Equal(user.Tags(), []string{"monitoring", "policymaker", "own"}) {
		t.Fatalf("alice, with her password of RabbitMQ: %v", err)
	}
	if _, err := authority.Login(context.Background(), "PLAIN", []byte("\x00alice\x00wrong"), local); err == nil {
		t.Error("alice came in with a wrong password")
	}
	// By now her hash is one of our own, which RabbitMQ does not know.
	for _, u := range b.Export().Users {
		if u.Name == "alice" && (u.Hash != "" || !strings.HasPrefix(u.Argon2id, "$argon2id$")) {
			t.Errorf("exported as %+v", u)
		}
	}
	other := openBroker(t, nil)
	wantNotes(t, "problems", other.mustImport(t, exported(t, b.Export()), "").Problems)
	if _, err := access.NewAuthority(other.Users).Login(context.Background(), "PLAIN", []byte("\x00alice\x00secret"), local); err != nil {
		t.Errorf("alice, moved on: %v", err)
	}
}

func TestOneVirtualHost(t *testing.T) {
	b := openBroker(t, nil)
	b.mustImport(t, fromRabbitMQ(t), "")
	orders, _ := b.Core.VHost("orders")
	text := exported(t, b.ExportVHost(orders))
	for _, foreign := range []string{"users", `"vhost"`, "permissions", "global_parameters"} {
		if strings.Contains(text, foreign) {
			t.Errorf("the export of one virtual host has %s", foreign)
		}
	}
	report := b.mustImport(t, text, "empty")
	wantNotes(t, "problems", report.Problems)
	empty, _ := b.Core.VHost("empty")
	if got := exported(t, b.ExportVHost(empty)); got != text {
		t.Errorf("the copy is\n%s\nwant\n%s", got, text)
	}
	report = b.mustImport(t, text, "")
	if len(report.Problems) == 0 || !strings.Contains(report.Problems[0].Text, "in which vhost") {
		t.Errorf("imported into no virtual host: %v", texts(report.Problems))
	}
	report = b.mustImport(t, fromRabbitMQ(t), "empty")
	wantNotes(t, "warnings", report.Warnings[:4],
		"users: they belong to the broker, and are not imported into a vhost",
		"vhosts: they belong to the broker, and are not imported into a vhost",
		"permissions: they belong to the broker, and are not imported into a vhost",
		"topic_permissions: they belong to the broker, and are not imported into a vhost")
}

func TestProblemsHaveAPlace(t *testing.T) {
	b := openBroker(t, nil)
	report := b.mustImport(t, `{
		"users": [{"name": "nobody", "tags": ""}, 5, {"tags": []}, {"name": "x", "tags": 5, "password_hash": ""}],
		"permissions": [{"user": "who", "vhost": "/", "configure": "", "write": "", "read": ""}],
		"exchanges": [
			{"name": "a", "vhost": "/", "type": "direct", "durable": true},
			{"name": "a", "vhost": "/", "type": "fanout", "durable": true},
			{"name": "b", "vhost": "/", "type": "x-nonsense", "durable": true},
			{"name": "amq.fanout", "vhost": "/", "type": "fanout", "durable": true},
			{"name": "c", "vhost": "/", "type": "topic", "durable": true, "colour": "red"}
		],
		"policies": [{"vhost": "/", "name": "p", "pattern": "(", "definition": {"expires": 0}}],
		"parameters": [{"vhost": "/", "component": "policy", "name": "p", "value": {}}],
		"queues": [
			{"name": "good", "vhost": "/", "durable": true, "type": "quorum"},
			{"name": "undecided", "vhost": "/"},
			{"name": "elsewhere", "vhost": "nowhere", "durable": true},
			{"name": "null", "vhost": "/", "durable": true, "arguments": {"x-a": null}},
			{"name": "negative", "vhost": "/", "durable": true, "arguments": {"x-expires": 0}},
			{"name": "lost", "durable": true}
		],
		"bindings": [
			{"source": "a", "vhost": "/", "destination": "good", "destination_type": "queue", "routing_key": "k"},
			{"source": "a", "vhost": "/", "destination": "none", "destination_type": "queue", "routing_key": "k"},
			{"source": "a", "vhost": "/", "destination": "good", "destination_type": "thing", "routing_key": "k"}
		],
		"topic_permissions": {},
		"users_of_another_time": []
	}`, "")
	wantNotes(t, "problems", report.Problems,
		"users[0] 'nobody': a user needs a password, or an empty password_hash to have none",
		"users[1]: want an object",
		`users[2]: "name" is missing`,
		`users[3] 'x': "tags" should be a list of texts, or one text with commas`,
		"permissions[0] 'who' in vhost '/': there is no user 'who'",
		"topic_permissions: want a list",
		"exchanges[2] 'b' in vhost '/': unknown exchange type 'x-nonsense'",
		`policies[0] 'p' in vhost '/': expires is 0: want a whole number, 1 or more; the pattern "(" is no regular expression: missing ), at byte 1`,
		"parameters[0] 'p' in vhost '/': policies may not be set using this method",
		`queues[1] 'undecided' in vhost '/': "durable" is missing`,
		"queues[2] 'elsewhere' in vhost 'nowhere': there is no vhost 'nowhere'",
		"queues[3] 'null' in vhost '/': arguments: x-a: null is not allowed",
		"queues[4] 'negative' in vhost '/': invalid arg 'x-expires' for queue 'negative' in vhost '/': {value_zero,0}",
		"queues[5] 'lost': it does not say in which vhost it is: import it into one",
		"bindings[1] 'a' in vhost '/': no queue 'none' in vhost '/'",
		`bindings[2] 'a' in vhost '/': "destination_type" is 'thing', want queue or exchange`)
	// Of two exchanges of one name either may come first.
	warnings := slices.DeleteFunc(texts(report.Warnings), func(s string) bool { return strings.Contains(s, "'a' in vhost") })
	if want := []string{
		"exchanges[3] 'amq.fanout' in vhost '/': it is there by itself, and not imported",
		`exchanges[4] 'c' in vhost '/': "colour" has no meaning here and is left out`,
		"queues[0] 'good' in vhost '/': its type is 'quorum' without the argument x-queue-type: as in RabbitMQ it becomes a classic queue",
		"users_of_another_time: it has no meaning here and is left out",
	}; !slices.Equal(warnings, want) {
		t.Errorf("warnings:\n%s\nwant\n%s", strings.Join(warnings, "\n"), strings.Join(want, "\n"))
	}
	if report.Imported["queues"] != 1 || report.Imported["bindings"] != 1 || report.Imported["exchanges"] != 4 {
		t.Errorf("imported %v", report.Imported)
	}
	if err := report.Err(); err == nil || !strings.Contains(err.Error(), "(and 15 more)") {
		t.Errorf("as an error: %v", err)
	}
}

func TestWhatIsNoDefinitionsFile(t *testing.T) {
	b := openBroker(t, nil)
	for _, text := range []string{"x", "[]", "5", "{} {}", `{"queues": [}`} {
		if _, err := b.Import(context.Background(), []byte(text), "", nil); !errors.Is(err, ErrNotDefinitions) {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{"", "{}", `{"queues": [], "users": null}`} {
		if report := b.mustImport(t, text, ""); report.Err() != nil {
			t.Errorf("%q: %v", text, report.Err())
		}
	}
}

// What is not in UTF-8 would come to other names than the file has: nothing of it is imported.
func TestAFileThatIsNotInUTF8(t *testing.T) {
	b := openBroker(t, nil)
	file := "{\"queues\": [\n" + `{"vhost": "/", "name": "grün", "durable": true, "auto_delete": false, "arguments": {}},` + "\n" +
		"{\"vhost\": \"/\", \"name\": \"gr\xfcn\", \"durable\": true, \"auto_delete\": false, \"arguments\": {}}]}"
	_, err := b.Import(t.Context(), []byte(file), "", nil)
	if !errors.Is(err, ErrNotDefinitions) || !strings.Contains(err.Error(), "line 3 is not in UTF-8") || !strings.Contains(err.Error(), "0xfc") {
		t.Error(err)
	}
	if v, _ := b.Core.VHost("/"); v.QueueCount() > 0 {
		t.Error("a part of it was imported")
	}
	utf16 := []byte{0xff, 0xfe, '{', 0, '}', 0}
	if _, err := b.Import(t.Context(), utf16, "", nil); !errors.Is(err, ErrNotDefinitions) || !strings.Contains(err.Error(), "byte 1 of the file is 0xff") {
		t.Error(err)
	}
}

// Clients may use any bytes as a routing key or in arguments. A document that says something else in their place would be no copy.
func TestWhatJSONCannotSay(t *testing.T) {
	for problem, do := range map[string]func(*core.Client, *core.Burst) error{
		"": func(c *core.Client, b *core.Burst) error {
			return c.Bind(t.Context(), b, route.Binding{Source: "amq.topic", Destination: "q", ToQueue: true, Key: "grün \ufffd"})
		},
		`binding of queue 'q' to exchange 'amq.topic' in vhost '/': the routing key "\xff.a" is not UTF-8`: func(c *core.Client, b *core.Burst) error {
			return c.Bind(t.Context(), b, route.Binding{Source: "amq.topic", Destination: "q", ToQueue: true, Key: "\xff.a"})
		},
		`binding of queue 'q' to exchange 'amq.headers' in vhost '/': the argument "\xfe" is not UTF-8`: func(c *core.Client, b *core.Burst) error {
			args := amqp.Table{"list": []any{int32(1), amqp.Table{"in": []byte("\xfe")}}}
			return c.Bind(t.Context(), b, route.Binding{Source: "amq.headers", Destination: "q", ToQueue: true, Args: args})
		},
		`queue 'odd' in vhost '/': the argument "x-\xfd" is not UTF-8`: func(c *core.Client, b *core.Burst) error {
			_, err := c.DeclareQueue(t.Context(), b, core.QueueSpec{Name: "odd", Args: amqp.Table{"x-\xfd": true}})
			return err
		},
		`exchange 'odd' in vhost '/': the argument "\xfc" is not UTF-8`: func(c *core.Client, b *core.Burst) error {
			return c.DeclareExchange(t.Context(), b, route.Exchange{Name: "odd", Kind: route.Fanout, Args: amqp.Table{"alternate-exchange": "\xfc"}})
		},
	} {
		b := openBroker(t, nil)
		b.mustImport(t, `{"queues": [{"vhost": "/", "name": "q", "durable": true, "auto_delete": false, "arguments": {}}]}`, "")
		v, _ := b.Core.VHost("/")
		if err := v.Operator().Do(do); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(b.Export().Sayable()); got != cmp.Or(problem, "<nil>") {
			t.Errorf("the problem is %s, want %s", got, problem)
		}
		if got := fmt.Sprint(b.ExportVHost(v).Sayable()); got != cmp.Or(strings.Replace(problem, " in vhost '/'", "", 1), "<nil>") {
			t.Errorf("that of the virtual host alone is %s, want %s", got, problem)
		}
	}
}

func TestUsersOfTheConfigurationStay(t *testing.T) {
	b := openBroker(t, nil)
	b.Users.AddGuest(access.Full())
	report := b.mustImport(t, fromRabbitMQ(t), "")
	wantNotes(t, "problems", report.Problems)
	if w := texts(report.Warnings); !strings.Contains(w[0], "users[0] 'guest': the user is given by the broker's configuration") {
		t.Errorf("warnings: %q", w)
	}
}

// What was imported is there after a crash: all of it waits for the disk.
func TestAnImportIsSafeWhenItIsAnswered(t *testing.T) {
	for seed := range uint64(10) {
		d := disk.NewMem()
		b := openBroker(t, d)
		b.mustImport(t, fromRabbitMQ(t), "")
		want := exported(t, b.durable())
		after := d.Crash(seed)
		b.Core.Close()
		again := openBroker(t, after)
		if got := exported(t, again.durable()); got != want {
			t.Fatalf("seed %d: after the crash\n%s\nwant\n%s", seed, got, want)
		}
	}
}

// durable is what the core has to keep.
func (b Broker) durable() *Document {
	d := b.Export()
	d.Users, d.Permissions, d.TopicPermissions = nil, nil, nil // kept by a store, which is not there
	transient := func(q Queue) bool { return !q.Durable }
	d.Queues = slices.DeleteFunc(d.Queues, transient)
	d.Exchanges = slices.DeleteFunc(d.Exchanges, func(x Exchange) bool { return !x.Durable })
	d.Bindings = slices.DeleteFunc(d.Bindings, func(x Binding) bool { return x.Destination == "transient" })
	return d
}

func TestProgressOfALongImport(t *testing.T) {
	b := openBroker(t, nil)
	var file Document
	for i := range 1200 {
		file.Queues = append(file.Queues, Queue{Name: fmt.Sprint(i), VHost: "/", Durable: true})
	}
	var seen []string
	report, err := b.Import(context.Background(), []byte(exported(t, file)), "", func(p Progress) { seen = append(seen, fmt.Sprint(p)) })
	if err != nil || report.Err() != nil || report.Imported["queues"] != 1200 {
		t.Fatal(err, report)
	}
	if want := []string{"{queues 500 1200}", "{queues 1000 1200}", "{queues 1200 1200}"}; !slices.Equal(seen, want) {
		t.Errorf("progress was %q", seen)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := b.Import(ctx, []byte(exported(t, file)), "", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("an import that was given up: %v", err)
	}
}

func TestTooManyProblems(t *testing.T) {
	b := openBroker(t, nil)
	text := `{"queues": [` + strings.Repeat("1,", maxNotes) + `1, 1]}`
	report := b.mustImport(t, text, "")
	if len(report.Problems) != maxNotes || report.More != 2 {
		t.Errorf("%d problems and %d more", len(report.Problems), report.More)
	}
}
