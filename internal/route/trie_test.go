package route

import (
	"fmt"
	"maps"
	"math/rand"
	"slices"
	"strconv"
	"testing"
)

// A trie driven at random answers as a map does, and so does every trie that it once was.
func TestTrieIsAMap(t *testing.T) {
	for seed := range int64(20) {
		rnd := rand.New(rand.NewSource(seed))
		var tr trie[int]
		model := map[string]int{}
		var oldTrie trie[int]
		var oldModel map[string]int
		for step := range 3000 {
			key := strconv.Itoa(rnd.Intn(700))
			if rnd.Intn(5) < 3 {
				tr = tr.with(key, step)
				model[key] = step
			} else {
				tr = tr.without(key)
				delete(model, key)
			}
			if step == 1500 {
				oldTrie, oldModel = tr, maps.Clone(model)
			}
		}
		sameAsMap(t, seed, tr, model)
		sameAsMap(t, seed, oldTrie, oldModel)
		for key := range model {
			tr = tr.without(key)
		}
		if tr.root != nil || tr.len() != 0 {
			t.Fatalf("seed %d: the emptied trie has %d keys and root %v", seed, tr.len(), tr.root)
		}
	}
}

func sameAsMap(t *testing.T, seed int64, tr trie[int], model map[string]int) {
	t.Helper()
	if got := maps.Collect(tr.all()); !maps.Equal(got, model) || tr.len() != len(model) {
		t.Fatalf("seed %d: trie has %d keys, map %d", seed, tr.len(), len(model))
	}
	for i := range 700 {
		key := strconv.Itoa(i)
		got, ok := tr.get(key)
		if want, wantOK := model[key]; got != want || ok != wantOK {
			t.Fatalf("seed %d: get(%q) = %d, %t; want %d, %t", seed, key, got, ok, want, wantOK)
		}
	}
}

// The order of the keys depends on what they are and not on how they came.
func TestTrieHasOneShape(t *testing.T) {
	var keys []string
	for i := range 2000 {
		keys = append(keys, fmt.Sprint("key", i))
	}
	build := func(order []int) (tr trie[int]) {
		for _, i := range order {
			tr = tr.with(keys[i%2000], i%2000)
		}
		for i := 1000; i < 2000; i++ {
			tr = tr.without(keys[i])
		}
		return tr
	}
	rnd := rand.New(rand.NewSource(1))
	order := func(tr trie[int]) (names []string) {
		for k := range tr.all() {
			names = append(names, k)
		}
		return names
	}
	first := order(build(rnd.Perm(2000)))
	if !slices.Equal(first, order(build(rnd.Perm(2000)))) {
		t.Error("two orders of the same keys")
	}
}

// Keys whose hashes are equal to the last bit share a bucket.
func TestTrieBucket(t *testing.T) {
	const below = hashBits + levelBits
	var n *node[int]
	for i, key := range []string{"m", "c", "x", "a", "c"} {
		n, _ = n.with(leaf[int]{key, i}, 0, below)
	}
	old := n
	n, ok := n.without("m", 0, below)
	if _, again := n.without("m", 0, below); !ok || again {
		t.Error("m was removed", ok, again)
	}
	for key, want := range map[string]int{"c": 4, "x": 2, "a": 3} {
		if got := n.bucketLeaf(key); got == nil || got.value != want {
			t.Errorf("%s = %v; want %d", key, got, want)
		}
	}
	if n.bucketLeaf("m") != nil {
		t.Error("m is still there")
	}
	if l := old.bucketLeaf("m"); l == nil || l.value != 0 {
		t.Error("the old bucket changed")
	}
}

func TestAKeyIsFoundByItsOctets(t *testing.T) {
	table := New[int]("/")
	var names [][]byte
	for i := range 2000 {
		names = append(names, fmt.Appendf(nil, "key.%d", i))
		table = table.AddQueue(string(names[i]), i)
	}
	if n := testing.AllocsPerRun(2, func() {
		for _, b := range names {
			if name, ok := table.QueueName(b); !ok || name != string(b) {
				t.Fatalf("%q, %t; want %q", name, ok, b)
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if name, ok := table.QueueName([]byte("key.2000")); ok {
		t.Error(name)
	}
}
