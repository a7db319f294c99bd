package differential

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/postrider-mq/postrider/amqp"
)

// sharing is what is known in a program with consistent-hash exchanges. Which of
// the bound queues gets a key is a broker's own affair; that one does, and always
// the same one while the bindings are, is not. So of the queues only the sum is
// shown, and of a message at the end what its queue was to it, see verdict.
type sharing struct {
	bound   map[string]map[string]bool // by exchange: the queues
	changes int                        // of that, so far
	sent    map[string]sent            // by body
	homes   map[string]string          // the queue of each exchange, key and number of changes
}

// sent is how things were when a message was published.
type sent struct {
	home   string // its key in homes
	queues []string
}

// shares says whether a program has consistent-hash exchanges.
func (p Program) shares() bool {
	return slices.ContainsFunc(p, func(s Step) bool {
		m, ok := s.Method.(*amqp.ExchangeDeclare)
		return ok && m.Type == hashType
	})
}

func newSharing() *sharing {
	return &sharing{bound: map[string]map[string]bool{}, sent: map[string]sent{}, homes: map[string]string{}}
}

// before notes a publish.
func (x *sharing) before(s *Step) {
	m, ok := s.Method.(*amqp.BasicPublish)
	if !ok || m.Exchange == "" {
		return
	}
	x.sent[s.Body] = sent{fmt.Sprint(m.Exchange, " ", m.RoutingKey, " ", x.changes), slices.Sorted(maps.Keys(x.bound[m.Exchange]))}
}

// after notes a binding that came or went, if the broker did that.
func (x *sharing) after(s *Step, answers []string) {
	done := func(id amqp.MethodID) bool {
		return slices.ContainsFunc(answers, func(line string) bool { return strings.HasPrefix(line, id.String()) })
	}
	switch m := s.Method.(type) {
	case *amqp.QueueBind:
		if done(amqp.QueueBindOkID) {
			x.changes++
			if x.bound[m.Exchange] == nil {
				x.bound[m.Exchange] = map[string]bool{}
			}
			x.bound[m.Exchange][m.Queue] = true
		}
	case *amqp.QueueUnbind:
		if done(amqp.QueueUnbindOkID) {
			x.changes++
			delete(x.bound[m.Exchange], m.Queue)
		}
	}
}

// verdict says what a queue in which a message is was to it.
func (x *sharing) verdict(body, queue string) string {
	m, ok := x.sent[body]
	switch {
	case !ok:
		return "in " + queue
	case !slices.Contains(m.queues, queue):
		return "in a queue that was not bound"
	}
	if home, ok := x.homes[m.home]; ok && home != queue {
		return "in another queue than the messages before it that had its key"
	}
	x.homes[m.home] = queue
	return "in one of the queues"
}

// sum is all queues as one.
func (w *world) sum(found map[string]*amqp.QueueDeclareOk) []string {
	n := 0
	for _, ok := range found {
		n += int(ok.MessageCount)
	}
	return []string{fmt.Sprintf("%d ready in %d queues", n, len(found))}
}

const hashType = "x-consistent-hash"

// generateShared makes a program about two exchanges that share messages out among three queues.
func (g *generator) generateShared(n int) Program {
	for _, name := range sharedQueues {
		g.program = append(g.program, Step{Channel: 1, Method: &amqp.QueueDeclare{Queue: name, Durable: g.rarely(2)}})
	}
	return g.fill(n, 8, sharedOpening, sharedKinds)
}

var (
	sharedQueues    = []string{"q0", "q1", "q2"}
	sharedExchanges = []string{"e0", "e1"}
	sharedKeys      = []string{"a", "b", "c", "d", "e", ""}
)

var sharedOpening = []kind{
	{3, (*generator).declareHash},
	{3, (*generator).bindWeighed},
}

var sharedKinds = []kind{
	{30, (*generator).publishShared},
	{6, (*generator).bindWeighed},
	{5, (*generator).unbindWeighed},
	{2, (*generator).declareHash},
	{1, (*generator).deleteHash},
	{1, (*generator).confirmSelect},
	{1, (*generator).transact},
	{1, (*generator).leaveChannel},
}

func (g *generator) declareHash() Step {
	m := &amqp.ExchangeDeclare{Exchange: pick(g, sharedExchanges), Type: hashType, Durable: g.rarely(2)}
	switch g.IntN(8) {
	case 0:
		m.Arguments = amqp.Table{"hash-header": "k"}
	case 1:
		m.Arguments = amqp.Table{"hash-property": pick(g, []any{"correlation_id", "message_id"})}
	case 2:
		m.Arguments = g.arguments(hashArguments, hashArguments)
	}
	return Step{Method: m}
}

// hashArguments are more bad than good, and some of them contradict each other.
var hashArguments = []argument{
	{"hash-header", []any{"k", "", int32(1), true}},
	{"hash-property", []any{"correlation_id", "message_id", "timestamp", "type", "", int32(1)}},
	{"alternate-exchange", []any{"amq.fanout", int32(1)}},
}

// bindWeighed binds a queue, with the same weight if it is bound: what two weights of one queue mean is not compared.
func (g *generator) bindWeighed() Step {
	m := &amqp.QueueBind{Queue: pick(g, sharedQueues), Exchange: pick(g, sharedExchanges), RoutingKey: pick(g, []string{"1", "1", "2", "3", "10"})}
	if b := g.binding(m.Queue, m.Exchange); b != nil {
		m.RoutingKey = b.RoutingKey
	}
	if g.rarely(10) {
		m.RoutingKey = pick(g, []string{"0", "-1", "one", "", "1.5", " 1", "0x1"})
	}
	return Step{Method: m}
}

// binding is the last one of the queue to the exchange that may be there.
func (g *generator) binding(queue, exchange string) (found *amqp.QueueBind) {
	for _, s := range g.program {
		switch m := s.Method.(type) {
		case *amqp.QueueBind:
			if m.Queue == queue && m.Exchange == exchange && strings.Trim(m.RoutingKey, "0123456789") == "" && m.RoutingKey > "0" {
				found = m
			}
		case *amqp.QueueUnbind:
			if m.Queue == queue && m.Exchange == exchange {
				found = nil
			}
		}
	}
	return found
}

// unbindWeighed ends a binding.
func (g *generator) unbindWeighed() Step {
	queue, exchange := pick(g, sharedQueues), pick(g, sharedExchanges)
	m := &amqp.QueueUnbind{Queue: queue, Exchange: exchange, RoutingKey: "1"}
	if b := g.binding(queue, exchange); b != nil {
		m.RoutingKey = b.RoutingKey
	}
	return Step{Method: m}
}

func (g *generator) deleteHash() Step {
	return Step{Method: &amqp.ExchangeDelete{Exchange: pick(g, sharedExchanges), IfUnused: true}}
}

// publishShared publishes with one key, wherever the exchange looks for it.
func (g *generator) publishShared() Step {
	key := pick(g, sharedKeys)
	s := Step{Method: &amqp.BasicPublish{Exchange: pick(g, sharedExchanges), RoutingKey: key, Mandatory: g.rarely(4)}, Body: fmt.Sprintf("m%d", len(g.program))}
	s.Props = amqp.Properties{DeliveryMode: uint8(g.IntN(3)), CorrelationID: key, MessageID: key, Headers: amqp.Table{"k": key}}
	return s
}
