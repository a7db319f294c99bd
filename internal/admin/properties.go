package admin

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/access"
	"github.com/postrider-mq/postrider/internal/core"
)

// propertiesOf are properties as JSON has them, checked as those of a publish are.
func (r *request) propertiesOf(text json.RawMessage) (amqp.RawProperties, error) {
	if len(text) > maxBody {
		return nil, &problem{http.StatusRequestEntityTooLarge, "bad_request", fmt.Sprintf("the properties are larger than %d bytes", maxBody)}
	}
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		return nil, badRequest("properties: %v", err)
	}
	m, ok := v.(map[string]any)
	if list, empty := v.([]any); !ok && !(empty && len(list) == 0) { // none are [] where RabbitMQ writes them
		return nil, badRequest("properties are an object")
	}
	var p amqp.Properties
	for _, text := range propertyTexts(&p) {
		if err := textProperty(m, text.name, text.at); err != nil {
			return nil, err
		}
	}
	mode, err := wholeProperty(m, "delivery_mode", 1, 2)
	if err != nil {
		return nil, err
	}
	priority, err := wholeProperty(m, "priority", 0, math.MaxUint8)
	if err != nil {
		return nil, err
	}
	p.DeliveryMode, p.Priority = uint8(mode), uint8(priority)
	seconds, err := wholeProperty(m, "timestamp", 0, 1<<53)
	if err != nil {
		return nil, err
	}
	if seconds != 0 {
		p.Timestamp = time.Unix(seconds, 0)
	}
	if headers, given := m["headers"]; given {
		object, ok := headers.(map[string]any)
		if !ok {
			return nil, badRequest("property headers is no object")
		}
		if p.Headers, err = fromJSON(object); err != nil {
			return nil, err
		}
	}
	if p.UserID != "" && p.UserID != r.caller.name && !r.caller.local && !slices.Contains(r.caller.tags, access.Impersonator) {
		return nil, amqp.Errorf(amqp.PreconditionFailed, "user_id property set to '%s' but authenticated user was '%s'", p.UserID, r.caller.name)
	}
	if p.ReplyTo == core.ReplyQueue {
		return nil, amqp.Errorf(amqp.PreconditionFailed, "fast reply consumer does not exist")
	}
	if p.Expiration != "" {
		if err := core.CheckExpiration(p.Expiration); err != nil {
			return nil, err
		}
	}
	raw, err := p.Append(nil)
	if err != nil {
		return nil, badRequest("properties: %v", err)
	}
	return raw, nil
}

type textOf struct {
	name string
	at   *string
}

func propertyTexts(p *amqp.Properties) []textOf {
	return []textOf{
		{"content_type", &p.ContentType}, {"content_encoding", &p.ContentEncoding}, {"correlation_id", &p.CorrelationID}, {"reply_to", &p.ReplyTo},
		{"expiration", &p.Expiration}, {"message_id", &p.MessageID}, {"type", &p.Type}, {"user_id", &p.UserID}, {"app_id", &p.AppID}, {"cluster_id", &p.ClusterID},
	}
}

func textProperty(m map[string]any, name string, at *string) error {
	v, given := m[name]
	if !given {
		return nil
	}
	text, ok := v.(string)
	if !ok {
		return badRequest("property %s is no text", name)
	}
	*at = text
	return nil
}

// wholeProperty is a whole number; 0 where it is not given.
func wholeProperty(m map[string]any, name string, least, most float64) (int64, error) {
	v, given := m[name]
	if !given {
		return 0, nil
	}
	n, ok := v.(float64)
	if !ok || n != math.Trunc(n) || n < least || n > most {
		return 0, badRequest("property %s is no whole number from %.0f to %.0f", name, least, most)
	}
	return int64(n), nil
}

// propertiesJSON is the reverse of propertiesOf.
func propertiesJSON(raw amqp.RawProperties) any {
	var p amqp.Properties
	if p.Parse(raw, nil) != nil {
		return json.RawMessage("[]")
	}
	m := make(map[string]any)
	for _, text := range propertyTexts(&p) {
		if *text.at != "" {
			m[text.name] = *text.at
		}
	}
	if p.DeliveryMode != 0 {
		m["delivery_mode"] = p.DeliveryMode
	}
	if p.Priority != 0 {
		m["priority"] = p.Priority
	}
	if !p.Timestamp.IsZero() {
		m["timestamp"] = p.Timestamp.Unix()
	}
	if p.Headers != nil {
		m["headers"] = toJSON(p.Headers)
	}
	if len(m) == 0 {
		return json.RawMessage("[]")
	}
	return m
}
