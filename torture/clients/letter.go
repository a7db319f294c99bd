package clients

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/postrider-mq/postrider/torture/history"
)

// A letter is a message whose body and properties follow from its name, so that whoever gets it can tell whether it is
// as it was sent.

// body of the message: its name, a blank, and a random text of random length, mostly short.
func body(id history.ID) []byte {
	r := rand.New(rand.NewPCG(uint64(id.Publisher), uint64(id.Seq)))
	n := r.IntN(300)
	switch dice := r.IntN(1000); {
	case dice == 0:
		n = r.IntN(400 << 10) // larger than a small segment
	case dice < 10:
		n = r.IntN(64 << 10)
	case dice < 100:
		n = r.IntN(8 << 10)
	}
	b := fmt.Appendf(make([]byte, 0, n+32), "%v ", id)
	for len(b) < n {
		b = strconv.AppendUint(b, r.Uint64(), 36)
	}
	return b
}

func (p *publisherSpec) publishing(id history.ID, lane int) amqp.Publishing {
	m := amqp.Publishing{DeliveryMode: amqp.Persistent, MessageId: id.String(), Body: body(id)}
	if p.transient {
		m.DeliveryMode = amqp.Transient
	}
	if p.lanes > 0 {
		m.Priority = uint8(lane)
	}
	if p.expires && id.Seq%3 == 0 {
		m.Expiration = strconv.Itoa(20 + id.Seq%200)
	}
	return m
}

// open reads the name of a delivered letter and whether the letter is intact. ok is false when it is none of ours.
func open(d *amqp.Delivery) (got history.Delivery, ok bool) {
	name, _, found := strings.Cut(string(d.Body[:min(len(d.Body), 40)]), " ")
	if _, err := fmt.Sscanf(name, "p%d-%d", &got.ID.Publisher, &got.ID.Seq); err != nil || !found {
		return got, false
	}
	got.Redelivered = d.Redelivered
	got.Intact = d.MessageId == name && bytes.Equal(d.Body, body(got.ID))
	got.Death, got.DiedIn = death(d.Headers)
	return got, true
}

// death reads the latest of the deaths that a dead letter tells of.
func death(headers amqp.Table) (reason, queue string) {
	deaths, _ := headers["x-death"].([]any)
	if len(deaths) == 0 {
		return "", ""
	}
	last, _ := deaths[0].(amqp.Table)
	reason, _ = last["reason"].(string)
	queue, _ = last["queue"].(string)
	return reason, queue
}
