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

// alike tells whether a header has the value that a binding asks for. RabbitMQ
// looks at the values alone, not at their types: numbers of any width, times,
// which are their seconds, texts and bytes. Within arrays and tables that is not
// so, there it is equal that decides.
func alike(want, got any) bool {
	switch w := want.(type) {
	case string:
		return textIs(got, w)
	case []byte:
		return textIs(got, string(w))
	}
	n, isWhole := whole(got)
	f, isFloat := float(got)
	if x, ok := whole(want); ok {
		return isWhole && x == n || isFloat && same(x, f)
	}
	if x, ok := float(want); ok {
		return isFloat && x == f || isWhole && same(n, x)
	}
	return equal(want, got)
}

func textIs(v any, text string) bool {
	switch v := v.(type) {
	case string:
		return v == text
	case []byte:
		return string(v) == text
	}
	return false
}

func whole(v any) (int64, bool) {
	if t, ok := v.(time.Time); ok {
		return t.Unix(), true
	}
	return amqp.Integer(v)
}

func float(v any) (float64, bool) {
	switch f := v.(type) {
	case float32:
		return float64(f), true
	case float64:
		return f, true
	}
	return 0, false
}

// same compares exactly: above 2^53 not every whole number is a float.
func same(n int64, f float64) bool {
	return f >= -1<<63 && f < 1<<63 && f == math.Trunc(f) && int64(f) == n
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
		if textIs(v, "") {
			return "<<>>"
		}
		return fmt.Sprintf(`<<"%s">>`, v)
	}
	return fmt.Sprint(v)
}
