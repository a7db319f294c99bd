package differential

import (
	"fmt"
	"slices"
	"strings"

	"github.com/postrider-mq/postrider/amqp"
)

// quorum says whether a program has quorum queues. RabbitMQ writes down what
// becomes of their messages before it does it, while channels go on; so a
// question to the channel does not tell that all is done.
func (p Program) quorum() bool {
	return slices.ContainsFunc(p, func(s Step) bool {
		m, ok := s.Method.(*amqp.QueueDeclare)
		return ok && m.Arguments["x-queue-type"] == "quorum"
	})
}

// bounded says whether a quorum queue may have a limit of its length.
func (p Program) bounded() bool { return p.quorum() && p.mentions("max-length") }

// refusing says whether it may refuse what is beyond.
func (p Program) refusing() bool { return p.bounded() && p.mentions("reject-publish") }

// mentions says whether a queue or a policy has such an argument, or such a value of one.
func (p Program) mentions(what string) bool {
	return slices.ContainsFunc(p, func(s Step) bool {
		m, ok := s.Method.(*amqp.QueueDeclare)
		return ok && strings.Contains(fmt.Sprint(m.Arguments), what) || s.Policy != nil && strings.Contains(s.Policy.Definition, what)
	})
}

// barrier is the channel on which the control connection writes to a quorum queue of its own.
const barrier = 98

const barrierQueue = "barrier"

// writeBehind returns when a purge is on the disk that was written after
// everything else: RabbitMQ has one log for all quorum queues.
func (w *world) writeBehind() {
	l := w.control
	if w.barriers == 0 {
		l.say(barrier, &amqp.ChannelOpen{})
		l.say(barrier, &amqp.QueueDeclare{
			Queue: barrierQueue, Durable: true, Arguments: amqp.Table{"x-queue-type": "quorum"},
		})
	}
	w.barriers++
	l.say(barrier, &amqp.QueuePurge{Queue: barrierQueue})
	due := w.barriers
	l.readUntil(func() bool { return l.purged >= due })
}

// onBarrier counts the purges.
func (l *link) onBarrier(m amqp.Method) {
	switch m.(type) {
	case *amqp.QueuePurgeOk:
		l.purged++
	case *amqp.ChannelOpenOk, *amqp.QueueDeclareOk:
	default:
		l.world.showing.add("barrier", showMethod(m))
	}
}

// generateQuorum makes a program whose queues are quorum queues.
func (g *generator) generateQuorum(n int) Program {
	for channel := range channels {
		for conn := range connections { // of what waits for a confirm it is known when it has arrived
			g.program = append(g.program, Step{Conn: conn, Channel: uint16(1 + channel), Method: &amqp.ConfirmSelect{}})
		}
	}
	return g.fill(n+connections*channels, 8, quorumOpening, quorumKinds)
}

var quorumOpening = []kind{
	{5, (*generator).declareQuorum},
	{1, (*generator).declareExchange},
	{1, (*generator).bind},
	{2, (*generator).consumeShared},
}

var quorumKinds = []kind{
	{24, (*generator).publishPlain},
	{14, (*generator).settle},
	{9, (*generator).get},
	{9, (*generator).consumeShared},
	{6, (*generator).declareQuorum},
	{3, (*generator).bind},
	{2, (*generator).declareExchange},
	{3, (*generator).cancel},
	{2, (*generator).qos},
	{1, (*generator).deleteQueue},
	{2, (*generator).recover},
	{1, (*generator).purge},
	{2, (*generator).leaveChannel},
	{3, (*generator).policy},
}

func (g *generator) declareQuorum() Step {
	m := &amqp.QueueDeclare{Queue: pick(g, queueNames), Durable: !g.rarely(20), AutoDelete: g.rarely(30), Exclusive: g.rarely(30)}
	m.Arguments = amqp.Table{}
	if g.rarely(2) {
		m.Arguments = g.arguments(quorumArguments, badQuorumArguments)
	}
	if _, ok := m.Arguments["x-delivery-limit"]; !ok { // without one RabbitMQ 3.10 puts at the end what comes back
		m.Arguments["x-delivery-limit"] = pick(g, []any{int32(0), int32(1), int32(2), int64(3)})
	}
	m.Arguments["x-queue-type"] = "quorum"
	return Step{Method: m}
}

// publishPlain publishes without a priority, for which quorum queues of 3.10 have no ear.
func (g *generator) publishPlain() Step {
	s := g.publish()
	s.Props.Priority = 0
	if s.Props.Expiration == "0" { // RabbitMQ drops such a message only when it looks at it
		s.Props.Expiration = ""
	}
	if m := s.Method.(*amqp.BasicPublish); g.rarely(2) {
		m.Exchange, m.RoutingKey = "", pick(g, queueNames)
	}
	return s
}

// consumeShared leaves out exclusive consumers, whom quorum queues of 3.10 do not know.
func (g *generator) consumeShared() Step {
	s := g.consume()
	s.Method.(*amqp.BasicConsume).Exclusive = false
	return s
}

func (g *generator) leaveChannel() Step {
	return Step{Method: &amqp.ChannelClose{ReplyCode: amqp.ReplySuccess}}
}

var quorumArguments = []argument{
	{"x-expires", []any{int32(100000000)}},
	{"x-max-length", []any{int32(1), int32(2), int64(3)}},
	{"x-max-length-bytes", []any{int32(3), int64(6)}},
	{"x-overflow", []any{"drop-head", "reject-publish"}},
	{"x-dead-letter-exchange", []any{"", "amq.fanout", "missing"}},
	{"x-single-active-consumer", []any{true, false}},
	{"x-quorum-initial-group-size", []any{int32(1)}},
}

var badQuorumArguments = []argument{
	{"x-delivery-limit", []any{"many", 1.5}},
	{"x-max-priority", []any{int32(3)}},
	{"x-queue-mode", []any{"lazy"}},
	{"x-max-length", []any{int32(-1)}},
	{"x-overflow", []any{"odd", "reject-publish-dlx"}},
	{"x-quorum-initial-group-size", []any{int32(0), "one"}},
	{"x-other", []any{"text"}},
}
