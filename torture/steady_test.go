package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/postrider-mq/postrider/torture/trace"
)

// patience is how long anything may take that a broker is asked for.
const patience = 30 * time.Second

// steady is a publisher with a connection, a channel and a durable queue of its own. It is for one goroutine.
type steady struct {
	number    int
	queue     string
	conn      *amqp.Connection
	ch        *amqp.Channel
	answers   chan amqp.Confirmation
	blocked   chan amqp.Blocking
	padding   string
	sent      int
	answered  int
	confirmed map[int]bool
	refused   map[int]bool
}

func newSteady(t *testing.T, url string, number, padding int) *steady {
	t.Helper()
	p := &steady{
		number: number, queue: fmt.Sprintf("steady-%d", number), padding: strings.Repeat("x", padding),
		confirmed: map[int]bool{}, refused: map[int]bool{},
	}
	p.connect(t, url)
	return p
}

// connect opens everything anew; what was not answered stays so.
func (p *steady) connect(t *testing.T, url string) {
	t.Helper()
	conn, err := amqp.Dial(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.CloseDeadline(time.Now()) })
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ch.QueueDeclare(p.queue, true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	if err := ch.Confirm(false); err != nil {
		t.Fatal(err)
	}
	p.conn, p.ch, p.answered = conn, ch, p.sent
	p.blocked = conn.NotifyBlocked(make(chan amqp.Blocking, 16))
	p.answers = ch.NotifyPublish(make(chan amqp.Confirmation, 1<<16))
}

func (p *steady) address() string { return p.conn.LocalAddr().String() }

// publish sends n messages with at most window of them unanswered. It ends early, with false, when the connection breaks.
func (p *steady) publish(n, window int) bool {
	for range n {
		for p.sent-p.answered >= window {
			if !p.hear() {
				return false
			}
		}
		if !p.send() {
			return false
		}
	}
	return p.hearAll()
}

func (p *steady) send() bool {
	p.sent++
	err := p.ch.Publish("", p.queue, false, false, amqp.Publishing{
		DeliveryMode: amqp.Persistent, Body: []byte(trace.Name(p.number, p.sent) + p.padding),
	})
	if err != nil {
		p.hearAll()
	}
	return err == nil
}

// hear waits for one answer.
func (p *steady) hear() bool {
	select {
	case c, ok := <-p.answers:
		return p.note(c, ok)
	case <-time.After(patience):
		panic(fmt.Sprintf("hang: publisher %d was not answered within %v", p.number, patience))
	}
}

func (p *steady) note(c amqp.Confirmation, ok bool) bool {
	if !ok {
		return false
	}
	p.answered++
	if c.Ack {
		p.confirmed[p.answered] = true
	} else {
		p.refused[p.answered] = true
	}
	return true
}

func (p *steady) hearAll() bool {
	for p.answered < p.sent {
		if !p.hear() {
			return false
		}
	}
	return true
}

// stored consumes everything in the publisher's queue, and returns the numbers of the messages.
func (p *steady) stored(t *testing.T, url string) map[int]bool {
	t.Helper()
	conn, err := amqp.Dial(url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	found := map[int]bool{}
	for {
		d, ok, err := ch.Get(p.queue, true)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return found
		}
		var publisher, n int
		if _, err := fmt.Sscanf(string(d.Body), "<%d:%d>", &publisher, &n); err != nil || publisher != p.number || found[n] {
			t.Errorf("%s: %.40q, %v", p.queue, d.Body, err)
		}
		found[n] = true
	}
}

// wantStored fails the test for each message that was confirmed and is not there, or refused and there.
func (p *steady) wantStored(t *testing.T, url string) {
	t.Helper()
	found := p.stored(t, url)
	lost := 0
	for n := range p.confirmed {
		if !found[n] {
			lost++
			t.Logf("message %d of publisher %d was confirmed and is lost", n, p.number)
		}
	}
	for n := range p.refused {
		if found[n] {
			t.Errorf("message %d of publisher %d was refused and is there", n, p.number)
		}
	}
	if lost > 0 {
		t.Errorf("publisher %d: %d of %d confirmed messages are lost", p.number, lost, len(p.confirmed))
	}
}
