package route

import (
	"fmt"
	"math/rand"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/postrider-mq/postrider/amqp"
)

// A model is a virtual host as a list of bindings, searched from front to back for every question.
type model struct {
	exchanges map[string]Exchange
	queues    map[string]bool
	bindings  []Binding
}

func newModel() *model {
	m := &model{exchanges: map[string]Exchange{}, queues: map[string]bool{}}
	for name, kind := range map[string]Kind{
		"amq.direct": Direct, "amq.fanout": Fanout, "amq.topic": Topic, "amq.headers": Headers, "amq.match": Headers,
	} {
		m.exchanges[name] = Exchange{Name: name, Kind: kind, Durable: true}
	}
	return m
}

func (m *model) clone() *model {
	c := &model{map[string]Exchange{}, map[string]bool{}, slices.Clone(m.bindings)}
	for k, v := range m.exchanges {
		c.exchanges[k] = v
	}
	for k := range m.queues {
		c.queues[k] = true
	}
	return c
}

func (m *model) exists(name string, isQueue bool) bool {
	if isQueue {
		return m.queues[name]
	}
	_, ok := m.exchanges[name]
	return ok
}

func (m *model) bind(b Binding) bool {
	if !m.exists(b.Source, false) || !m.exists(b.Destination, b.ToQueue) || m.indexOf(b) >= 0 {
		return false
	}
	m.bindings = append(m.bindings, b)
	return true
}

func (m *model) indexOf(b Binding) int {
	return slices.IndexFunc(m.bindings, func(o Binding) bool { return reflect.DeepEqual(o, b) })
}

func (m *model) unbind(b Binding) {
	if i := m.indexOf(b); i >= 0 {
		m.bindings = slices.Delete(m.bindings, i, i+1)
		m.autoDelete(b.Source)
	}
}

func (m *model) autoDelete(name string) {
	if m.exchanges[name].AutoDelete && !slices.ContainsFunc(m.bindings, func(b Binding) bool { return b.Source == name }) {
		m.remove(name, false)
	}
}

func (m *model) remove(name string, isQueue bool) {
	if isQueue {
		delete(m.queues, name)
	} else {
		delete(m.exchanges, name)
	}
	var sources []string
	m.bindings = slices.DeleteFunc(m.bindings, func(b Binding) bool {
		to := b.ToQueue == isQueue && b.Destination == name
		if to {
			sources = append(sources, b.Source)
		}
		return to || !isQueue && b.Source == name
	})
	for _, s := range sources {
		if m.exists(s, false) {
			m.autoDelete(s)
		}
	}
}

func (m *model) route(name string, keys []string, headers amqp.Table, found, visited map[string]bool) {
	x, ok := m.exchanges[name]
	if !ok || visited[name] {
		return
	}
	visited[name] = true
	if _, later := headers["x-delay"]; later && x.Kind == Delayed {
		found["later by "+name] = true
		return
	}
	matched := false
	for _, b := range m.bindings {
		matches := func(key string) bool { return bindingMatches(x.Shape(), b, key, headers) }
		if b.Source != name || !slices.ContainsFunc(keys, matches) {
			continue
		}
		matched = true
		if b.ToQueue {
			found[b.Destination] = true
		} else {
			m.route(b.Destination, keys, headers, found, visited)
		}
	}
	if !matched {
		m.route(x.Alternate(), keys, headers, found, visited)
	}
}

func bindingMatches(kind Kind, b Binding, key string, headers amqp.Table) bool {
	switch kind {
	case Direct:
		return b.Key == key
	case Topic:
		return matchesNaively(wordsOf(b.Key), wordsOf(key))
	case Headers:
		hits, wanted := 0, 0
		for k, v := range b.Args {
			if k != "x-match" {
				wanted++
				if got, ok := headers[k]; ok && reflect.DeepEqual(got, v) {
					hits++
				}
			}
		}
		return hits == wanted && b.Args["x-match"] != "any" || hits > 0 && b.Args["x-match"] == "any"
	}
	return true
}

// A world is a table and its model, which are driven through the same random steps.
type world struct {
	t     *testing.T
	rnd   *rand.Rand
	table *Table[string]
	model *model
}

func (w *world) pick(from ...string) string { return from[w.rnd.Intn(len(from))] }
func (w *world) exchange() string {
	return w.pick("x1", "x2", "x3", "x4", "x5", "x6", "amq.direct", "amq.topic", "amq.headers", "amq.fanout")
}
func (w *world) queue() string { return fmt.Sprint("q", w.rnd.Intn(12)) }

func (w *world) key() string {
	words := make([]string, w.rnd.Intn(4))
	for i := range words {
		words[i] = w.pick("a", "b", "c", "*", "#")
	}
	return strings.Join(words, ".")
}

func (w *world) args() amqp.Table {
	if w.rnd.Intn(2) == 0 {
		return nil
	}
	return amqp.Table{"x-match": w.pick("all", "any"), w.pick("h1", "h2"): w.pick("v1", "v2")}
}

func (w *world) binding() Binding {
	b := Binding{Source: w.exchange(), Destination: w.queue(), ToQueue: true, Key: w.key(), Args: w.args()}
	if w.rnd.Intn(4) == 0 {
		b.Destination, b.ToQueue = w.exchange(), false
	}
	return b
}

func (w *world) step() {
	switch n := w.rnd.Intn(100); {
	case n < 8:
		w.addQueue(w.queue())
	case n < 18:
		w.declare()
	case n < 60:
		w.bind(w.binding())
	case n < 70:
		w.unbind(w.binding())
	case n < 92 && len(w.model.bindings) > 0:
		w.unbind(w.model.bindings[w.rnd.Intn(len(w.model.bindings))])
	case n < 95:
		name := w.queue()
		w.table, _ = w.table.RemoveQueue(name)
		w.model.remove(name, true)
	case n < 97:
		w.deleteExchange(w.pick("x1", "x2", "x3", "x4", "x5", "x6"))
	}
}

func (w *world) addQueue(name string) {
	if !w.model.queues[name] {
		w.table = w.table.AddQueue(name, name)
		w.model.queues[name] = true
	}
}

func (w *world) declare() {
	x := Exchange{Name: w.pick("x1", "x2", "x3", "x4", "x5", "x6"), Kind: Kind(w.pick("direct", "fanout", "topic", "headers")),
		AutoDelete: w.rnd.Intn(2) == 0}
	if w.rnd.Intn(4) == 0 {
		x.Kind, x.Args = Delayed, amqp.Table{"x-delayed-type": string(x.Kind)}
	}
	if w.rnd.Intn(3) == 0 {
		x.Args = amqp.Table{"alternate-exchange": w.exchange(), "x-delayed-type": x.Args["x-delayed-type"]}
	}
	if w.model.exists(x.Name, false) {
		return
	}
	w.model.exchanges[x.Name] = x
	var err error
	if w.table, err = w.table.Declare(x); err != nil {
		w.t.Fatal(err)
	}
	if x.Kind == Delayed {
		w.table = w.table.WithStore(x.Name, "later by "+x.Name)
	}
}

func (w *world) bind(b Binding) {
	next, changed, err := w.table.Bind(b)
	if wantChange := w.model.bind(b); changed != wantChange {
		w.t.Fatalf("bind %s: changed is %t: %v", show(b), changed, err)
	}
	if !changed && next != w.table {
		w.t.Fatal("nothing changed, but the table is another")
	}
	w.table = next
}

func (w *world) unbind(b Binding) {
	before := len(w.model.bindings)
	w.model.unbind(b)
	var gone Removed
	var err error
	if w.table, gone, err = w.table.Unbind(b); err != nil {
		w.t.Fatal(err)
	}
	if len(gone.Bindings) != before-len(w.model.bindings) {
		w.t.Fatalf("unbind %s: %v gone; the model had %d bindings and has %d", show(b), gone, before, len(w.model.bindings))
	}
}

func (w *world) deleteExchange(name string) {
	var err error
	if w.table, _, err = w.table.Delete(name, false); err != nil {
		w.t.Fatal(err)
	}
	if w.model.exists(name, false) {
		w.model.remove(name, false)
	}
}

// check compares what the table answers with what the model does.
func check(t *testing.T, rnd *rand.Rand, table *Table[string], m *model) {
	t.Helper()
	w := world{t: t, rnd: rnd}
	checkLists(t, table, m)
	for range 40 {
		x, keys, headers := w.exchange(), []string{w.key(), w.key(), w.key()}[:1+rnd.Intn(3)], amqp.Table{"h1": w.pick("v1", "v2"), "h2": w.pick("v1", "v2")}
		if rnd.Intn(4) == 0 {
			headers["x-delay"] = int32(5)
		}
		want := map[string]bool{}
		m.route(x, keys, headers, want, map[string]bool{})
		got, err := table.Route(x, &Letter{Key: keys[0], Also: keys[1:], Headers: headers}, nil)
		if !m.exists(x, false) {
			if err == nil {
				t.Fatalf("%s does not exist but routes", x)
			}
			continue
		}
		if err != nil || !slices.Equal(slices.Sorted(slices.Values(got)), sortedKeys(want)) {
			t.Fatalf("route %q %q %v: want %v, got %v, %v", x, keys, headers, sortedKeys(want), got, err)
		}
	}
}

func checkLists(t *testing.T, table *Table[string], m *model) {
	t.Helper()
	want := make([]string, 0, len(m.bindings))
	for _, b := range m.bindings {
		want = append(want, show(b))
	}
	slices.Sort(want)
	var got, incoming, outgoing []string
	for b := range table.Bindings() {
		got = append(got, show(b))
	}
	if n := table.QueueCount(); n != len(m.queues) {
		t.Fatalf("%d queues are counted, there are %d", n, len(m.queues))
	}
	for name := range table.Queues() {
		for b := range table.BindingsTo(name, true) {
			incoming = append(incoming, show(b))
		}
	}
	exchanges := -1 // the default one is not in the model
	for x := range table.Exchanges() {
		exchanges++
		for b := range table.BindingsFrom(x.Name) {
			outgoing = append(outgoing, show(b))
		}
		for b := range table.BindingsTo(x.Name, false) {
			incoming = append(incoming, show(b))
		}
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Fatalf("bindings: want %q, got %q", want, got)
	}
	if slices.Sort(incoming); !slices.Equal(incoming, want) {
		t.Fatalf("bindings by destination: want %q, got %q", want, incoming)
	}
	if slices.Sort(outgoing); !slices.Equal(outgoing, want) {
		t.Fatalf("bindings by source: want %q, got %q", want, outgoing)
	}
	if exchanges != len(m.exchanges) {
		t.Fatalf("%d exchanges, want %d", exchanges, len(m.exchanges))
	}
}

func sortedKeys(set map[string]bool) (keys []string) {
	for k := range set {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// The table answers as the model does, now, and for every earlier time of which a table was kept.
func TestTableAgainstModel(t *testing.T) {
	seeds := int64(60)
	if testing.Short() {
		seeds = 5
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed", seed), func(t *testing.T) {
			rnd := rand.New(rand.NewSource(seed))
			w := &world{t: t, rnd: rnd, table: New[string]("/"), model: newModel()}
			type moment struct {
				table *Table[string]
				model *model
			}
			var kept []moment
			for i := range 400 {
				w.step()
				if i%20 == 0 {
					check(t, rnd, w.table, w.model)
				}
				if i%100 == 0 {
					kept = append(kept, moment{w.table, w.model.clone()})
				}
			}
			for _, m := range kept {
				check(t, rnd, m.table, m.model)
			}
		})
	}
}
