package policy

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/postrider-mq/postrider/amqp"
)

// prefix stands in for a pattern: names that begin with it match.
type prefix string

func (p prefix) Match(name string) bool { return strings.HasPrefix(name, string(p)) }

type badPattern struct{}

func (badPattern) Error() string { return "missing ), at byte 1" }
func (badPattern) Term() string  { return `{"missing )",1}` }

func compile(text string) (Matcher, error) {
	if text == "(" {
		return nil, badPattern{}
	}
	return prefix(text), nil
}

func term(d Definition) map[string]any {
	return map[string]any{"pattern": "", "definition": d, "priority": int64(0)}
}

func TestRead(t *testing.T) {
	p, names, problems := Read("p", map[string]any{
		"pattern": "a", "priority": int64(7), "apply-to": "queues", "definition": Definition{"expires": int64(1)},
	}, false, compile)
	if len(problems) > 0 || p.Name != "p" || p.Pattern != "a" || p.Priority != 7 || p.ApplyTo != "queues" || !names.Match("ab") {
		t.Errorf("read %+v with %q", p, problems)
	}
	again, _, problems := Read("p", p.Term(), true, compile)
	if len(problems) > 0 || !maps.Equal(again.Definition, p.Definition) || again.ApplyTo != p.ApplyTo {
		t.Errorf("read again: %+v with %q", again, problems)
	}
}

func joined(problems []Problem, of func(Problem) string) string {
	var all []string
	for _, p := range problems {
		all = append(all, of(p))
	}
	return strings.Join(all, "; ")
}

// What is wrong with a policy is said for people, too: where, and what is wanted.
func TestProblemsInPlainWords(t *testing.T) {
	for _, c := range []struct {
		term     map[string]any
		operator bool
		want     string
	}{
		{term(Definition{"message-ttl": 1.5}), false, "message-ttl is 1.5: want a whole number, 0 or more"},
		{term(Definition{"expires": "1"}), true, `expires is "1": want a whole number, 1 or more`},
		{term(Definition{"delivery-limit": true}), false, "delivery-limit is true: want a whole number"},
		{term(Definition{"overflow": "x"}), false, `overflow is "x": want one of drop-head, reject-publish, reject-publish-dlx`},
		{term(Definition{"dead-letter-exchange": map[string]any{"a": []any{int64(1), nil}}}), false, `dead-letter-exchange is {"a":[1,null]}: want a text`},
		{term(Definition{"max-age": "1x"}), false, `max-age is "1x": want a number and a unit, as in 7D`},
		{term(Definition{"queue-version": int64(3)}), false, "queue-version is 3: want a whole number, 1 to 2"},
		{term(Definition{"max-len": int64(1), "ttl": int64(1)}), false, "there is no setting max-len, ttl: want some of alternate-exchange, consumer-timeout, " +
			"dead-letter-exchange, dead-letter-routing-key, delivery-limit, expires, max-length, max-length-bytes, message-ttl, overflow"},
		{term(Definition{"overflow": "reject-publish"}), true, "an operator's policy has no setting overflow: want some of consumer-timeout, delivery-limit, " +
			"expires, max-length, max-length-bytes, message-ttl"},
		{term(Definition{}), false, `the definition is empty: want a setting at least, as in {"max-length": 1000}`},
		{map[string]any{}, false, "there is no definition; there is no pattern; there is no priority"},
		{map[string]any{"definition": Definition{"expires": int64(1)}, "pattern": "a", "priority": "0", "foo": int64(1)}, true,
			`a policy has no foo: want pattern, definition, priority and apply-to; priority is "0": want a whole number`},
		{map[string]any{"definition": []any{}, "pattern": int64(1), "priority": int64(0), "apply-to": "queue"}, false,
			`the definition is []: want an object, as in {"max-length": 1000}; apply-to is "queue": want one of all, classic_queues, exchanges, queues, ` +
				"quorum_queues, streams; the pattern is 1: want a text"},
		{map[string]any{"definition": Definition{"expires": int64(1)}, "pattern": "(", "priority": int64(0)}, false,
			`the pattern "(" is no regular expression: missing ), at byte 1`},
	} {
		_, _, problems := Read("p", c.term, c.operator, compile)
		if got := joined(problems, func(p Problem) string { return p.Plain }); got != c.want {
			t.Errorf("%v: %s\nwant %s", c.term, got, c.want)
		}
	}
}

func TestProblems(t *testing.T) {
	const unrecognised = " are not recognised policy settings"
	for _, c := range []struct {
		term     map[string]any
		operator bool
		want     string
	}{
		{term(Definition{"message-ttl": int64(-1)}), false, "-1 is not a valid message TTL"},
		{term(Definition{"message-ttl": 1.5}), false, "1.5 is not a valid message TTL"},
		{term(Definition{"message-ttl": int64(0)}), true, ""},
		{term(Definition{"expires": int64(0)}), true, "0 is not a valid queue expiry"},
		{term(Definition{"expires": "1"}), true, `<<"1">> is not a valid queue expiry`},
		{term(Definition{"max-length": int64(-1)}), false, "-1 is not a valid maximum length"},
		{term(Definition{"max-length-bytes": nil}), false, "null is not a valid maximum length in bytes"},
		{term(Definition{"overflow": "x"}), false, `<<"x">> is not a valid overflow value`},
		{term(Definition{"overflow": "reject-publish"}), false, ""},
		{term(Definition{"overflow": "reject-publish"}), true, `[{<<"overflow">>,<<"reject-publish">>}]` + unrecognised},
		{term(Definition{"delivery-limit": true}), false, "true is not a valid delivery limit"},
		{term(Definition{"delivery-limit": int64(-1)}), true, ""},
		{term(Definition{"dead-letter-exchange": int64(5), "message-ttl": int64(-1)}), false, "5 is not a valid dead letter exchange name"},
		{term(Definition{"dead-letter-routing-key": int64(5)}), false, "5 is not a valid dead letter routing key"},
		{term(Definition{"alternate-exchange": map[string]any{"a": []any{int64(1), 2.5, true, nil}}}), false,
			`#{<<"a">> => [1,2.5,true,null]} is not a valid alternate exchange name`},
		{term(Definition{"max-age": "1x"}), false, `<<"1x">> is not a valid max age`},
		{term(Definition{"max-age": ""}), false, `<<"">> is not a valid max age`},
		{term(Definition{"max-age": "7D"}), false, ""},
		{term(Definition{"queue-mode": "lazy", "queue-version": int64(2)}), false, ""},
		{term(Definition{"queue-mode": "x"}), false, `<<"x">> is not a valid queue-mode value`},
		{term(Definition{"foo": int64(1), "bar": "x"}), false, `[{<<"bar">>,<<"x">>},{<<"foo">>,1}]` + unrecognised},
		{term(Definition{"ha-mode": "all"}), false, ""},
		{term(Definition{"ha-mode": "all"}), true, `[{<<"ha-mode">>,<<"all">>}]` + unrecognised},
		{term(Definition{"ha-mode": "some"}), false, `<<"some">> is not a valid ha-mode value`},
		{term(Definition{"ha-params": int64(2)}), false, "ha-mode must be specified to specify ha-params, ha-sync-mode or ha-promote-on-shutdown"},
		{term(Definition{"ha-mode": "exactly", "ha-params": int64(2), "ha-sync-mode": "automatic"}), false, ""},
		{term(Definition{"ha-mode": "exactly"}), false, `ha-mode="exactly" takes an integer, none given`},
		{term(Definition{"ha-mode": "nodes", "ha-params": []any{"a", int64(1)}}), false,
			`ha-mode="nodes" takes a list of strings, [1] was not a string`},
		{term(Definition{"ha-mode": "all", "ha-sync-mode": "x"}), false, `ha-sync-mode must be "manual" or "automatic", got <<"x">>`},
		{term(Definition{}), false, "no policy provided"},
		{map[string]any{}, false, `Key "definition" not found in p; Key "pattern" not found in p; Key "priority" not found in p`},
		{map[string]any{"definition": Definition{"expires": int64(1)}, "pattern": "a", "priority": "0", "foo": int64(1)}, true,
			`Unrecognised terms [{<<"foo">>,1}] in p; priority should be a number, actually was <<"0">>`},
		{map[string]any{"definition": []any{}, "pattern": int64(1), "priority": int64(0), "apply-to": "foo"}, false,
			"definition must be a dictionary: []; apply-to 'foo' unrecognised; should be one of: 'queues', 'classic_queues', " +
				"'quorum_queues', 'streams', 'exchanges', or 'all'; pattern should be a binary but was 1"},
		{map[string]any{"definition": Definition{"expires": int64(1)}, "pattern": "(", "priority": int64(0)}, false,
			`pattern should be regular expression but is invalid: {"missing )",1}`},
	} {
		_, _, problems := Read("p", c.term, c.operator, compile)
		if got := joined(problems, func(p Problem) string { return p.Term }); got != c.want {
			t.Errorf("%v: %s\nwant %s", c.term, got, c.want)
		}
	}
}

func policy(name string, priority int64, applyTo string, d Definition) *Policy {
	return &Policy{Name: name, Priority: priority, ApplyTo: applyTo, Definition: d}
}

func TestFind(t *testing.T) {
	ttl := Definition{"message-ttl": int64(1)}
	var b Book
	b = b.With(policy("all", 0, "all", ttl), prefix(""))
	b = b.With(policy("orders", 5, "queues", ttl), prefix("orders"))
	b = b.With(policy("b", 1, "exchanges", ttl), prefix("x"))
	b = b.With(policy("a", 1, "exchanges", ttl), prefix("x"))
	b = b.With(policy("limit", 9, "quorum_queues", Definition{"delivery-limit": int64(1)}), prefix("q"))
	b = b.With(policy("limits", 8, "all", Definition{"delivery-limit": int64(1)}), prefix("q"))
	b = b.With(policy("mirror", 7, "all", Definition{"ha-mode": "all"}), prefix("q"))
	b = b.With(policy("age", 99, "streams", Definition{"max-age": "1D"}), prefix("q"))
	for _, c := range []struct {
		name string
		kind Kind
		want string
	}{
		{"other", ClassicQueue, "all"},
		{"orders.eu", ClassicQueue, "orders"},
		{"orders.eu", Exchange, "all"},
		{"x", Exchange, "a"}, // of two with equal priority the first by name
		{"x", ClassicQueue, "all"},
		{"q", QuorumQueue, "limit"},
		{"q", ClassicQueue, "mirror"}, // a policy with a setting that the kind does not have is passed over
		{"q", StreamQueue, "age"},
		{"other", StreamQueue, ""},
		{"q", Exchange, "limits"},
	} {
		got := ""
		if p := b.Find(c.name, c.kind); p != nil {
			got = p.Name
		}
		if got != c.want {
			t.Errorf("for %s of kind %d %q holds, want %q", c.name, c.kind, got, c.want)
		}
	}
}

func TestABookIsNeverChanged(t *testing.T) {
	var empty Book
	one := empty.With(policy("p", 0, "all", nil), prefix(""))
	changed := one.With(policy("p", 7, "all", nil), prefix(""))
	two := one.With(policy("a", 0, "all", nil), prefix(""))
	if empty.Len() != 0 || one.Get("p").Priority != 0 || changed.Len() != 1 || changed.Get("p").Priority != 7 {
		t.Error("an earlier book has changed")
	}
	if names := two.All(); len(names) != 2 || names[0].Name != "a" || one.Len() != 1 {
		t.Errorf("it lists %v", names)
	}
	if two.Without("p").Get("p") != nil || two.Without("p").Len() != 1 || two.Len() != 2 || two.Without("z").Len() != 2 {
		t.Error("a policy was not taken out, or others were")
	}
}

func TestMerge(t *testing.T) {
	user := policy("u", 0, "all", Definition{"message-ttl": int64(5), "max-length": int64(10), "overflow": "drop-head"})
	operator := policy("o", 0, "all", Definition{"message-ttl": int64(7), "max-length": int64(3), "expires": int64(9)})
	for _, c := range []struct {
		user, operator *Policy
		want           Definition
	}{
		{nil, nil, nil},
		{user, nil, user.Definition},
		{nil, operator, operator.Definition},
		{user, operator, Definition{"message-ttl": int64(5), "max-length": int64(3), "expires": int64(9), "overflow": "drop-head"}},
	} {
		if got := Merge(c.user, c.operator); !maps.Equal(got, c.want) {
			t.Errorf("got %v, want %v", got, c.want)
		}
	}
}

func TestArguments(t *testing.T) {
	for _, c := range []struct {
		name       string
		kind       Kind
		args       amqp.Table
		definition Definition
		want       amqp.Table
	}{
		{"nothing", ClassicQueue, amqp.Table{"x-expires": int32(1)}, nil, amqp.Table{"x-expires": int32(1)}},
		{"from the policy", ClassicQueue, nil, Definition{"message-ttl": int64(1), "overflow": "reject-publish"},
			amqp.Table{"x-message-ttl": int64(1), "x-overflow": "reject-publish"}},
		{"the lower, the policy's", ClassicQueue, amqp.Table{"x-max-length": int32(10), "x-other": "a"}, Definition{"max-length": int64(3)},
			amqp.Table{"x-max-length": int64(3), "x-other": "a"}},
		{"the lower, the argument's", ClassicQueue, amqp.Table{"x-max-length-bytes": int16(2)}, Definition{"max-length-bytes": int64(3)},
			amqp.Table{"x-max-length-bytes": int16(2)}},
		{"expires", ClassicQueue, amqp.Table{"x-expires": int32(2)}, Definition{"expires": int64(3)}, amqp.Table{"x-expires": int32(2)}},
		{"expires of a quorum queue", QuorumQueue, amqp.Table{"x-expires": int32(2)}, Definition{"expires": int64(3)}, amqp.Table{"x-expires": int64(3)}},
		{"overflow", ClassicQueue, amqp.Table{"x-overflow": "drop-head"}, Definition{"overflow": "reject-publish"}, amqp.Table{"x-overflow": "drop-head"}},
		{"overflow of a quorum queue", QuorumQueue, amqp.Table{"x-overflow": "drop-head"}, Definition{"overflow": "reject-publish"},
			amqp.Table{"x-overflow": "reject-publish"}},
		{"delivery limit", QuorumQueue, amqp.Table{"x-delivery-limit": uint8(9)}, Definition{"delivery-limit": int64(3)}, amqp.Table{"x-delivery-limit": int64(3)}},
		{"a delivery limit in place of none", QuorumQueue, amqp.Table{"x-delivery-limit": int32(-1)}, Definition{"delivery-limit": int64(3)}, amqp.Table{"x-delivery-limit": int64(3)}},
		{"a delivery limit in spite of none", QuorumQueue, amqp.Table{"x-delivery-limit": int32(3)}, Definition{"delivery-limit": int64(-1)}, amqp.Table{"x-delivery-limit": int32(3)}},
		{"dead letters", ClassicQueue, amqp.Table{"x-dead-letter-exchange": "mine"},
			Definition{"dead-letter-exchange": "policy's", "dead-letter-routing-key": "k"},
			amqp.Table{"x-dead-letter-exchange": "mine", "x-dead-letter-routing-key": "k"}},
		{"without effect", ClassicQueue, nil, Definition{"ha-mode": "all", "queue-mode": "lazy", "alternate-exchange": "x", "unknown": int64(1)}, nil},
	} {
		before := maps.Clone(c.args)
		if got := Arguments(c.kind, c.args, c.definition); !maps.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
		if !maps.Equal(before, c.args) {
			t.Errorf("%s: the declaration was changed", c.name)
		}
	}
}

func TestAlternate(t *testing.T) {
	d := Definition{"alternate-exchange": "policy's"}
	if got := Alternate(nil, d); got != "policy's" {
		t.Error(got)
	}
	if got := Alternate(amqp.Table{"alternate-exchange": "mine"}, d); got != "mine" {
		t.Error(got)
	}
	if got := Alternate(nil, nil); got != "" {
		t.Error(got)
	}
}

func TestIdle(t *testing.T) {
	d := Definition{"queue-mode": "lazy", "ha-mode": "all", "message-ttl": int64(1), "max-age": "1D"}
	if got := Idle(d); !slices.Equal(got, []string{"ha-mode", "max-age", "queue-mode"}) {
		t.Errorf("without effect are %v", got)
	}
}
