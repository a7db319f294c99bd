package differential

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/postrider-mq/postrider/amqp"
)

// The world of a program is small, so that its steps meet.
const (
	connections = 2
	channels    = 2
	leastSteps  = 15
	mostSteps   = 45
)

var (
	queueNames    = []string{"q0", "q1", "q2", "q3"}
	exchangeNames = []string{"e0", "e1", "e2", "e3"}
	keys          = []string{"a", "a.b", "a.b.c", "b", "", "q0"}
	patterns      = []string{"a", "*", "#", "a.*", "*.b", "a.#", "#.c", "a.b", "", "a.#.c", "#.#", "*.*"}
	predeclared   = []string{"amq.direct", "amq.fanout", "amq.topic", "amq.headers", "amq.match"}
	tags          = []string{"c1", "c2", "c3", ""}
)

// Generate makes the program of a seed. The same seed makes the same program,
// as long as the generator is the same. One in quorumEvery has quorum queues; none
// when that is 0. One in sharedEvery has consistent-hash exchanges.
func Generate(seed, quorumEvery uint64) Program {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 2026))}
	n := leastSteps + g.IntN(mostSteps-leastSteps)
	if quorumEvery > 0 && seed%quorumEvery == 0 {
		return g.generateQuorum(n)
	}
	if seed%sharedEvery == sharedEvery/2 {
		return g.generateShared(n)
	}
	return g.fill(n, 6, opening, kinds)
}

// fill emits steps until the program has n: those of opening as long as it has fewer than begun.
func (g *generator) fill(n, begun int, opening, kinds []kind) Program {
	for len(g.program) < n {
		table := kinds
		if len(g.program) < begun {
			table = opening
		}
		g.emit(table)
	}
	return g.program
}

const sharedEvery = 16

type generator struct {
	*rand.Rand
	program Program
}

// A kind of step, and how often it comes.
type kind struct {
	weight int
	make   func(*generator) Step
}

// opening gives a program something to work with.
var opening = []kind{
	{5, (*generator).declareQueue},
	{3, (*generator).declareExchange},
	{3, (*generator).bind},
	{2, (*generator).consume},
	{1, func(*generator) Step { return Step{Method: &amqp.ConfirmSelect{}} }},
}

var kinds = []kind{
	{24, (*generator).publish},
	{10, (*generator).settle},
	{9, (*generator).get},
	{9, (*generator).consume},
	{7, (*generator).declareQueue},
	{7, (*generator).bind},
	{5, (*generator).declareExchange},
	{4, (*generator).bindExchange},
	{4, (*generator).unbind},
	{3, (*generator).cancel},
	{3, (*generator).qos},
	{3, (*generator).deleteQueue},
	{2, (*generator).recover},
	{2, (*generator).deleteExchange},
	{2, (*generator).purge},
	{2, (*generator).passive},
	{2, (*generator).directReply},
	{2, (*generator).confirmSelect},
	{4, (*generator).transact},
	{2, (*generator).leave},
	{3, (*generator).policy},
	{1, (*generator).violate},
}

func (g *generator) emit(table []kind) {
	total := 0
	for _, k := range table {
		total += k.weight
	}
	at := g.IntN(total)
	for _, k := range table {
		if at -= k.weight; at < 0 {
			s := k.make(g)
			// Most happens on one connection, so that its channels have something to do with one another.
			if g.IntN(4) == 0 {
				s.Conn = g.IntN(connections)
			}
			s.Channel = uint16(1 + g.IntN(channels))
			if len(s.Octets) > 2 && s.Octets[2] == 1 {
				s.Octets = slices.Clone(s.Octets)
				s.Octets[2] = byte(s.Channel)
			}
			g.program = append(g.program, s)
			return
		}
	}
}

func pick[T any](g *generator, from []T) T { return from[g.IntN(len(from))] }

// rarely is true once in n times.
func (g *generator) rarely(n int) bool { return g.IntN(n) == 0 }

// queue is a name, now and then the one for "declared last".
func (g *generator) queue() string {
	switch g.IntN(25) {
	case 0:
		return ""
	case 1:
		return "missing"
	}
	return pick(g, queueNames)
}

func (g *generator) exchange() string {
	switch g.IntN(20) {
	case 0:
		return ""
	case 1:
		return "missing"
	case 2, 3, 4, 5:
		return pick(g, predeclared)
	}
	return pick(g, exchangeNames)
}

// again returns a declaration of the program, to declare it again.
func (g *generator) again() (amqp.QueueDeclare, bool) {
	var earlier []*amqp.QueueDeclare
	for _, s := range g.program {
		if m, ok := s.Method.(*amqp.QueueDeclare); ok {
			earlier = append(earlier, m)
		}
	}
	if len(earlier) == 0 {
		return amqp.QueueDeclare{}, false
	}
	return *pick(g, earlier), true
}

func (g *generator) declareQueue() Step {
	if m, ok := g.again(); ok && g.rarely(6) {
		if g.rarely(2) {
			m.Durable = !m.Durable
		}
		return Step{Method: &m}
	}
	m := &amqp.QueueDeclare{
		Queue:      g.queue(),
		Durable:    g.rarely(2),
		AutoDelete: g.rarely(6),
		Exclusive:  g.rarely(8),
		NoWait:     g.rarely(30),
	}
	switch g.IntN(40) {
	case 0:
		m.Queue = "amq.mine"
	case 1:
		m.Queue = "amq.gen-mine"
	}
	if g.rarely(2) {
		m.Arguments = g.arguments(queueArguments, badQueueArguments)
	}
	m.NoWait = m.NoWait && m.Queue != "" // else nobody would know its name
	return Step{Method: m}
}

// arguments are up to three good ones, and now and then a bad one among them.
func (g *generator) arguments(good, bad []argument) amqp.Table {
	t := amqp.Table{}
	for range 1 + g.IntN(3) {
		a := pick(g, good)
		t[a.name] = pick(g, a.values)
	}
	if g.rarely(8) {
		a := pick(g, bad)
		t[a.name] = pick(g, a.values)
	}
	return t
}

func (g *generator) declareExchange() Step {
	m := &amqp.ExchangeDeclare{
		Exchange:   pick(g, exchangeNames),
		Type:       pick(g, exchangeTypes),
		Durable:    g.rarely(2),
		AutoDelete: g.rarely(6),
		Internal:   g.rarely(12),
		NoWait:     g.rarely(30),
	}
	switch g.IntN(40) {
	case 0:
		m.Exchange = pick(g, []string{"amq.mine", ""})
	case 1, 2:
		m.Exchange = pick(g, predeclared)
	case 3:
		m.Type = pick(g, []string{"odd", "", "oDirect"})
	}
	if g.rarely(5) {
		m.Arguments = g.arguments(exchangeArguments, badExchangeArguments)
	}
	return Step{Method: m}
}

func (g *generator) bind() Step {
	return Step{Method: &amqp.QueueBind{
		Queue: g.queue(), Exchange: g.exchange(), RoutingKey: g.key(), Arguments: g.matching(), NoWait: g.rarely(30),
	}}
}

func (g *generator) unbind() Step {
	for _, i := range g.Perm(len(g.program)) {
		switch m := g.program[i].Method.(type) {
		case *amqp.QueueBind:
			return Step{Method: &amqp.QueueUnbind{Queue: m.Queue, Exchange: m.Exchange, RoutingKey: m.RoutingKey, Arguments: m.Arguments}}
		case *amqp.ExchangeBind:
			return Step{Method: &amqp.ExchangeUnbind{Destination: m.Destination, Source: m.Source, RoutingKey: m.RoutingKey, Arguments: m.Arguments}}
		}
	}
	return Step{Method: &amqp.QueueUnbind{Queue: g.queue(), Exchange: g.exchange(), RoutingKey: g.key()}}
}

// bindExchange binds one of the program's own to something: what binds two of
// the predeclared ones would outlive the program.
func (g *generator) bindExchange() Step {
	m := &amqp.ExchangeBind{Destination: g.exchange(), Source: pick(g, exchangeNames), RoutingKey: g.key(), Arguments: g.matching()}
	if g.rarely(2) {
		m.Destination, m.Source = m.Source, m.Destination
	}
	return Step{Method: m}
}

// key is one to bind with.
func (g *generator) key() string {
	if g.rarely(2) {
		return pick(g, keys)
	}
	return pick(g, patterns)
}

// matching are arguments of a binding, for headers exchanges.
func (g *generator) matching() amqp.Table {
	if !g.rarely(4) {
		return nil
	}
	t := g.headers()
	if g.rarely(2) {
		t["x-match"] = pick(g, []any{"all", "any", "all-with-x", "any-with-x"})
	}
	if g.rarely(30) {
		t["x-match"] = pick(g, []any{"odd", int32(1), true})
	}
	return t
}

func (g *generator) headers() amqp.Table {
	t := amqp.Table{}
	for range g.IntN(3) {
		t[pick(g, []string{"k", "j", "x-k"})] = pick(g, []any{"v", "w", int32(1), int64(1), true, nil, 1.5})
	}
	return t
}

func (g *generator) publish() Step {
	m := &amqp.BasicPublish{Exchange: g.exchange(), RoutingKey: pick(g, keys), Mandatory: g.rarely(4), Immediate: g.rarely(150)}
	if g.rarely(2) {
		m.Exchange, m.RoutingKey = "", pick(g, queueNames)
	}
	s := Step{Method: m, Body: fmt.Sprintf("m%d", len(g.program))}
	if g.rarely(15) {
		s.Body = ""
	}
	s.Props = g.properties()
	return s
}

func (g *generator) properties() (p amqp.Properties) {
	p.DeliveryMode = uint8(g.IntN(3))
	if g.rarely(5) {
		p.Priority = pick(g, []uint8{1, 2, 3, 5, 9, 10, 255})
	}
	if g.rarely(8) {
		p.Expiration = pick(g, []string{"0", "100000000", "0100000000"})
	}
	if g.rarely(5) {
		p.Headers = g.headers()
	}
	if g.rarely(15) {
		p.Headers = amqp.Table{pick(g, []string{"CC", "BCC"}): []any{pick(g, queueNames), pick(g, keys)}}
	}
	if g.rarely(60) {
		p.Headers = amqp.Table{pick(g, []string{"CC", "BCC"}): pick(g, []any{"q1", int32(1), []any{int32(1)}, []any{}})}
	}
	if g.rarely(8) {
		p.CorrelationID, p.ContentType, p.Type = "corr", "text/plain", "t"
	}
	if g.rarely(12) {
		p.UserID = "guest"
	}
	if g.rarely(60) {
		p.UserID = "root"
	}
	if g.rarely(60) {
		p.Expiration = pick(g, []string{"-1", "soon", "1.5", "10s", "99999999999999", " 1", "+100000000", "315360000000", "315360000001"})
	}
	return p
}

func (g *generator) confirmSelect() Step {
	return Step{Method: &amqp.ConfirmSelect{NoWait: g.rarely(8)}}
}

// transact begins or ends a transaction. A channel that has begun with them goes on.
func (g *generator) transact() Step {
	return Step{Method: pick(g, []amqp.Method{&amqp.TxSelect{}, &amqp.TxCommit{}, &amqp.TxCommit{}, &amqp.TxRollback{}})}
}
