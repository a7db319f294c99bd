package route

import (
	"reflect"
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
//	x-match      compares                            one match is enough
//	all          arguments that do not begin with x-   no; it is what holds without x-match
//	any          arguments that do not begin with x-   yes
//	all-with-x   all arguments but x-match             no
//	any-with-x   all arguments but x-match             yes
type matcher struct {
	any  bool
	want map[string]any // nil: the header need only be there
}

const matchArg = "x-match"

func newMatcher(args amqp.Table) (*matcher, error) {
	m := &matcher{want: make(map[string]any, len(args))}
	how, _ := args[matchArg]
	withX := how == "all-with-x" || how == "any-with-x"
	switch how {
	case nil, "all", "all-with-x":
	case "any", "any-with-x":
		m.any = true
	default:
		return nil, amqp.Errorf(amqp.PreconditionFailed, "Invalid x-match field value %v; expected all, any, all-with-x, or any-with-x", how)
	}
	for name, v := range args {
		if name != matchArg && (withX || !strings.HasPrefix(name, "x-")) {
			m.want[name] = v
		}
	}
	return m, nil
}

func (m *matcher) matches(headers amqp.Table) bool {
	for name, want := range m.want {
		got, ok := headers[name]
		ok = ok && (want == nil || reflect.DeepEqual(want, got))
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
	var headers amqp.Table
	if w.headers != nil {
		headers = w.headers()
	}
	w.mingled = true
	w.compareNode(rules.root, headers)
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
