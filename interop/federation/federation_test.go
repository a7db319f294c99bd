// Package federation has a RabbitMQ move messages from and to our broker by itself, with its plugins for shovels and federation.
package federation

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/postrider-mq/postrider/interop/brokers"
)

// patience bounds each wait.
const patience = 30 * time.Second

func TestRabbitMQMovesMessagesByItself(t *testing.T) {
	rabbit := brokers.FederatingRabbitMQ(t)
	w := &world{T: t, management: rabbit.Management}
	theirs, ours := w.dial(rabbit.Addr), w.dial(brokers.Postrider(t))
	t.Run("a shovel to us", func(t *testing.T) { w.in(t).shovels(theirs, ours) })
	t.Run("a shovel from us", func(t *testing.T) { w.in(t).shovels(ours, theirs) })
	w.put("parameters/federation-upstream/%2F/ours", value{"value": value{"uri": ours.url, "reconnect-delay": 1}})
	w.put("policies/%2F/federated", value{"pattern": "^federated", "definition": value{"federation-upstream-set": "all"}})
	t.Run("a federated queue", func(t *testing.T) { w.in(t).federatesAQueue(theirs, ours) })
	t.Run("a federated exchange", func(t *testing.T) { w.in(t).federatesAnExchange(theirs, ours) })
}

const messages = 100

func (w *world) shovels(from, to *side) {
	from.declares(w, "old")
	to.declares(w, "new")
	for i := range messages {
		from.publishes(w, "", "old", fmt.Sprint(i))
	}
	w.put("parameters/shovel/%2F/move", value{"value": value{
		"src-protocol": "amqp091", "src-uri": from.url, "src-queue": "old", "src-delete-after": "queue-length",
		"dest-protocol": "amqp091", "dest-uri": to.url, "dest-queue": "new", "ack-mode": "on-confirm",
	}})
	arrived := to.consumes(w, "new")
	for i := range messages {
		w.wantNext(arrived, fmt.Sprint(i))
	}
	from.deletes(w, "old")
	to.deletes(w, "new")
}

// Whoever consumes on the other side takes what nobody consumes here: by a consumer of a lower priority.
func (w *world) federatesAQueue(theirs, ours *side) {
	ours.declares(w, "federated")
	theirs.declares(w, "federated")
	arrived := theirs.consumes(w, "federated")
	for i := range messages {
		ours.publishes(w, "", "federated", fmt.Sprint(i))
	}
	for i := range messages {
		w.wantNext(arrived, fmt.Sprint(i))
	}
}

func (w *world) federatesAnExchange(theirs, ours *side) {
	for _, s := range []*side{ours, theirs} {
		w.must(s.channel.ExchangeDeclare("federated-events", "topic", true, false, false, false, nil))
	}
	theirs.declares(w, "events")
	w.must(theirs.channel.QueueBind("events", "stock.#", "federated-events", false, nil))
	arrived := theirs.consumes(w, "events")
	for deadline := time.Now().Add(patience); !ours.publishes(w, "federated-events", "stock.up", "first"); {
		if time.Now().After(deadline) {
			w.Fatal("nobody has bound anything to our exchange")
		}
	}
	ours.publishes(w, "federated-events", "stock.down", "second")
	w.wantNext(arrived, "first")
	w.wantNext(arrived, "second")
}

type world struct {
	*testing.T
	management string
}

func (w *world) in(t *testing.T) *world { return &world{T: t, management: w.management} }

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) wantNext(arrived <-chan amqp.Delivery, body string) {
	w.Helper()
	select {
	case d := <-arrived:
		if string(d.Body) != body {
			w.Fatalf("%q came, want %q", d.Body, body)
		}
	case <-time.After(patience):
		w.Fatalf("%q does not come", body)
	}
}

type value map[string]any

// put asks RabbitMQ's management interface.
func (w *world) put(path string, v value) {
	w.Helper()
	body, err := json.Marshal(v)
	w.must(err)
	ctx, cancel := context.WithTimeout(w.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://"+w.management+"/api/"+path, strings.NewReader(string(body)))
	w.must(err)
	r.SetBasicAuth("guest", "guest")
	answer, err := http.DefaultClient.Do(r)
	w.must(err)
	answer.Body.Close()
	if answer.StatusCode >= 300 {
		w.Fatalf("PUT %s: %s", path, answer.Status)
	}
}

// A side is a channel to one of the brokers, with confirms.
type side struct {
	url      string
	channel  *amqp.Channel
	returned chan amqp.Return
}

func (w *world) dial(addr string) *side {
	w.Helper()
	s := &side{url: "amqp://guest:guest@" + addr + "/%2F"}
	conn, err := amqp.Dial(s.url)
	w.must(err)
	w.Cleanup(func() { conn.Close() })
	s.channel, err = conn.Channel()
	w.must(err)
	w.must(s.channel.Confirm(false))
	s.returned = s.channel.NotifyReturn(make(chan amqp.Return, 1))
	return s
}

func (s *side) declares(w *world, queue string) {
	w.Helper()
	_, err := s.channel.QueueDeclare(queue, true, false, false, false, nil)
	w.must(err)
}

func (s *side) deletes(w *world, queue string) {
	w.Helper()
	_, err := s.channel.QueueDelete(queue, false, false, false)
	w.must(err)
}

func (s *side) consumes(w *world, queue string) <-chan amqp.Delivery {
	w.Helper()
	arrived, err := s.channel.Consume(queue, "", true, false, false, false, nil)
	w.must(err)
	return arrived
}

// publishes reports whether the message was routed to anything.
func (s *side) publishes(w *world, exchange, key, body string) (routed bool) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), patience)
	defer cancel()
	confirm, err := s.channel.PublishWithDeferredConfirmWithContext(ctx, exchange, key, true, false,
		amqp.Publishing{DeliveryMode: amqp.Persistent, Body: []byte(body)})
	w.must(err)
	if ok, err := confirm.WaitContext(ctx); err != nil || !ok {
		w.Fatalf("%q was not confirmed: %v", body, err)
	}
	select {
	case <-s.returned: // it comes before the confirm
		return false
	default:
		return true
	}
}
