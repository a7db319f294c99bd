package clients

import (
	"math/rand/v2"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/postrider-mq/postrider/torture/history"
)

// transactor publishes in transactions. What was committed counts as confirmed when the answer is there, what was rolled
// back as refused when it is about to be: none of it may ever be seen.
type transactor struct {
	publisherSpec
	number int
	lane   func(seq int) int
	random *rand.Rand
}

func (p *transactor) play(s *Stage) error {
	l, err := s.connect("publisher " + p.name)
	if err != nil {
		return err
	}
	defer l.hangUp()
	var ch *amqp.Channel
	err = s.do("publisher "+p.name+": tx.select", func() (err error) {
		if ch, err = l.conn.Channel(); err != nil {
			return err
		}
		return ch.Tx()
	})
	if err != nil {
		return err
	}
	for s.ctx.Err() == nil {
		if err := p.transaction(s, ch); err != nil {
			return err
		}
		rest(s, p.random, p.pause)
	}
	return nil
}

func (p *transactor) transaction(s *Stage, ch *amqp.Channel) error {
	var sent []history.ID
	for range 1 + p.random.IntN(p.window) {
		id := s.History.Publishing(p.number)
		sent = append(sent, id)
		m := p.publishing(id, p.lane(id.Seq))
		err := s.do("publisher "+p.name+": publish", func() error { return ch.Publish(p.exchange, p.key, false, false, m) })
		if err != nil {
			return err
		}
	}
	if p.random.IntN(4) == 0 {
		return p.rollBack(s, ch, sent)
	}
	if err := s.do("publisher "+p.name+": tx.commit", ch.TxCommit); err != nil {
		return err
	}
	for _, id := range sent {
		s.History.Confirmed(id)
	}
	return nil
}

func (p *transactor) rollBack(s *Stage, ch *amqp.Channel, sent []history.ID) error {
	for _, id := range sent {
		s.History.Refused(id)
	}
	return s.do("publisher "+p.name+": tx.rollback", ch.TxRollback)
}
