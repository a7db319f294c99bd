package route

import (
	"bytes"
	"fmt"
	"math"
	"time"

	"github.com/postrider-mq/postrider/amqp"
)

// equal tells whether two values of a table are the same on the wire: of one type, down to the width of an
// integer, and of one value. Tables are equal whatever the order of their names.
func equal(a, b any) bool {
	switch a := narrow(a).(type) {
	case []byte, []any, amqp.Table, map[string]any, time.Time:
		return equalEncoded(a, b)
	default:
		switch narrow(b).(type) {
		case []byte, []any, amqp.Table, map[string]any, time.Time:
			return false
		}
		return a == narrow(b)
	}
}

func equalEncoded(a, b any) bool {
	x, errX := amqp.AppendTable(nil, amqp.Table{"": a})
	y, errY := amqp.AppendTable(nil, amqp.Table{"": b})
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// narrow gives an int the width that it has on the wire.
func narrow(v any) any {
	i, ok := v.(int)
	switch {
	case !ok:
		return v
	case i >= math.MinInt32 && i <= math.MaxInt32:
		return int32(i)
	}
	return int64(i)
}

// term writes a value as RabbitMQ's error texts show it.
func term(v any) string {
	switch v := v.(type) {
	case nil:
		return "undefined"
	case string, []byte:
		return fmt.Sprintf(`<<"%s">>`, v)
	}
	return fmt.Sprint(v)
}
