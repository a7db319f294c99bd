package differential

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"time"

	"github.com/postrider-mq/postrider/amqp"
)

// inspector is the channel that looks at queues, on every connection.
const inspector = 99

// rounds bounds how often all channels are asked until nothing moves any more.
// What moves longer than that moves for ever.
const rounds = 50

// settle waits until nothing moves any more, and shows the queues.
func (w *world) settle() {
	var last []string
	for range rounds {
		before := w.showing.events
		w.roundTrip()
		if w.quorum {
			w.inspectAll() // so that all have heard what they were told
			w.writeBehind()
			w.roundTrip()
		}
		now := w.inspectAll()
		if last != nil && before == w.showing.events && slices.Equal(last, now) {
			for _, line := range now {
				w.showing.add("queues", line)
			}
			return
		}
		last = append([]string{}, now...)
	}
	w.showing.add("queues", "never come to rest")
}

// roundTrip asks every channel something that changes nothing, and reads until
// all have answered, or are closed, and have their confirms. What a channel says before its commit is answered closes RabbitMQ's connection.
func (w *world) roundTrip() {
	links := w.live()
	for _, l := range links {
		for _, ch := range l.each() {
			l.readUntil(func() bool { return !ch.committing || l.channels[ch.number] != ch })
			if !ch.closing && l.channels[ch.number] == ch {
				ch.flows++
				l.say(ch.number, &amqp.ChannelFlow{Active: true})
			}
		}
	}
	for _, l := range links {
		l.readUntil(l.quiet)
	}
}

// quiet says that nothing is due on any channel.
func (l *link) quiet() bool {
	for _, ch := range l.channels {
		if ch.closing || ch.flows > 0 || len(ch.unconfirmed) > 0 {
			return false
		}
	}
	return true
}

// readUntil reads until done, or the connection is over. A broker that keeps
// silent for too long is said to hang.
func (l *link) readUntil(done func() bool) {
	for !l.ended && !done() {
		e, err := l.next()
		switch {
		case err == errHungUp:
			l.world.showing.add(l.name, "is hung up on")
			l.end()
		case err != nil:
			l.world.showing.add(l.name, "hangs: "+hang(err))
			l.close()
			l.end()
		default:
			l.handle(e)
		}
	}
}

// hang says what went wrong, without the ports of the connection.
func hang(err error) string {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return "nothing comes"
	}
	return err.Error()
}

// say sends a method that cannot fail to be encoded. That the connection broke
// is seen when it is read.
func (l *link) say(channel uint16, m amqp.Method) { _ = l.send(channel, m) }

// end is called when a connection is over. All that belonged to it is gone when
// its exclusive queue is.
func (l *link) end() {
	l.ended = true
	l.close()
	w := l.world
	if l == w.control {
		return
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		found, locked := w.control.inspect([]string{mark(l.name)})
		if len(found)+len(locked) == 0 {
			return
		}
	}
	w.showing.add(l.name, "keeps its exclusive queue after its end")
}

// counts leaves out the consumers of quorum queues: RabbitMQ counts who has got a message there and not settled it.
func (w *world) counts(ok *amqp.QueueDeclareOk) string {
	if w.quorum {
		return fmt.Sprintf("%d ready", ok.MessageCount)
	}
	return fmt.Sprintf("%d ready, %d consumers", ok.MessageCount, ok.ConsumerCount)
}

// inspectAll asks for each queue that may be there what it has.
func (w *world) inspectAll() (lines []string) {
	unknown := slices.Sorted(maps.Keys(w.queues))
	found := map[string]*amqp.QueueDeclareOk{}
	for _, l := range w.live() {
		seen, locked := l.inspect(unknown)
		maps.Copy(found, seen)
		unknown = locked
	}
	if w.sharing != nil {
		return w.sum(found)
	}
	for _, name := range slices.Sorted(maps.Keys(w.queues)) {
		if ok := found[name]; ok != nil {
			lines = append(lines, "queue "+name+": "+w.counts(ok))
		} else {
			delete(w.queues, name)
		}
	}
	return lines
}

// inspect declares queues passively: those that are there, and those that
// another connection has for itself, or may have: a connection that ends meanwhile does not say.
func (l *link) inspect(names []string) (found map[string]*amqp.QueueDeclareOk, locked []string) {
	found = map[string]*amqp.QueueDeclareOk{}
	for len(names) > 0 && !l.ended {
		asked := make([]amqp.Method, len(names))
		for i, name := range names {
			asked[i] = &amqp.QueueDeclare{Queue: name, Passive: true}
		}
		for _, m := range l.ask(asked...) {
			name := names[0]
			names = names[1:]
			switch m := m.(type) {
			case *amqp.QueueDeclareOk:
				found[name] = m
			case *amqp.ChannelClose:
				if m.ReplyCode == amqp.ResourceLocked {
					locked = append(locked, name)
				}
			}
		}
	}
	return found, append(locked, names...)
}

// ask sends methods on the inspector's channel and returns their answers. A
// close of the channel is the last.
func (l *link) ask(methods ...amqp.Method) []amqp.Method {
	if !l.inspecting {
		l.say(inspector, &amqp.ChannelOpen{})
		l.inspecting = true
	}
	l.answers = l.answers[:0]
	_ = l.send(inspector, methods...)
	l.readUntil(func() bool { return len(l.answers) == len(methods) || !l.inspecting })
	return l.answers
}
