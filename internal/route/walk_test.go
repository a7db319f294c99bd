package route

import (
	"fmt"
	"slices"
	"testing"

	"github.com/postrider-mq/postrider/amqp"
)

func mustBind(t testing.TB, table *Table[string], b Binding) *Table[string] {
	t.Helper()
	table, _, err := table.Bind(b)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func toQueue(source, queue, key string) Binding {
	return Binding{Source: source, Destination: queue, ToQueue: true, Key: key}
}

// A publish allocates nothing when dst has room, whatever the kind, and though its headers could be asked for.
func TestRouteDoesNotAllocate(t *testing.T) {
	table := New[string]("/")
	for i := range 20 {
		q := fmt.Sprint("q", i)
		table = table.AddQueue(q, q)
		table = mustBind(t, table, toQueue("amq.direct", q, "key"))
		table = mustBind(t, table, toQueue("amq.fanout", q, ""))
		table = mustBind(t, table, toQueue("amq.topic", q, "a.*.c"))
		table = mustBind(t, table, toQueue("amq.topic", q, "#.c"))
		table = mustBind(t, table, toQueue("amq.headers", q, ""))
	}
	table = mustBind(t, table, Binding{Source: "amq.match", Destination: "amq.topic"})
	dst := make([]string, 0, 20)
	props := amqp.Table{"h": "v"}
	for _, c := range []struct {
		exchange, key string
		queues        int
	}{{"", "q3", 1}, {"amq.direct", "key", 20}, {"amq.fanout", "", 20}, {"amq.topic", "a.b.c", 20}, {"amq.topic", "b.b", 0}, {"amq.match", "a.b.c", 20}} {
		allocs := testing.AllocsPerRun(100, func() {
			got, err := table.Route(c.exchange, &Letter{Key: c.key, Headers: props}, dst[:0])
			if err != nil || len(got) != c.queues {
				t.Fatalf("%v: %v %v", c, got, err)
			}
		})
		if allocs != 0 {
			t.Errorf("%q allocates %v times", c.exchange, allocs)
		}
	}
}

// What is listed can be asked for by name, and a listing may be left early.
func TestLookingAtATable(t *testing.T) {
	table := mustBind(t, New[string]("/").AddQueue("a", "A"), toQueue("amq.direct", "a", "k"))
	table = mustBind(t, table, toQueue("amq.fanout", "a", "k"))
	if q, ok := table.Queue("a"); !ok || q != "A" {
		t.Errorf("queue a is %q, %t", q, ok)
	}
	if _, ok := table.Queue("b"); ok {
		t.Error("there is a queue b")
	}
	if x, ok := table.Exchange("amq.topic"); !ok || x.Kind != Topic || !x.Durable {
		t.Errorf("amq.topic is %v, %t", x, ok)
	}
	if _, ok := table.Exchange("x"); ok {
		t.Error("there is an exchange x")
	}
	seen := 0
	for range table.Bindings() {
		seen++
		break
	}
	for range table.Exchanges() {
		seen++
		break
	}
	for range table.Queues() {
		seen++
		break
	}
	for b := range table.BindingsTo("nobody", true) {
		t.Errorf("nobody has %v", b)
	}
	if seen != 3 {
		t.Errorf("saw %d", seen)
	}
}

// A second key, such as a blind copy's, adds only the queues that the first did not find.
func TestRouteAddsToWhatIsFound(t *testing.T) {
	table := New[string]("/").AddQueue("a", "a").AddQueue("b", "b")
	table = mustBind(t, table, toQueue("amq.direct", "a", "k"))
	table = mustBind(t, table, toQueue("amq.direct", "b", "k"))
	found, _ := table.Route("", &Letter{Key: "b"}, nil)
	found, _ = table.Route("amq.direct", &Letter{Key: "k"}, found)
	found, _ = table.Route("", &Letter{Key: "a"}, found)
	if !slices.Equal(found, []string{"b", "a"}) {
		t.Errorf("got %q", found)
	}
}

// A thousand queues that match two patterns each are found once each.
func TestRouteToManyQueues(t *testing.T) {
	table := New[string]("/")
	for i := range 1000 {
		q := fmt.Sprint("q", i)
		table = table.AddQueue(q, q)
		table = mustBind(t, table, toQueue("amq.topic", q, "a.*"))
		table = mustBind(t, table, toQueue("amq.topic", q, "*.b"))
		table = mustBind(t, table, toQueue("amq.topic", q, fmt.Sprint("#.", i)))
	}
	got, err := table.Route("amq.topic", &Letter{Key: "a.b"}, nil)
	if slices.Sort(got); err != nil || len(got) != 1000 || len(slices.Compact(got)) != 1000 {
		t.Errorf("%d queues, %v", len(got), err)
	}
}

// A long chain of exchanges, closed to a circle, is walked once.
func TestRouteThroughAChain(t *testing.T) {
	table := New[string]("/").AddQueue("end", "end")
	const length = 300
	name := func(i int) string { return fmt.Sprint("x", i%length) }
	for i := range length {
		table, _ = table.Declare(Exchange{Name: name(i), Kind: Fanout})
	}
	for i := range length {
		table = mustBind(t, table, Binding{Source: name(i), Destination: name(i + 1)})
	}
	table = mustBind(t, table, toQueue(name(length-1), "end", ""))
	for _, from := range []int{0, 150, length - 1} {
		if got, err := table.Route(name(from), &Letter{Key: "k"}, nil); err != nil || len(got) != 1 {
			t.Errorf("from %d: %v %v", from, got, err)
		}
	}
}

const manyBindings, manyQueues = 100_000, 10_000

// manyTable binds 10,000 queues to amq.topic, each with ten keys of three words; one in ten has a wild card.
func manyTable(tb testing.TB) *Table[string] {
	table := New[string]("/")
	for i := range manyQueues {
		q := fmt.Sprint("queue.", i)
		table = table.AddQueue(q, q)
	}
	for i := range manyBindings {
		key := fmt.Sprintf("region%d.site%d.device%d", i%10, i%1000, i)
		if i%10 == 3 {
			key = fmt.Sprintf("region%d.*.device%d", i%7, i)
		}
		table = mustBind(tb, table, toQueue("amq.topic", fmt.Sprint("queue.", i%manyQueues), key))
	}
	return table
}

func BenchmarkRoute(b *testing.B) {
	table := manyTable(b)
	table = mustBind(b, table, toQueue("amq.direct", "queue.7", "key"))
	for i := range 10 {
		table = mustBind(b, table, toQueue("amq.fanout", fmt.Sprint("queue.", i), ""))
	}
	for _, c := range []struct{ name, exchange, key string }{
		{"default", "", "queue.777"},
		{"direct", "amq.direct", "key"},
		{"fanout10", "amq.fanout", ""},
		{"topic", "amq.topic", "region5.site555.device555"},
		{"topic/miss", "amq.topic", "region5.site555.nothing"},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			dst := make([]string, 0, 16)
			for b.Loop() {
				dst, _ = table.Route(c.exchange, &Letter{Key: c.key}, dst[:0])
			}
		})
	}
}

// One binding more, and one less, on an exchange that has 100,000.
func BenchmarkBind(b *testing.B) {
	table := manyTable(b)
	x := toQueue("amq.topic", "queue.5000", "region1.new.#")
	b.Run("bind", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, changed, err := table.Bind(x); !changed || err != nil {
				b.Fatal(err)
			}
		}
	})
	bound := mustBind(b, table, x)
	b.Run("unbind", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if next, _, err := bound.Unbind(x); next == bound || err != nil {
				b.Fatal(err)
			}
		}
	})
}
