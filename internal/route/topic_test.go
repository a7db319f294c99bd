package route

import (
	"bufio"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// matchesNaively is the specification word for word: * matches a single word, # zero or more.
func matchesNaively(pattern, key []string) bool {
	switch {
	case len(pattern) == 0:
		return len(key) == 0
	case pattern[0] == "#":
		return matchesNaively(pattern[1:], key) || len(key) > 0 && matchesNaively(pattern, key[1:])
	case len(key) == 0:
		return false
	}
	return (pattern[0] == "*" || pattern[0] == key[0]) && matchesNaively(pattern[1:], key[1:])
}

func wordsOf(key string) []string {
	if key == "" {
		return nil
	}
	return strings.Split(key, ".")
}

// topicOf returns a table with a topic exchange "x" and a queue for each pattern, bound with it and named after it.
func topicOf(t testing.TB, patterns ...string) *Table[string] {
	t.Helper()
	table, err := New[string]("/").Declare(Exchange{Name: "x", Kind: Topic})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range patterns {
		table, _, err = table.AddQueue(p, p).Bind(Binding{Source: "x", Destination: p, ToQueue: true, Key: p})
		if err != nil {
			t.Fatal(err)
		}
	}
	return table
}

func routed(t testing.TB, table *Table[string], key string) []string {
	t.Helper()
	got, err := table.Route("x", &Letter{Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	return got
}

var quoted = regexp.MustCompile(`"([^"]*)"`)

func quotedIn(line string) (words []string) {
	for _, m := range quoted.FindAllStringSubmatch(line, -1) {
		words = append(words, m[1])
	}
	return words
}

// What RabbitMQ does with odd patterns and odd keys, we do.
func TestTopicAsRabbitMQ(t *testing.T) {
	f, err := os.Open("testdata/topic.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var table *Table[string]
	for lines := bufio.NewScanner(f); lines.Scan(); {
		words := quotedIn(lines.Text())
		switch {
		case strings.HasPrefix(lines.Text(), "# patterns"):
			table = topicOf(t, words...)
		case len(words) > 0:
			slices.Sort(words[1:])
			if got := routed(t, table, words[0]); !slices.Equal(got, words[1:]) {
				t.Errorf("key %q: want %q, got %q", words[0], words[1:], got)
			}
		}
	}
}

// A pattern is split, shared and forgotten word by word; nothing is left when all are unbound.
func TestTopicForgets(t *testing.T) {
	patterns := []string{"", "#", "*", "a.#.b", "a.*.b", "a.b", "#.#.c"}
	table := topicOf(t, patterns...)
	for i, p := range patterns {
		var err error
		if table, _, err = table.Unbind(Binding{Source: "x", Destination: p, ToQueue: true, Key: p}); err != nil {
			t.Fatal(err)
		}
		for _, q := range routed(t, table, "a.b") {
			if slices.Contains(patterns[:i+1], q) {
				t.Errorf("%q still matches", q)
			}
		}
	}
	if x, _ := table.exchanges.get("x"); x.topic != nil || x.outgoing.len() != 0 {
		t.Error("the trie of an exchange without bindings is not empty")
	}
}

func TestTopicTakes128Words(t *testing.T) {
	key := strings.TrimSuffix(strings.Repeat("w.", MaxWords), ".")
	table := topicOf(t, key, "#", "#.w", strings.Repeat("*.", MaxWords-1)+"#")
	if got := routed(t, table, key); len(got) != 4 {
		t.Errorf("%d of 4 patterns match a key of %d words", len(got), MaxWords)
	}
	if _, err := table.Route("x", &Letter{Key: key + ".w"}, nil); err == nil {
		t.Error("a longer key was routed")
	}
	if _, _, err := table.Bind(Binding{Source: "x", Destination: "#", ToQueue: true, Key: key + ".w"}); err == nil {
		t.Error("a longer pattern was bound")
	}
}

// Many # in one pattern, and many such patterns, cost no more than their nodes. A matcher that tries each way
// through them would not come back from this.
func TestTopicManyHashes(t *testing.T) {
	var patterns []string
	for i := range 40 {
		patterns = append(patterns, strings.Repeat("#.a.", 40)+strings.Repeat("*.#.", i%15)+fmt.Sprint("end", i))
	}
	table := topicOf(t, append(patterns, strings.Repeat("#.a.", 40)+"#")...)
	key := strings.TrimSuffix(strings.Repeat("a.", MaxWords), ".")
	if got := routed(t, table, key); len(got) != 1 {
		t.Errorf("got %q", got)
	}
}

func FuzzTopic(f *testing.F) {
	f.Add("a.#.b a.*.b #", "a.x.b")
	f.Add("#.a.# *.# a..b", "a..b")
	f.Add("#.#.a #.a.b.#.a.b", "a.b.a.b.a.b")
	f.Add("*.*.*.# .a. . ", ".a.")
	f.Fuzz(func(t *testing.T, list, key string) {
		patterns := strings.Split(list, " ")
		slices.Sort(patterns)
		patterns = slices.Compact(patterns)
		if len(list) > 120 || len(key) > 40 || len(patterns) > 20 || strings.Count(list, "#") > 12 {
			return // the naive matcher would be busy for long
		}
		var want []string
		for _, p := range patterns {
			if matchesNaively(wordsOf(p), wordsOf(key)) {
				want = append(want, p)
			}
		}
		if got := routed(t, topicOf(t, patterns...), key); !slices.Equal(got, want) {
			t.Errorf("patterns %q, key %q: want %q, got %q", patterns, key, want, got)
		}
	})
}
