package route

import (
	"strings"

	"github.com/postrider-mq/postrider/amqp"
)

// A rule is a binding of a headers exchange: where it leads, if the headers match.
type rule[Q comparable] struct {
	match *matcher
	port  port[Q]
}

// A matcher is a binding's arguments, made ready for comparison.
//
//	x-match      looks at                            and wants
//	all          arguments that do not begin with x-   every one to match; so it is without x-match
//	any          arguments that do not begin with x-   one at least
//	all-with-x   all but x-match itself                every one
//	any-with-x   all but x-match itself                one at least
type matcher struct {
	any  bool
	want map[string]any // nil: the header need only be there
}

const matchArg = "x-match"

func newMatcher(args amqp.Table) (*matcher, error) {
	m := &matcher{want: make(map[string]any, len(args))}
	withX := false
	how, given := args[matchArg]
	switch {
	case !given || how == "all":
	case how == "any":
		m.any = true
	case how == "all-with-x":
		withX = true
	case how == "any-with-x":
		m.any, withX = true, true
	default:
		return nil, badMatch(how)
	}
	for name, v := range args {
		if name != matchArg && (withX || !strings.HasPrefix(name, "x-")) {
			m.want[name] = v
		}
	}
	return m, nil
}

func badMatch(how any) error {
	if _, ok := how.(string); !ok {
		return amqp.Errorf(amqp.PreconditionFailed, "Invalid x-match field type %s (value %s); expected longstr", amqp.TypeName(how), term(how))
	}
	return amqp.Errorf(amqp.PreconditionFailed,
		"Invalid x-match field value %s; expected all, any, all-with-x, or any-with-x", term(how))
}

func (m *matcher) matches(headers amqp.Table) bool {
	for name, want := range m.want {
		got, ok := headers[name]
		ok = ok && (want == nil || alike(want, got))
		if ok == m.any {
			return ok
		}
	}
	return !m.any
}

// compare follows the rules that the message's headers match.
func (w *walk[Q]) compare(rules trie[rule[Q]]) {
	if rules.len() == 0 {
		return
	}
	w.mingled = true
	w.compareNode(rules.root, w.letter.headers())
}

func (w *walk[Q]) compareNode(n *node[rule[Q]], headers amqp.Table) {
	for i := range n.leaves {
		if r := &n.leaves[i].value; r.match.matches(headers) {
			w.arrive(&r.port)
		}
	}
	for _, kid := range n.kids {
		w.compareNode(kid, headers)
	}
}
