package clients

import (
	"fmt"
	"math/rand/v2"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/postrider-mq/postrider/torture/history"
)

// habits are how a consumer deals with what it gets. Shares are in percent.
type habits struct {
	prefetch        int
	gets            bool // basic.get
	noAck           bool
	multiple        bool // acknowledges many at once, and does nothing else
	requeue, reject int
	hangsUp         int // after a delivery, in thousandths
	slow            int // ms for each delivery
}

// Consumers returns all of them.
func Consumers(seed uint64) (list []Actor) {
	for q := range queues {
		for i, h := range queues[q].consumers {
			list = append(list, newConsumer(q, i, h, seed))
		}
	}
	return list
}

func newConsumer(queue, i int, h habits, seed uint64) *consumer {
	return &consumer{
		habits: h, queue: queue, name: fmt.Sprintf("%s/%d", queues[queue].Name, i),
		random: rand.New(rand.NewPCG(seed, uint64(1000+100*queue+i))),
	}
}

type consumer struct {
	habits
	queue  int
	name   string
	random *rand.Rand
}

func (c *consumer) play(s *Stage) error {
	l, err := s.connect("consumer " + c.name)
	if err != nil {
		return err
	}
	defer l.hangUp()
	t := &consuming{consumer: c, stage: s, line: l, session: s.History.Session(c.queue, c.name)}
	t.proof.session = t.session
	if c.gets {
		return t.getting()
	}
	return t.receiving()
}

// consuming is a consumer's time on one connection.
type consuming struct {
	*consumer
	stage   *Stage
	line    *line
	session *history.Session
	held    []held
	proof   proof
}

// held is a delivery that was not settled yet.
type held struct {
	id  history.ID
	tag uint64
}

// restless is how long a consumer holds messages when nothing else happens.
const restless = 10 * time.Millisecond

func (t *consuming) receiving() error {
	var in <-chan amqp.Delivery
	err := t.stage.do("consumer "+t.name+": consume", func() (err error) {
		if t.prefetch > 0 {
			if err := t.line.ch.Qos(t.prefetch, 0, false); err != nil {
				return err
			}
		}
		in, err = t.line.ch.Consume(queues[t.queue].Name, "", t.noAck, false, false, false, nil)
		return err
	})
	if err != nil {
		return err
	}
	for {
		select {
		case d, ok := <-in:
			if !ok {
				return t.line.lost("consumer " + t.name)
			}
			if t.take(&d); t.hangsUp > 0 && t.random.IntN(1000) < t.hangsUp {
				return nil
			}
			if t.slow > 0 {
				time.Sleep(time.Duration(t.slow) * time.Millisecond)
			}
			if len(t.held) <= t.prefetch/2 {
				continue
			}
		case <-time.After(restless):
		case <-t.stage.ctx.Done():
			return nil
		}
		if err := t.settleSome(); err != nil {
			return err
		}
	}
}

func (t *consuming) getting() error {
	for t.stage.ctx.Err() == nil {
		var d amqp.Delivery
		var ok bool
		err := t.stage.do("consumer "+t.name+": get", func() (err error) {
			d, ok, err = t.line.ch.Get(queues[t.queue].Name, false)
			return err
		})
		if err != nil {
			return err
		}
		if ok {
			t.take(&d)
		}
		if err := t.settleSome(); err != nil {
			return err
		}
		if !ok {
			time.Sleep(restless)
		}
	}
	return nil
}

func (t *consuming) take(d *amqp.Delivery) {
	got, ok := open(d)
	if !ok {
		t.session.Unreadable(string(d.Body[:min(len(d.Body), 60)]))
		return
	}
	t.session.Delivered(got)
	if !t.noAck {
		t.held = append(t.held, held{got.ID, d.DeliveryTag})
	}
}

// settleSome settles what is held, each as chance will have it, and asks for proof of what was settled before.
func (t *consuming) settleSome() error {
	if t.multiple && len(t.held) > 0 {
		return t.settleAll()
	}
	t.random.Shuffle(len(t.held), func(i, j int) { t.held[i], t.held[j] = t.held[j], t.held[i] })
	for len(t.held) > t.random.IntN(3) {
		h := t.held[len(t.held)-1]
		t.held = t.held[:len(t.held)-1]
		if err := t.settle(h); err != nil {
			return err
		}
	}
	return t.prove()
}

func (t *consuming) settle(h held) error {
	dice := t.random.IntN(100)
	how := history.Ack
	switch {
	case dice < t.reject:
		how = history.Reject
	case dice < t.reject+t.requeue:
		how = history.Requeue
	}
	t.session.Settling(h.id, how)
	t.proof.add(h.id, how)
	return t.stage.do("consumer "+t.name+": settle", func() error {
		switch {
		case how == history.Ack:
			return t.line.ch.Ack(h.tag, false)
		case dice%2 == 0:
			return t.line.ch.Nack(h.tag, false, how == history.Requeue)
		default:
			return t.line.ch.Reject(h.tag, how == history.Requeue)
		}
	})
}

// settleAll acknowledges everything up to the last delivery.
func (t *consuming) settleAll() error {
	for _, h := range t.held {
		t.session.Settling(h.id, history.Ack)
		t.proof.add(h.id, history.Ack)
	}
	last := t.held[len(t.held)-1].tag
	t.held = t.held[:0]
	if err := t.stage.do("consumer "+t.name+": settle", func() error { return t.line.ch.Ack(last, true) }); err != nil {
		return err
	}
	return t.prove()
}

func (t *consuming) prove() error {
	return t.stage.do("consumer "+t.name+": marker", func() error { return t.proof.step(t.line.ch) })
}
