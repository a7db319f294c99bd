package clients

import (
	"fmt"
	"math/rand/v2"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/postrider-mq/postrider/torture/history"
)

// Publishers returns one of each kind.
func Publishers(seed uint64) (list []Actor) {
	_, plan := Plan()
	for i := range publishers {
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		if publishers[i].transacts {
			list = append(list, &transactor{publishers[i], i, plan[i].Lane, random})
		} else {
			list = append(list, &publisher{publisherSpec: publishers[i], number: i, lane: plan[i].Lane, random: random})
		}
	}
	return list
}

// publisher publishes a window of messages, waits until all are confirmed, and rests. What was not confirmed when the
// connection broke stays open; it is not sent again.
type publisher struct {
	publisherSpec
	number int
	lane   func(seq int) int
	random *rand.Rand
	sent   int
}

func (p *publisher) play(s *Stage) error {
	l, err := s.connect("publisher " + p.name)
	if err != nil {
		return err
	}
	defer l.hangUp()
	turn := &publishing{publisher: p, stage: s, line: l}
	turn.answers = l.ch.NotifyPublish(make(chan amqp.Confirmation, 2*p.window))
	defer turn.hearOut()
	for s.ctx.Err() == nil {
		if err := turn.window(); err != nil {
			return err
		}
		if p.most > 0 && p.sent >= p.most {
			<-s.ctx.Done()
			break
		}
		rest(s, p.random, p.pause)
	}
	return nil
}

// rest waits for at most so many milliseconds.
func rest(s *Stage, random *rand.Rand, most int) {
	select {
	case <-s.ctx.Done():
	case <-time.After(time.Duration(random.IntN(most*1000)) * time.Microsecond):
	}
}

// publishing is a publisher's time on one connection.
type publishing struct {
	*publisher
	stage   *Stage
	line    *line
	answers chan amqp.Confirmation
	open    []history.ID // not answered yet: number n at n-1-gone
	gone    uint64
}

// window publishes a window and waits for its confirms.
func (t *publishing) window() error {
	for range t.publisher.window {
		if t.stage.ctx.Err() != nil {
			return nil
		}
		id := t.stage.History.Publishing(t.number)
		m := t.publishing(id, t.lane(id.Seq))
		t.sent++
		t.open = append(t.open, id)
		err := t.stage.do("publisher "+t.name+": publish", func() error {
			return t.line.ch.Publish(t.exchange, t.key, false, false, m)
		})
		if err != nil {
			return err
		}
		t.hear()
	}
	return t.await()
}

// hear takes the answers that are there.
func (t *publishing) hear() {
	for {
		select {
		case c, ok := <-t.answers:
			if !ok {
				return
			}
			t.answer(c)
		default:
			return
		}
	}
}

func (t *publishing) await() error {
	late := time.NewTimer(Patience)
	defer late.Stop()
	for len(t.open) > 0 {
		select {
		case c, ok := <-t.answers:
			if !ok {
				return t.line.lost("publisher " + t.name)
			}
			t.answer(c)
		case <-t.stage.ctx.Done():
			return nil
		case <-late.C:
			return fmt.Errorf("hang: publisher %s: %v and %d others were not answered in %v", t.name, t.open[0], len(t.open)-1, Patience)
		}
	}
	return nil
}

// answer notes one answer. The client puts them in order.
func (t *publishing) answer(c amqp.Confirmation) {
	if len(t.open) == 0 || c.DeliveryTag != t.gone+1 {
		t.stage.fail(fmt.Errorf("publisher %s: an answer to number %d, when %d are answered and %d open", t.name, c.DeliveryTag, t.gone, len(t.open)))
		return
	}
	id := t.open[0]
	t.open, t.gone = t.open[1:], t.gone+1
	if c.Ack {
		t.stage.History.Confirmed(id)
	} else {
		t.stage.History.Refused(id)
	}
}

// hearOut ends the connection and takes what it had still brought.
func (t *publishing) hearOut() {
	t.line.hangUp()
	for c := range t.answers {
		t.answer(c)
	}
}
