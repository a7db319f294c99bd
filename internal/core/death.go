package core

import (
	"slices"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/queue"
	"github.com/postrider-mq/postrider/internal/route"
)

// death is a message that left its queue without being acknowledged, or was
// not let in, and is to be published once more where the queue says.
//
// That happens without locks, at the end of the burst. Only then is the end of
// the message in its old queue recorded: after a crash it is in one of them, or
// in both, never in neither.
type death struct {
	queue  *Queue
	left   ref      // what the queue held
	msg    *Message // the same, in memory; set when it is published
	pos    uint64   // 0: it was never in the queue
	reason queue.Reason
	to     string  // an exchange
	key    *string // in place of its own, if not nil
}

// mourn leaves a message to its dead letter, which goes where the queue says
// now. The caller holds q.mu, and q.dying is not nil.
func (q *Queue) mourn(b *Burst, m ref, pos uint64, why queue.Reason) {
	b.dead = append(b.dead, death{queue: q, left: m, pos: pos, reason: why, to: *q.dying, key: q.dyingKey})
}

// keepDead is the longest list of deaths that a burst keeps for the next.
const keepDead = 4 * dropsABurst

// bury publishes the dead letters of the burst, and those that they lead to.
func (b *Burst) bury() {
	for i := 0; i < len(b.dead); i++ {
		d := b.dead[i]
		b.dead[i] = death{}
		d.publish(b)
		if d.pos != 0 {
			d.queue.record(b, d.pos, d.left)
		}
	}
	if cap(b.dead) > keepDead {
		b.dead = nil
	}
	b.dead = b.dead[:0]
	b.goOn()
}

// publish routes the dead letter. One that nobody takes is gone.
func (d *death) publish(b *Burst) {
	v := d.queue.vhost
	if err := d.load(&b.loader); err != nil { // which was said
		return
	}
	m, deaths, err := d.letter()
	if err != nil {
		v.core.log.Warn("a message cannot be dead-lettered", "queue", d.queue.Name, "vhost", v.Name, "error", err)
		return
	}
	queues := v.table.Load().Forward(d.to, &route.Letter{Key: m.Key, Also: m.also(), Props: m.Props}, nil)
	if d.reason != queue.Rejected {
		queues = slices.DeleteFunc(queues, func(q *Queue) bool { return cycles(q.Name, deaths) })
	}
	if out := (&Prepared{Message: m, queues: queues}).Publish(b); out.LSN != 0 {
		b.buried = true
	}
}

// load reads what died where it was paged out.
func (d *death) load(l *Loader) (err error) {
	if d.left.resident() {
		d.msg = d.left.msg
		return nil
	}
	d.msg, err = l.Keep(&Paged{queue: d.queue, pos: d.pos, ref: d.left})
	return err
}

// letter is the message as it is published again: under the queue's key if it
// has one, without expiration, and with its deaths in the headers.
func (d *death) letter() (*Message, []any, error) {
	if d.queue.isStore() {
		m, err := d.released()
		return m, nil, err
	}
	p, err := d.msg.properties()
	if err != nil {
		return nil, nil, err
	}
	if p.Headers == nil {
		p.Headers = amqp.Table{}
	}
	deaths := d.deaths(p)
	p.Headers["x-death"] = deaths
	p.Expiration = ""
	key := d.msg.Key
	if d.key != nil {
		key = *d.key
		delete(p.Headers, headerCC)
		delete(p.Headers, headerBCC)
	}
	m, err := d.message(&Address{Exchange: d.to, Key: key}, p)
	return m, deaths, err
}

// message is the one that takes the place of what died.
func (d *death) message(address *Address, p *amqp.Properties) (*Message, error) {
	props, gone, err := fit(p)
	if err != nil {
		return nil, err
	}
	if gone > 0 {
		v := d.queue.vhost
		v.core.log.Warn("a dead letter has no room for all of its publisher's headers: the largest are left out", "queue", d.queue.Name, "vhost", v.Name, "left out", gone)
	}
	m := &Message{Address: address, Props: props, Body: d.msg.Body}
	return m, m.hide()
}

// deaths are those in the headers and this one, the latest first. A message
// that dies again in the same queue for the same reason has one more counted.
func (d *death) deaths(p *amqp.Properties) []any {
	reason := d.reason.String()
	earlier, ok := p.Headers["x-death"].([]any)
	if !ok {
		p.Headers["x-first-death-reason"] = reason
		p.Headers["x-first-death-queue"] = d.queue.Name
		p.Headers["x-first-death-exchange"] = d.msg.Exchange
	}
	for i, x := range earlier {
		t, ok := x.(amqp.Table)
		if !ok || t["queue"] != d.queue.Name || t["reason"] != reason {
			continue
		}
		count, _ := amqp.Integer(t["count"])
		t["count"] = count + 1
		return slices.Insert(slices.Delete(earlier, i, i+1), 0, x)
	}
	return slices.Insert(earlier, 0, any(d.certificate(p, reason)))
}

// certificate is the entry of a first death in a queue.
func (d *death) certificate(p *amqp.Properties, reason string) amqp.Table {
	keys := []any{d.msg.Key}
	if also, ok := p.Headers[headerCC].([]any); ok {
		for _, key := range textsOf(also) {
			keys = append(keys, key)
		}
	}
	t := amqp.Table{
		"count":        int64(1),
		"reason":       reason,
		"queue":        d.queue.Name,
		"time":         d.queue.vhost.core.wall(),
		"exchange":     d.msg.Exchange,
		"routing-keys": keys,
	}
	if p.Expiration != "" {
		t["original-expiration"] = p.Expiration
	}
	return t
}

// cycles says whether a message with these deaths has been in a queue before,
// and nobody rejected it since: it would go round for ever.
func cycles(name string, deaths []any) bool {
	for _, x := range deaths {
		t, ok := x.(amqp.Table)
		if !ok || t["reason"] == "rejected" {
			return false
		}
		if t["queue"] == name {
			return true
		}
	}
	return false
}
