package route

import (
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/postrider-mq/postrider/amqp"
)

// Each line has the binding's arguments, the message's headers, and whether RabbitMQ finds that they match.
func TestHeadersAsRabbitMQ(t *testing.T) {
	text, err := os.ReadFile("testdata/headers.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if line[0] == '#' {
			continue
		}
		args, rest, _ := strings.Cut(line, "} {")
		headers, want, _ := strings.Cut("{"+rest, "} ")
		m, err := newMatcher(parseTable(t, args+"}"))
		if err != nil {
			t.Fatal(err)
		}
		if got := m.matches(parseTable(t, headers+"}")); got != (strings.TrimSpace(want) == "true") {
			t.Errorf("%s: got %t", strings.TrimSpace(line), got)
		}
	}
}

// Values are compared with their types, as they are on the wire.
func TestHeaderValues(t *testing.T) {
	noon := time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		a, b any
		same bool
	}{
		{int32(1), int32(1), true},
		{int32(1), int64(1), false},
		{1, int32(1), true},
		{math.MaxInt, int64(math.MaxInt), strconv.IntSize == 64},
		{"x", []byte("x"), false},
		{[]byte("x"), []byte("x"), true},
		{1.5, 1.5, true},
		{noon, noon.In(time.FixedZone("elsewhere", 3600)), true},
		{noon, noon.Add(time.Second), false},
		{noon, "x", false},
		{amqp.Table{"a": 1, "b": []any{true}}, amqp.Table{"b": []any{true}, "a": int32(1)}, true},
		{amqp.Decimal{Scale: 2, Value: 5}, amqp.Decimal{Scale: 2, Value: 5}, true},
		{nil, nil, true},
		{nil, false, false},
	} {
		if equal(c.a, c.b) != c.same || equal(c.b, c.a) != c.same {
			t.Errorf("%T %v and %T %v: want %t", c.a, c.a, c.b, c.b, c.same)
		}
	}
}

// What a binding asks for and what a header has may be of different types, as RabbitMQ 3.10 was seen to compare them.
func TestHeadersAreAlikeWhateverTheirTypes(t *testing.T) {
	at := time.Unix(1577836800, 0)
	for _, c := range []struct {
		a, b  any
		alike bool
	}{
		{int32(5), int64(5), true},
		{uint8(5), int16(5), true},
		{at, int64(1577836800), true},
		{at, at.UTC(), true},
		{at, at.Add(time.Second), false},
		{"a", []byte("a"), true},
		{"a", []byte("b"), false},
		{"5", int32(5), false},
		{5.0, int32(5), true},
		{5.5, int32(5), false},
		{float32(1.5), 1.5, true},
		{1.5, float32(2.5), false},
		{float64(1 << 53), int64(1<<53 + 1), false},
		{float64(1 << 63), int64(1<<63 - 1), false},
		{amqp.Decimal{Value: 5}, int32(5), false},
		{amqp.Decimal{Scale: 1, Value: 15}, 1.5, false},
		{true, int32(1), false},
		{true, "true", false},
		{[]any{int32(1)}, []any{int64(1)}, false},
		{[]any{"a"}, []any{[]byte("a")}, false},
		{amqp.Table{"a": int32(1)}, amqp.Table{"a": int64(1)}, false},
		{amqp.Table{"a": int32(1)}, amqp.Table{"a": int32(1)}, true},
	} {
		if alike(c.a, c.b) != c.alike || alike(c.b, c.a) != c.alike {
			t.Errorf("%T %v and %T %v: want %t", c.a, c.a, c.b, c.b, c.alike)
		}
	}
	if alike("", nil) {
		t.Error("nothing is not an empty text")
	}
}

// Headers are decoded when an exchange looks at them, and then only once.
func TestHeadersAreReadOnce(t *testing.T) {
	table := New[string]("/").AddQueue("q", "q")
	for _, b := range []Binding{
		{Source: "amq.headers", Destination: "q", ToQueue: true},
		{Source: "amq.headers", Destination: "amq.match"},
		{Source: "amq.match", Destination: "q", ToQueue: true, Args: amqp.Table{"a": "b"}},
		{Source: "amq.fanout", Destination: "q", ToQueue: true},
	} {
		var err error
		if table, _, err = table.Bind(b); err != nil {
			t.Fatal(err)
		}
	}
	props, err := (&amqp.Properties{Headers: amqp.Table{"a": "b"}}).Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	for exchange, opened := range map[string]bool{"amq.fanout": false, "amq.headers": true} {
		l := Letter{Props: props}
		got, err := table.Route(exchange, &l, nil)
		if err != nil || len(got) != 1 || l.Opened != opened || opened != (l.Headers != nil) {
			t.Errorf("%s: %v %v, %+v", exchange, got, err, l)
		}
		if l.Headers == nil {
			continue
		}
		l.Headers["a"] = "c" // what was decoded stays
		if got, _ = table.Route("amq.match", &l, nil); len(got) != 0 {
			t.Errorf("the headers were decoded again: %v", got)
		}
	}
}
