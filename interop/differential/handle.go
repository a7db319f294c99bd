package differential

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/postrider-mq/postrider/amqp"
)

// handle takes what the broker said: it answers what has to be answered, keeps
// the books, and shows the rest.
func (l *link) handle(e *event) {
	if e.channel == inspector {
		l.shown = e
		l.onInspector(e.method)
		return
	}
	if e.channel == barrier {
		l.onBarrier(e.method)
		return
	}
	if e.channel == 0 {
		l.onConnection(e.method)
		return
	}
	ch := l.channels[e.channel]
	if ch == nil {
		l.world.showing.add(l.name, fmt.Sprintf("a closed channel says %s", showMethod(e.method)))
		return
	}
	l.onChannel(ch, e)
}

func (l *link) onInspector(m amqp.Method) {
	switch m.(type) {
	case *amqp.ChannelOpenOk:
	case *amqp.ChannelClose:
		l.say(inspector, &amqp.ChannelCloseOk{})
		l.inspecting = false
		l.answers = append(l.answers, m)
	default:
		l.answers = append(l.answers, m)
	}
}

func (l *link) onConnection(m amqp.Method) {
	l.world.showing.add(l.name, showMethod(m))
	if m.ID() == amqp.ConnectionCloseID {
		l.say(0, &amqp.ConnectionCloseOk{})
	}
	if m.ID() == amqp.ConnectionCloseID || m.ID() == amqp.ConnectionCloseOkID {
		l.end()
	}
}

func (l *link) onChannel(ch *channel, e *event) {
	w := l.world
	switch m := e.method.(type) {
	case *amqp.ChannelFlowOk:
		ch.flows--
	case *amqp.ChannelOpenOk:
	case *amqp.ChannelClose:
		l.say(ch.number, &amqp.ChannelCloseOk{})
		delete(l.channels, ch.number)
		w.showing.add(ch.name+" replies", showMethod(m))
	case *amqp.ChannelCloseOk:
		delete(l.channels, ch.number)
		w.showing.add(ch.name+" replies", showMethod(m))
	case *amqp.BasicAck:
		w.showing.confirmed(ch, m.DeliveryTag, m.Multiple, "ack")
	case *amqp.BasicNack:
		w.showing.confirmed(ch, m.DeliveryTag, m.Multiple, "nack")
	case *amqp.BasicReturn:
		w.onReturn(ch, m, e)
	case *amqp.BasicDeliver:
		w.onDeliver(ch, m, e)
	case *amqp.BasicGetOk:
		w.onGet(ch, m, e)
	case *amqp.BasicCancel:
		w.showing.add(ch.name+" notices", showMethod(m))
	default:
		w.onReply(ch, m)
	}
}

func (w *world) onReply(ch *channel, m amqp.Method) {
	switch m := m.(type) {
	case *amqp.BasicConsumeOk:
		w.names.learn(m.ConsumerTag, "amq.ctag-", "ctag")
		ch.noAck[m.ConsumerTag] = ch.consuming
	case *amqp.TxCommitOk:
		ch.committing = false
	case *amqp.QueueDeclareOk:
		if m.Queue != "" && !strings.HasPrefix(m.Queue, "amq.rabbitmq.reply-to") {
			w.queues[m.Queue] = true
		}
		w.names.learn(m.Queue, "amq.gen-", "gen")
	}
	w.showing.add(ch.name+" replies", showMethod(m))
}

// onReturn shows a message that came back. Its confirm must not be here yet.
func (w *world) onReturn(ch *channel, m *amqp.BasicReturn, e *event) {
	late := ""
	if seq, ok := ch.confirmOf[string(e.body)]; ok && !ch.unconfirmed[seq] {
		late = " AFTER ITS CONFIRM"
	}
	w.showing.add(ch.name+" returns", showMethod(m)+w.content(e)+late)
}

func (w *world) onDeliver(ch *channel, m *amqp.BasicDeliver, e *event) {
	consumer := w.names.normal(m.ConsumerTag)
	ch.deliver(w, m.DeliveryTag, consumer, ch.noAck[m.ConsumerTag])
	if ch.closing { // who has asked for that looks at nothing else any more
		return
	}
	c := *m
	c.DeliveryTag = 0
	w.showing.add(ch.name+" to "+consumer, showMethod(&c)+w.content(e))
}

func (w *world) onGet(ch *channel, m *amqp.BasicGetOk, e *event) {
	ch.deliver(w, m.DeliveryTag, "", ch.consuming)
	c := *m
	c.DeliveryTag = 0
	w.showing.add(ch.name+" replies", showMethod(&c)+w.content(e))
}

// deliver checks that tags are given one after another.
func (ch *channel) deliver(w *world, tag uint64, consumer string, noAck bool) {
	if tag != ch.lastTag+1 {
		w.showing.add(ch.name+" tags", fmt.Sprintf("%d follows %d", tag, ch.lastTag))
	}
	ch.lastTag = tag
	if !noAck {
		ch.outstanding = append(ch.outstanding, outstanding{tag, w.step, consumer})
	}
}

func (w *world) content(e *event) string {
	if strings.HasPrefix(e.props.ReplyTo, replyPrefix) {
		w.replyTo = e.props.ReplyTo
	}
	return fmt.Sprintf(" %s body=%q", showProperties(&e.props), e.body)
}

// finish closes what the program left open, shows what is in the queues, and
// removes everything.
func (w *world) finish() {
	for _, l := range w.live() {
		for _, ch := range l.each() {
			if l.channels[ch.number] != ch {
				continue
			}
			ch.closing = true
			l.say(ch.number, &amqp.ChannelClose{ReplyCode: amqp.ReplySuccess})
			w.settle() // what it gives back may go to the others
		}
	}
	links := w.live()
	slices.Reverse(links) // queues that a connection has for itself it shows itself
	for _, name := range slices.Sorted(maps.Keys(w.queues)) {
		w.empty(links, name)
	}
	for _, l := range links[:len(links)-1] {
		l.say(0, &amqp.ConnectionClose{ReplyCode: amqp.ReplySuccess})
		l.readUntil(func() bool { return false })
	}
	for _, name := range exchangeNames {
		w.control.ask(&amqp.ExchangeDelete{Exchange: name})
	}
	w.clearPolicies()
}

// left is where and how a message in a queue is shown.
func (w *world) left(queue string, m *amqp.BasicGetOk, e *event) (place, line string) {
	if w.sharing == nil {
		return "end " + queue, showMethod(m) + w.content(e)
	}
	m.MessageCount = 0
	return "end " + string(e.body), w.sharing.verdict(string(e.body), queue) + ": " + showMethod(m) + w.content(e)
}

// empty shows what is in a queue, and deletes it.
func (w *world) empty(links []*link, name string) {
	for _, l := range links {
		if found, _ := l.inspect([]string{name}); len(found) == 0 {
			continue
		}
		for {
			answers := l.ask(&amqp.BasicGet{Queue: name, NoAck: true})
			if len(answers) == 0 || answers[0].ID() != amqp.BasicGetOkID {
				break
			}
			c := *answers[0].(*amqp.BasicGetOk)
			c.DeliveryTag = 0
			w.showing.add(w.left(name, &c, l.shown))
		}
		l.ask(&amqp.QueueDelete{Queue: name})
		return
	}
}
