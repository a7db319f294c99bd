package client

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/link"
	"github.com/postrider-mq/postrider/internal/pack"
	"github.com/postrider-mq/postrider/internal/session"
)

// This file is what the connection tells its Publisher.

// maxPiece is about how much is handed to the socket at once.
const maxPiece = 128 << 10

// next appends what is to be written on l now. midway says that it ends within a message, which goes on whether others may be written or not.
func (p *Publisher) next(l *link.Link, dst []byte) (_ []byte, midway bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.link != l:
		return dst, false
	case p.writable() == nil:
		dst = p.log.goOn(dst, maxPiece, p.frameMax)
	case p.log.ripe():
		dst = p.log.next(dst, maxPiece, p.frameMax)
	}
	return dst, p.log.going.left > 0
}

// attach begins a connection: what is unconfirmed will be written again.
//
// RabbitMQ may refuse what it would take a moment later, while a quorum queue has no leader yet, because
// it is just being made or a node has gone. So the first message goes out alone, and a refusal from where nothing was confirmed yet
// is not believed: all is sent again on another connection, a few times, in its order. But the second is, if the queue, asked for on
// that connection just before, has told of messages in it: one that nobody leads tells of none, or, where the rest of its nodes are gone, holds
// the message for a minute before it is refused. It is full then.
//
// largest is what the other side takes, 0: it does not say. packs is what it takes as one.
func (p *Publisher) attach(l *link.Link, t *turns, frameMax uint32, largest uint64, product string, packs packs) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.link, p.turns, p.frameMax, p.largest, p.refused, p.product, p.log.packs = l, t, frameMax, largest, nil, product, packs
	clear(p.sure)
	clear(p.holding)
	if product == rabbitMQ {
		p.log.careful = max(p.log.careful, 2)
	}
}

const (
	patienceWithRefusals = 7    // how many from one queue are not believed: an election is over in the ten seconds that they take
	mostDoubts           = 1000 // queues of which that is remembered
	justBefore           = 10 * time.Second
)

var errNotReady = errors.New("the broker refuses the first message to a queue: it may have no leader yet")

// counted is told that a queue, asked for on this connection, has messages in it.
func (p *Publisher) counted(q *Queue) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	p.holding[destinationOf("", q.Name)] = now
	if q.From != nil {
		for _, key := range q.Keys {
			p.holding[destinationOf(q.From.Name, key)] = now
		}
	}
}

// holds reports whether a destination has told of messages in it just before. The caller holds mu.
func (p *Publisher) holds(to []byte) bool {
	when, told := p.holding[string(to)]
	return told && p.now()-when < justBefore
}

// judge returns what a refusal means; errNotReady, if it may be hasty. The caller holds mu.
func (p *Publisher) judge(tag uint64, multiple bool, fault error) error {
	switch {
	case p.product == rabbitMQ:
	case fault != nil && p.product == postrider: // which refuses for no other reason
		return ErrQueueFull
	default:
		return fault
	}
	at := p.log.find(tag)
	if multiple && fault != nil {
		at = p.log.first()
	}
	if at == p.log.cursor {
		return fault
	}
	to := p.log.at(at).env.destination()
	full, sure := p.sure[string(to)]
	switch {
	case full:
	case fault == nil || p.doubts[string(to)] > 0 && p.holds(to):
		full = true
		p.believe(to, full)
	case sure:
	case p.doubts[string(to)] == patienceWithRefusals:
		p.believe(to, full)
	default:
		if len(p.doubts) == mostDoubts {
			clear(p.doubts)
		}
		p.doubts[string(to)]++
		return errNotReady
	}
	if fault != nil && full {
		return ErrQueueFull
	}
	return fault
}

// believe has what a destination says be the last word, on this connection. The caller holds mu.
func (p *Publisher) believe(to []byte, full bool) {
	if len(p.sure) == mostDoubts {
		clear(p.sure)
	}
	p.sure[string(to)] = full
	delete(p.doubts, string(to))
}

// destinationOf is the destination of an envelope for an exchange and a key, which are short strings.
func destinationOf(exchange, key string) string {
	to := append([]byte{byte(len(exchange))}, exchange...)
	return string(append(append(to, byte(len(key))), key...))
}

// hold keeps publishes back until what is wanted now is there.
func (p *Publisher) hold() {
	p.mu.Lock()
	p.wants++
	p.open = false
	p.mu.Unlock()
}

func (p *Publisher) wanted() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.wants
}

// release lets publishes out if nothing was wanted since wanted returned seen.
func (p *Publisher) release(l *link.Link, seen uint64) {
	p.mu.Lock()
	if p.link == l && p.wants == seen {
		p.open, p.why = true, nil
	}
	p.mu.Unlock()
	l.Wake()
}

// setBlocked notes why the broker takes no messages; an empty reason that it does again.
func (p *Publisher) setBlocked(l *link.Link, blocked string) {
	p.mu.Lock()
	if p.link == l {
		p.blocked = blocked
	}
	p.mu.Unlock()
	l.Wake()
}

// Blocked is why the broker takes no messages for now, as it says itself; empty when it does take them, or there is no connection.
func (p *Publisher) Blocked() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.blocked == session.Leaving {
		return ""
	}
	return p.blocked
}

// patienceWithInternalErrors is after how many of them in a row, with nothing confirmed in between, one may lie in a message.
const patienceWithInternalErrors = 3

// accuses tells whether the other side's reason for ending the connection may lie in what was published. Its internal
// errors mostly do not: a node of a cluster has gone, or two clients have declared one queue at once. The caller holds mu.
func (p *Publisher) accuses(blame *amqp.Error) bool {
	if blame != nil && blame.Code == amqp.InternalError {
		p.internalErrors++
		return p.internalErrors > patienceWithInternalErrors
	}
	return blame != nil
}

// detach ends a connection. blame is the reason when it may lie in what was
// published: if that was a single message, it shares the connection's fate, else
// they are tried again one by one.
func (p *Publisher) detach(why error, blame *amqp.Error) {
	p.mu.Lock()
	p.link, p.turns, p.largest, p.open, p.blocked = nil, nil, 0, false, ""
	p.why = fmt.Errorf("%w: %w", ErrDown, why)
	var culprit *Fate
	suspects := 0
	if p.accuses(blame) {
		suspects = p.log.unconfirmed()
	}
	if suspects == 1 {
		culprit = p.takeFirst()
	}
	p.log.rewind()
	p.expireAt(max(1, p.now())) // what was written has no timer
	if suspects > 1 {
		p.log.careful = suspects
	}
	p.hint = p.log.tail
	p.breakCalls(why, culprit, suspects > 0)
	p.freed()
	p.mu.Unlock()
	if culprit != nil {
		culprit.Confirmed(blame)
	}
}

// takeFirst removes the oldest live message. The caller holds mu.
func (p *Publisher) takeFirst() *Fate {
	p.log.trim()
	e := p.log.at(p.log.tail)
	f := e.fate
	e.tell()
	p.log.free(e)
	p.log.trim()
	return f
}

// refuse tells those who wait that connecting fails for a reason that does not pass by itself.
// What was posted stays.
func (p *Publisher) refuse(err error) {
	var told []*Fate
	p.mu.Lock()
	p.refused, p.why = err, err
	p.log.each(p.log.cursor, func(e *entry) {
		if e.wait {
			told = append(told, e.fate)
			p.log.free(e)
		}
	})
	p.log.trim()
	p.freed()
	if p.idle != nil { // who waits for all to be confirmed would wait in vain
		close(p.idle)
		p.idle = nil
	}
	p.mu.Unlock()
	for _, f := range told {
		f.Confirmed(err)
	}
}

// down records why the last attempt to connect failed.
func (p *Publisher) down(why error) {
	p.mu.Lock()
	p.why = why
	p.mu.Unlock()
}

// confirm settles what an ack (fault nil) or a nack names; for the reader.
func (p *Publisher) confirm(tag uint64, multiple bool, fault error) {
	p.mu.Lock()
	if fault = p.judge(tag, multiple, fault); fault == errNotReady {
		l := p.link
		p.mu.Unlock()
		l.Close(errNotReady)
		return
	}
	p.settled = p.log.confirm(tag, multiple, p.settled[:0])
	p.internalErrors = 0
	done := p.doneLater()
	p.freed()
	l := p.writable()
	if p.log.cursor == p.log.head || !p.log.ripe() {
		l = nil
	}
	p.mu.Unlock()
	returned := false // all are looked at first, so that their memory is fetched side by side
	for _, f := range p.settled {
		returned = returned || f.returned
	}
	for i, f := range p.settled {
		p.settled[i] = nil
		why := fault
		if returned && why == nil && f.returned {
			why = ErrUnroutable
		}
		if why != nil {
			f.write() // as it was, see entry.write
		}
		f.decide(why, Written)
	}
	if len(done) > 0 {
		p.keeper.Done(done)
	}
	if l != nil { // what was held back until then
		l.Wake()
	}
}

// doneLater takes over the tickets of what was just settled, if some of it came back: who is told of that may keep it anew, and until then it is not
// done with. The caller holds mu.
func (p *Publisher) doneLater() (done []uint64) {
	if len(p.log.done) > 0 && slices.ContainsFunc(p.settled, func(f *Fate) bool { return f.returned }) {
		done, p.log.done = p.log.done, nil
	}
	return done
}

// returned notes that a message could not be routed; its confirm is still to come. Returns come in
// the order of publishing, so the search goes on where the last one ended.
//
// Other programs' messages, which are passed on under their ids, may have equal ones, and so may those whose senders choose: so the destination
// counts, too, and the body. Of two that are alike in all, one is as good as the other: what is said of them is said of one id. A pack is
// alike only as a whole, for it stands for the others in it.
func (p *Publisher) returned(exchange, key string, c *session.Content) {
	if p.untaken != nil {
		p.untaken(exchange, key)
	}
	v, err := c.Props.View()
	if err != nil {
		return
	}
	m := cameBack{id: v.MessageID, body: c.Body, at: destinationOf(exchange, key), prefix: string(v.MessageID)}
	if string(v.ContentEncoding) == pack.Encoding {
		if name, first, rest, ok := pack.Next(c.Body); ok {
			m.id, m.body, m.rest = name.AppendTo(nil, m.prefix), first, rest
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	from := max(p.hint, p.log.tail)
	if !p.markReturned(&m, from, p.log.cursor) {
		p.markReturned(&m, p.log.tail, min(from, p.log.cursor))
	}
}

// cameBack is a message that could not be routed, or a pack of them.
type cameBack struct {
	at       string
	id, body []byte
	rest     []byte // of the pack, behind the first
	prefix   string // of counted ids in it
}

func (p *Publisher) markReturned(m *cameBack, from, to uint64) bool {
	for i := from; i < to; i++ {
		e := p.log.at(i)
		if e.fate == nil || e.fate.returned || !e.has(m.id) || string(e.env.destination()) != m.at || !e.holds(m.body) {
			continue
		}
		if !p.log.went(i, m.rest, m.prefix) {
			continue
		}
		for tag := e.tag; i < to && p.log.at(i).tag == tag; i++ { // with all of its pack
			if f := p.log.at(i).fate; f != nil {
				f.returned = true
			}
		}
		p.hint = i
		return true
	}
	return false
}

// close ends everything: what was not confirmed by now is reported as it stands.
func (p *Publisher) close() {
	var fates []*Fate
	p.mu.Lock()
	p.closed, p.open = true, false
	if p.timer != nil {
		p.timer.Stop()
	}
	p.log.each(p.log.tail, func(e *entry) {
		e.tell()
		fates = append(fates, e.fate)
		p.log.free(e)
	})
	p.log.trim()
	p.log.done = nil // what is kept stays so
	p.breakCalls(ErrClosed, nil, false)
	p.closeCalls()
	p.freed()
	p.mu.Unlock()
	for _, f := range fates {
		f.Confirmed(fmt.Errorf("%w: message was not confirmed", ErrClosed))
	}
}
