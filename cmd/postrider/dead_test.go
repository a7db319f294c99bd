package main

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/probe"
	"github.com/postrider-mq/postrider/internal/client"
)

// application is a program that uses a broker as any AMQP client does.
type application struct {
	t *testing.T
	*probe.Channel
}

func newApplication(t *testing.T, url string) *application {
	t.Helper()
	at, err := client.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	l, err := probe.Dial(t.Context(), at, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	c, err := l.Channel(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return &application{t, c}
}

func (a *application) declares(queue string, args amqp.Table) {
	a.t.Helper()
	if err := a.Declare(a.t.Context(), queue, args); err != nil {
		a.t.Fatal(err)
	}
}

func (a *application) publishes(queue, body string, p amqp.Properties) {
	a.t.Helper()
	props, err := p.Append(nil)
	if err == nil {
		err = a.Publish(a.t.Context(), queue, props, []byte(body))
	}
	if err != nil {
		a.t.Fatal(err)
	}
}

func (a *application) finds(queue, body string) *amqp.Properties {
	a.t.Helper()
	m, err := a.Get(a.t.Context(), queue)
	if err != nil || m == nil || string(m.Body) != body {
		a.t.Fatalf("%+v, %v; want %s in %s", m, err, body, queue)
	}
	p := new(amqp.Properties)
	if err := p.Parse(m.Props, nil); err != nil {
		a.t.Fatal(err)
	}
	return p
}

// died is an entry of x-death as RabbitMQ writes it.
func died(queue, reason string, count int64) amqp.Table {
	return amqp.Table{
		"queue": queue, "reason": reason, "count": count, "time": time.Unix(1_800_000_000, 0), "exchange": "shop", "routing-keys": []any{"order.new"},
	}
}

func TestDeadLettersOfAnApplicationGoBackToWhereTheyDied(t *testing.T) {
	t.Parallel()
	_, url := serving(t, "--memory")
	app := newApplication(t, url)
	for _, queue := range []string{"orders", "orders.wait", "bills", "dlq", "copies"} {
		app.declares(queue, nil)
	}
	app.publishes("dlq", "one", amqp.Properties{Headers: amqp.Table{
		"x-death": []any{died("orders", "rejected", 2)}, "x-first-death-queue": "orders", "x-first-death-reason": "rejected",
		"x-delivery-count": int64(2), "shop": "north",
	}})
	app.publishes("dlq", "two", amqp.Properties{MessageID: "b-2", AppID: "till", Headers: amqp.Table{
		"x-death": []any{died("orders.wait", "expired", 3), died("bills", "delivery_limit", 1), died("orders", "rejected", 1)},
	}})
	app.publishes("dlq", "three", amqp.Properties{MessageID: "b-3", Headers: amqp.Table{"x-first-death-queue": "bills", "x-first-death-reason": "maxlen"}})
	app.publishes("dlq", "four", amqp.Properties{MessageID: "b-4"})

	const when = "2027-01-15T08:00:00Z, by way of exchange shop with key order.new\n"
	runs(t, "dead", "ls", "dlq", "--queue", "--broker", url).wants(t, exitOK,
		"@1  from -  rejected, in orders, 2 times, "+when+
			"b-2  from till  delivered too often, in bills, "+when+
			"b-3  from -  dropped from a full queue, in bills\n"+
			"b-4  from -  does not say why\n")
	runs(t, "dead", "show", "dlq", "@1", "--queue", "--broker", url).wants(t, exitOK,
		"id             @1\nfrom           -\ncontent type   -\ndied           rejected, in orders, 2 times, "+when+"\none\n")
	var l letter
	decodeLines(t, runs(t, "dead", "show", "dlq", "b-2", "--queue", "--json", "--broker", url).stdout, &l)
	if l.Origin != "bills" || l.Reason != "delivery_limit" || len(l.Deaths) != 3 || l.Deaths[0].Count != 3 || l.Deaths[0].RoutingKeys[0] != "order.new" {
		t.Errorf("%+v", l)
	}

	runs(t, "dead", "redrive", "dlq", "@1", "@9", "--queue", "--broker", url).wants(t, exitFailed, "1 message is back in orders\n", "there is no dead letter @9 in dlq")
	runs(t, "dead", "redrive", "dlq", "--queue", "--broker", url).wants(t, exitFailed, "2 messages are back in bills\n", "the letter b-4 in dlq does not say where it was", "--to")
	runs(t, "dead", "redrive", "dlq", "--queue", "--to", "orders", "--broker", url).wants(t, exitOK, "1 message is back in orders\n")
	if h := app.finds("orders", "one").Headers; h["shop"] != "north" || h["x-death"] != nil || h["x-first-death-queue"] != nil || h["x-delivery-count"] != nil {
		t.Error("it has not its own headers alone:", h)
	}
	app.finds("bills", "two")
	app.finds("bills", "three")
	app.finds("orders", "four")
	runs(t, "dead", "ls", "none", "--queue", "--broker", url).wants(t, exitFailed, "", "no queue 'none'")
}

func TestADeadLetterGoesBackToOneQueue(t *testing.T) {
	t.Parallel()
	_, url := serving(t, "--memory")
	app := newApplication(t, url)
	app.declares("copies", nil)
	app.declares("orders.dead", nil)
	app.declares("orders", amqp.Table{"x-max-length": 1, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "orders.dead"})
	app.publishes("orders", "first", amqp.Properties{MessageID: "a-1"})
	app.publishes("orders", "second", amqp.Properties{MessageID: "a-2"}) // which drops the first
	app.finds("orders", "second")

	app.publishes("orders.dead", "third", amqp.Properties{MessageID: "a-3", Headers: amqp.Table{
		"CC": []any{"copies"}, "x-death": []any{died("orders", "rejected", 1)},
	}})
	app.finds("copies", "third") // as it was published to
	runs(t, "dead", "redrive", "orders", "a-3", "--json", "--broker", url).wants(t, exitOK, `{"mailbox":"orders.dead","moved":1,"to":"orders"}`+"\n")
	runs(t, "dead", "redrive", "orders", "a-3", "--json", "--broker", url).wants(t, exitFailed, `{"mailbox":"orders.dead","moved":0,"to":"orders"}`+"\n", "no dead letter a-3")
	app.finds("orders", "third")
	if m, err := app.Get(t.Context(), "copies"); m != nil || err != nil {
		t.Error("it went elsewhere, too:", m, err)
	}
	runs(t, "dead", "redrive", "orders", "--broker", url).wants(t, exitOK, "1 message is back in orders\n")
	app.finds("orders", "first")
}

// A letter may have been published in the name of a user, and have headers that cannot be read here.
func TestALetterOfAnotherUserGoesBack(t *testing.T) {
	raw := append([]byte{0, 0, 0, 0, 2, 'C', 'C', 'A', 0, 0, 0, 0, 1, 'a', 'S', 0, 1, 0x80, 0}, make([]byte, 96<<10)...)
	binary.BigEndian.PutUint32(raw, uint32(len(raw)-4))
	p := amqp.Properties{UserID: "till", RawHeaders: raw}
	props, err := p.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	l, err := newLetter(&probe.Message{Props: props}, 1)
	if err != nil {
		t.Fatal(err)
	}
	for user, want := range map[string]string{"guest": "", "till": "till"} {
		got, err := l.revived(user)
		if err != nil || p.ParseRaw(got, nil) != nil || p.UserID != want {
			t.Errorf("by %s it is published as %s's, %v", user, p.UserID, err)
		}
		if _, cc, _ := amqp.LookupTable(p.RawHeaders, "CC"); cc || len(p.RawHeaders) < 96<<10 {
			t.Errorf("%d bytes of headers, CC among them: %v", len(p.RawHeaders), cc)
		}
	}
}

// Anybody may write into the headers of a letter what no broker and no node would.
func TestHeadersThatNobodyHadToWriteAreTakenForWhatTheyAre(t *testing.T) {
	for name, h := range map[string]amqp.Table{
		"no list": {"x-death": "often"}, "a table": {"x-death": amqp.Table{"queue": "orders"}}, "no tables": {"x-death": []any{"orders", int64(3)}},
		"no queue":  {"x-death": []any{amqp.Table{"reason": "expired", "count": int64(1)}, amqp.Table{"queue": int64(7)}}},
		"no number": {nodeHeader + "tries": "many", nodeHeader + "reason": int64(5)}, "no such number": {nodeHeader + "tries": int64(-5)},
	} {
		props, err := (&amqp.Properties{Headers: h}).Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		l, err := newLetter(&probe.Message{Props: props}, 3)
		if err != nil || l.handled() || len(l.Deaths) > 0 || l.name() != "@3" || l.history() != "does not say why" {
			t.Errorf("%s: %+v, %v", name, l, err)
		}
	}
}

// To look at a message is to have it delivered, which a queue may count, and lose it for.
func TestALookThatCountsIsTold(t *testing.T) {
	t.Parallel()
	_, url := serving(t, "--memory")
	app := newApplication(t, url)
	app.declares("dlq", amqp.Table{"x-queue-type": "quorum", "x-delivery-limit": 2})
	app.declares("ours", client.Mailbox("").OnRabbitMQ)
	app.declares("classic", nil)
	const note = "counts each look at a message as a delivery"
	for _, queue := range []string{"dlq", "ours", "classic"} {
		app.publishes(queue, "one", amqp.Properties{MessageID: "a-1"})
	}
	for _, verb := range [][]string{{"mailbox", "peek", "dlq"}, {"dead", "ls", "dlq", "--queue"}, {"dead", "show", "dlq", "a-1", "--queue"}} {
		if o := runs(t, append(verb, "--broker", url)...); o.code != exitOK || !strings.Contains(o.stderr, "note: dlq "+note) {
			t.Errorf("%v: exit code %d, %s", verb, o.code, o.stderr)
		}
	}
	runs(t, "mailbox", "peek", "dlq", "--broker", url).wants(t, exitOK, "") // as it was told
	for _, queue := range []string{"ours", "classic"} {
		if o := runs(t, "mailbox", "peek", queue, "--broker", url); o.code != exitOK || o.stderr != "" {
			t.Errorf("%s: exit code %d, %s", queue, o.code, o.stderr)
		}
	}
}
