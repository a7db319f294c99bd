package main

import (
	"context"
	"errors"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/postrider-mq/postrider/internal/measure"
)

// A rabbitClient is RabbitMQ's own client for Go, on whatever broker there is.
type rabbitClient struct {
	order   order
	conn    *amqp091.Connection
	channel *amqp091.Channel
}

func (c *rabbitClient) open(o order) (err error) {
	c.order = o
	if c.conn, err = amqp091.Dial(o.Broker); err != nil {
		return err
	}
	if c.channel, err = c.conn.Channel(); err != nil || o.Declared {
		return err
	}
	_, err = c.channel.QueueDeclare(o.Mailbox, true, false, false, false, nil)
	return err
}

func (c *rabbitClient) close() error {
	if c.conn == nil {
		return nil
	}
	return c.conn.Close()
}

// rabbitSender publishes with a window of messages that are not confirmed.
type rabbitSender struct {
	rabbitClient
	confirms chan amqp091.Confirmation
}

func (s *rabbitSender) prepare(o order) (string, error) {
	if err := s.open(o); err != nil {
		return "", err
	}
	s.confirms = s.channel.NotifyPublish(make(chan amqp091.Confirmation, o.Window))
	return "", s.channel.Confirm(false)
}

func (s *rabbitSender) work(<-chan struct{}) (tally, error) {
	ahead := newCredit(s.order.Window)
	go func() {
		for c := range s.confirms {
			if !c.Ack {
				ahead.fail(errors.New("the broker refused a message"))
				return
			}
			ahead.give(1)
		}
		ahead.fail(errors.New("the channel is closed"))
	}()
	mode := amqp091.Persistent
	if s.order.Transient {
		mode = amqp091.Transient
	}
	watch := newStopwatch(s.order)
	err := stream(s.order, measure.NewPace(float64(s.order.Rate)), watch, func(body []byte) error {
		if err := ahead.take(nil); err != nil {
			return err
		}
		return s.channel.PublishWithContext(context.Background(), "", s.order.Mailbox, false, false,
			amqp091.Publishing{DeliveryMode: mode, Body: body})
	})
	if err == nil {
		err = ahead.drain(s.order.Window)
	}
	if err != nil {
		return tally{}, err
	}
	return watch.stop()
}

// ackEach is how many messages RabbitMQ's own clients acknowledge at once, as its guides advise: each acknowledgement is a write.
const ackEach = 100

// rabbitReceiver acknowledges many messages at once.
type rabbitReceiver struct {
	rabbitClient
	deliveries <-chan amqp091.Delivery
}

func (r *rabbitReceiver) prepare(o order) (string, error) {
	err := r.open(o)
	if err == nil {
		err = r.channel.Qos(o.Prefetch, 0, false)
	}
	if err == nil {
		r.deliveries, err = r.channel.Consume(o.Mailbox, "bench", false, false, false, false, nil)
	}
	return "", err
}

func (r *rabbitReceiver) work(stop <-chan struct{}) (tally, error) {
	arrivals := newArrivals(r.order)
	for {
		select {
		case <-stop:
			return tally{}, errStopped
		case d, ok := <-r.deliveries:
			if !ok {
				return tally{}, errors.New("the channel is closed")
			}
			last, err := arrivals.add(d.Body)
			if err == nil && d.Redelivered {
				err = errors.New("a message was delivered again")
			}
			if err == nil && (arrivals.audit.count%ackEach == 0 || last) {
				err = d.Ack(true)
			}
			if err != nil {
				return tally{}, err
			}
			if last {
				return arrivals.stop()
			}
		}
	}
}
