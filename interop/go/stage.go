package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"reflect"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// deadline bounds each single wait.
const deadline = 20 * time.Second

// A stage is what one scenario plays on. Its methods end the scenario when
// something fails or is not as it has to be.
type stage struct {
	url         string
	connections []*amqp.Connection
}

// A mismatch is the panic that ends a scenario.
type mismatch struct{ error }

// run plays one scenario and returns why it ended early, if it did. Then its
// connections stay as they are, for closing a stuck one might take for ever.
func run(url string, play func(*stage)) (err error) {
	s := &stage{url: url}
	defer func() {
		switch r := recover().(type) {
		case nil:
			err = s.close()
		case mismatch:
			err = r.error
		default:
			panic(r)
		}
	}()
	play(s)
	return nil
}

func (s *stage) close() (err error) {
	for _, conn := range s.connections {
		err = errors.Join(err, conn.Close())
	}
	return err
}

func (s *stage) must(err error) {
	if err != nil {
		panic(mismatch{err})
	}
}

func (s *stage) want(what string, got, expected any) {
	if !reflect.DeepEqual(got, expected) {
		panic(mismatch{fmt.Errorf("%s: got %#v, want %#v", what, got, expected)})
	}
}

// channel opens a channel on a connection of its own.
func (s *stage) channel() *amqp.Channel {
	conn, err := amqp.DialConfig(s.url, amqp.Config{Dial: amqp.DefaultDial(deadline)})
	s.must(err)
	s.connections = append(s.connections, conn)
	ch, err := conn.Channel()
	s.must(err)
	return ch
}

// queue declares a queue under a name that no other run uses.
func (s *stage) queue(ch *amqp.Channel, purpose string, durable bool) string {
	q, err := ch.QueueDeclare(unique(purpose), durable, false, false, false, nil)
	s.must(err)
	return q.Name
}

// ownQueue declares a queue that the broker names and that dies with the connection.
func (s *stage) ownQueue(ch *amqp.Channel) string {
	q, err := ch.QueueDeclare("", false, false, true, false, nil)
	s.must(err)
	return q.Name
}

// drop deletes a queue and wants it to have held so many messages.
func (s *stage) drop(ch *amqp.Channel, queue string, left int) {
	n, err := ch.QueueDelete(queue, false, false, false)
	s.must(err)
	s.want("messages left", n, left)
}

func (s *stage) publish(ch *amqp.Channel, exchange, key string, m amqp.Publishing) {
	s.must(ch.Publish(exchange, key, false, false, m))
}

// An inbox is a consumer's deliveries.
type inbox struct {
	*stage
	deliveries <-chan amqp.Delivery
}

func (s *stage) consume(ch *amqp.Channel, queue string, autoAck bool) inbox {
	deliveries, err := ch.Consume(queue, "", autoAck, false, false, false, nil)
	s.must(err)
	return inbox{s, deliveries}
}

func (in inbox) next(what string) amqp.Delivery {
	return await(in.stage, in.deliveries, what)
}

// until takes messages until one of them is last, and returns all bodies.
func (in inbox) until(last string) (bodies []string) {
	for len(bodies) == 0 || bodies[len(bodies)-1] != last {
		bodies = append(bodies, string(in.next(last).Body))
	}
	return bodies
}

// await receives from a channel of the client, within the deadline.
func await[T any](s *stage, from <-chan T, what string) T {
	select {
	case v, ok := <-from:
		if ok {
			return v
		}
		panic(mismatch{fmt.Errorf("the channel closed while waiting for %s", what)})
	case <-time.After(deadline):
		panic(mismatch{fmt.Errorf("waited %v for %s", deadline, what)})
	}
}

func unique(purpose string) string {
	return "interop.go." + purpose + "." + rand.Text()[:12]
}
