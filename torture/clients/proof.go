package clients

import (
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/postrider-mq/postrider/torture/history"
)

// proof finds out which settlements are durable. Nobody answers a settlement; but the broker takes what comes on a
// channel in turn and keeps one journal. So when a persistent message that was published behind a settlement on its
// channel is confirmed, the settlement is on the disk as well.
//
// A rejection takes two rounds: its dead letter is written when the broker has done everything that it read together
// with it, which may include the first of the markers, and is done before it reads the second.
type proof struct {
	session *history.Session
	fresh   []settled // behind no marker yet
	once    []settled // rejections behind one confirmed marker
	behind  struct {  // of the marker on its way
		marker      *amqp.DeferredConfirmation
		fresh, once []settled
	}
}

type settled struct {
	id  history.ID
	how history.Settlement
}

func (p *proof) add(id history.ID, how history.Settlement) {
	if how != history.Requeue {
		p.fresh = append(p.fresh, settled{id, how})
	}
}

// step takes the answer to a marker, if it is there, and sends the next.
func (p *proof) step(ch *amqp.Channel) (err error) {
	if m := p.behind.marker; m != nil {
		select {
		case <-m.Done():
		default:
			return nil
		}
		p.behind.marker = nil
		if m.Acked() {
			p.proven()
		}
	}
	if len(p.fresh)+len(p.once) == 0 {
		return nil
	}
	p.behind.fresh, p.behind.once = p.fresh, p.once
	p.fresh, p.once = nil, nil
	marker := amqp.Publishing{DeliveryMode: amqp.Persistent, Body: []byte("marker")}
	p.behind.marker, err = ch.PublishWithDeferredConfirm("", markers, false, false, marker)
	return err
}

func (p *proof) proven() {
	for _, s := range p.behind.once {
		p.session.Durable(s.id, s.how)
	}
	for _, s := range p.behind.fresh {
		if s.how == history.Reject {
			p.once = append(p.once, s)
			continue
		}
		p.session.Durable(s.id, s.how)
	}
}
