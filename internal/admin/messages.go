package admin

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/access"
	"github.com/postrider-mq/postrider/internal/core"
	"github.com/postrider-mq/postrider/internal/route"
)

// Messages one at a time, for people who look what is in a queue or try out a route. Who has many speaks AMQP.
var messageRoutes = []endpoint{
	{"POST", publishPath, inVHost, publish},
	{"POST", "/api/queues/{vhost}/{queue}/get", inVHost, getMessages},
}

const publishPath = "/api/exchanges/{vhost}/{exchange}/publish"

// publishWithin is how long who publishes waits for a broker that takes no messages, or for its disk.
const publishWithin = 15 * time.Second

func publish(r *request) (any, error) {
	exchange := r.exchangeName("exchange")
	if err := r.may(access.Write, "exchange", exchange); err != nil { // before he costs anything
		return nil, err
	}
	var want struct {
		Properties json.RawMessage `json:"properties"`
		Key        *string         `json:"routing_key"`
		Payload    *string         `json:"payload"`
		Encoding   *string         `json:"payload_encoding"`
	}
	if err := r.decode(&want); err != nil {
		return nil, err
	}
	err := missing(key{"payload", want.Payload != nil}, key{"payload_encoding", want.Encoding != nil},
		key{"properties", want.Properties != nil}, key{"routing_key", want.Key != nil})
	if err != nil {
		return nil, err
	}
	body := []byte(*want.Payload)
	switch *want.Encoding {
	case "string":
	case "base64":
		if body, err = base64.StdEncoding.DecodeString(*want.Payload); err != nil {
			return nil, badRequest("the payload is not base64: %v", err)
		}
	default:
		return nil, badRequest("unsupported encoding %q: string and base64 are known", *want.Encoding)
	}
	props, err := r.propertiesOf(want.Properties)
	if err != nil {
		return nil, err
	}
	v, err := r.vhost()
	if err != nil {
		return nil, err
	}
	if err := r.mayPublish(v, exchange, *want.Key, props); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), publishWithin)
	defer cancel()
	routed, err := v.Operator().Publish(ctx, core.NewMessage(exchange, *want.Key, props, body))
	var protocol *amqp.Error
	switch {
	case errors.Is(err, core.ErrRejected):
		return nil, badRequest("%v", err)
	case errors.As(err, &protocol):
		return nil, badRequest("%s", reasonOf(protocol)) // it is not the path that is not found
	case errors.Is(err, context.DeadlineExceeded):
		return nil, &problem{http.StatusServiceUnavailable, "unavailable", "the broker takes no messages for now: " + r.admin.hindrance()}
	case err != nil:
		return nil, err
	}
	return map[string]bool{"routed": routed}, nil
}

// hindrance is why the broker takes no messages.
func (a *Admin) hindrance() string {
	if short := a.core.Shortage(); short != 0 {
		return "it is " + short.String()
	}
	return "its disk is slow"
}

// mayPublish asks whether who may publish to an exchange may do so with these keys, as AMQP would.
func (r *request) mayPublish(v *core.VHost, exchange, key string, props amqp.RawProperties) error {
	view, err := props.View()
	if err != nil {
		return err
	}
	return r.mayTopic(v, access.Write, exchange, append(core.Copies(view.Headers), key)...)
}

// mayTopic asks whether routing keys are free at a topic exchange, as AMQP would.
func (r *request) mayTopic(v *core.VHost, right access.Right, exchange string, keys ...string) error {
	if r.caller.local {
		return nil
	}
	permit := r.admin.users.Permit(r.caller.user, v.Name)
	if !permit.Bounds(exchange) {
		return nil
	}
	if x, ok := v.NewClient("").Exchange(exchange); !ok || x.Kind != route.Topic {
		return nil
	}
	for _, key := range keys {
		if !permit.MayTopic(right, exchange, key) {
			return amqp.Errorf(amqp.AccessRefused, "access to topic '%s' in exchange '%s' in vhost '%s' refused for user '%s'", key, exchange, permit.VHost, permit.User)
		}
	}
	return nil
}

// messageJSON is a message as it was taken from a queue.
type messageJSON struct {
	Size        int    `json:"payload_bytes"`
	Redelivered bool   `json:"redelivered"`
	Exchange    string `json:"exchange"`
	Key         string `json:"routing_key"`
	Left        int    `json:"message_count"`
	Properties  any    `json:"properties"` // an empty list where there are none, as RabbitMQ has it
	Payload     string `json:"payload"`
	Encoding    string `json:"payload_encoding"`
}

// maxGot is how many bytes one answer may have, of payload and properties and aroundGot for each message: who asks for more messages gets fewer.
const (
	maxGot    = 64 << 20
	aroundGot = 1 << 10 // what is told of a message, as it lies in memory and as JSON
)

// ends are what becomes of the messages, as the request says.
var ends = map[string]core.End{
	"ack_requeue_true": core.PutBack, "reject_requeue_true": core.PutBack, "ack_requeue_false": core.TakenOut, "reject_requeue_false": core.Discarded,
}

func getMessages(r *request) (any, error) {
	var want struct {
		Mode     *string `json:"ackmode"`
		Count    integer `json:"count"`
		Encoding *string `json:"encoding"`
		Truncate integer `json:"truncate"`
	}
	if err := r.decode(&want); err != nil {
		return nil, err
	}
	err := missing(key{"ackmode", want.Mode != nil}, key{"count", want.Count.given}, key{"encoding", want.Encoding != nil})
	switch {
	case err != nil:
		return nil, err
	case *want.Encoding != "auto" && *want.Encoding != "base64":
		return nil, badRequest("Unsupported encoding. Please use auto or base64.")
	case want.Count.value < 0 || want.Truncate.value < 0:
		return nil, badRequest("count and truncate are not negative")
	}
	end, ok := ends[*want.Mode]
	if !ok {
		return nil, badRequest("unsupported ackmode %q: ack_requeue_true, ack_requeue_false, reject_requeue_true and reject_requeue_false are known", *want.Mode)
	}
	v, q, err := r.queue()
	if err != nil {
		return nil, err
	}
	if err := r.may(access.Read, "queue", q.Name); err != nil {
		return nil, refused(err)
	}
	all, bytes := []messageJSON{}, 0
	if want.Count.value == 0 {
		return all, nil
	}
	err = v.Operator().Take(r.Context(), q.Name, end, func(m *core.Message, redelivered bool, left int) bool {
		payload := m.Body
		if want.Truncate.given {
			payload = payload[:min(len(payload), want.Truncate.value)]
		}
		j := messageOf(m, payload, *want.Encoding == "auto")
		j.Redelivered, j.Left = redelivered, left
		all = append(all, j)
		bytes += len(m.Props) + len(payload) + aroundGot
		return len(all) < want.Count.value && bytes < maxGot
	})
	return all, err
}

// messageOf tells of a message. The payload is text if it may be and is UTF-8, else base64.
func messageOf(m *core.Message, payload []byte, text bool) messageJSON {
	j := messageJSON{Size: len(m.Body), Exchange: m.Exchange, Key: m.Key, Properties: propertiesJSON(m.Props)}
	if text && utf8.Valid(payload) {
		j.Payload, j.Encoding = string(payload), "string"
	} else {
		j.Payload, j.Encoding = base64.StdEncoding.EncodeToString(payload), "base64"
	}
	return j
}
