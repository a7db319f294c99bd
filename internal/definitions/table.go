package definitions

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/postrider-mq/postrider/amqp"
)

// Object is a table as JSON has it. What JSON cannot say is said as RabbitMQ
// does: a time in seconds since 1970, bytes as a text, a decimal as a fraction.
func Object(t amqp.Table) map[string]any {
	object := make(map[string]any, len(t))
	for key, v := range t {
		object[key] = plain(v)
	}
	return object
}

func plain(v any) any {
	switch v := v.(type) {
	case amqp.Table:
		return Object(v)
	case []any:
		list := make([]any, len(v))
		for i, x := range v {
			list[i] = plain(x)
		}
		return list
	case []byte:
		return string(v)
	case float32:
		return finite(float64(v))
	case float64:
		return finite(v)
	case time.Time:
		return v.Unix()
	case amqp.Decimal:
		f := float64(v.Value)
		for range v.Scale {
			f /= 10
		}
		return f
	}
	return v
}

// finite leaves out what JSON has no word for.
func finite(f float64) any {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil
	}
	return f
}

var errNull = errors.New("null is not allowed")

// Table is the inverse of Object: a table of texts, flags, 64-bit integers and
// fractions. An argument of null is an error, as in RabbitMQ.
func Table(object map[string]any) (amqp.Table, error) {
	if len(object) == 0 {
		return nil, nil
	}
	t := make(amqp.Table, len(object))
	for key, v := range object {
		x, err := field(v)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		t[key] = x
	}
	return t, nil
}

func field(v any) (any, error) {
	switch v := v.(type) {
	case nil:
		return nil, errNull
	case map[string]any:
		t, err := Table(v)
		if t == nil {
			t = amqp.Table{}
		}
		return t, err
	case []any:
		list := make([]any, len(v))
		for i := range v {
			x, err := field(v[i])
			if err != nil {
				return nil, err
			}
			list[i] = x
		}
		return list, nil
	}
	return v, nil
}
