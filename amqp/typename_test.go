package amqp_test

import (
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/postrider-mq/postrider/amqp"
)

// The words are those of RabbitMQ 3.10.8, for a header CC of each type.
func TestTypeName(t *testing.T) {
	widest := "long"
	if strconv.IntSize == 32 {
		widest = "signedint"
	}
	for _, c := range []struct {
		value any
		want  string
	}{
		{nil, "void"}, {true, "bool"}, {"", "longstr"}, {[]byte{}, "binary"}, {amqp.Table{}, "table"}, {map[string]any{}, "table"},
		{[]any{}, "array"}, {float32(1), "float"}, {1.0, "double"}, {amqp.Decimal{}, "decimal"}, {time.Time{}, "timestamp"},
		{int8(1), "byte"}, {uint8(1), "unsignedbyte"}, {int16(1), "short"}, {uint16(1), "unsignedshort"},
		{int32(1), "signedint"}, {uint32(1), "unsignedint"}, {int64(1), "long"}, {1, "signedint"}, {math.MaxInt, widest},
		{struct{}{}, "struct {}"},
	} {
		if got := amqp.TypeName(c.value); got != c.want {
			t.Errorf("%T: %q, want %q", c.value, got, c.want)
		}
	}
}

// Integers of every width are read alike; nothing else is one.
func TestInteger(t *testing.T) {
	for _, v := range []any{int8(7), uint8(7), int16(7), uint16(7), int32(7), uint32(7), int64(7), 7} {
		if n, ok := amqp.Integer(v); !ok || n != 7 {
			t.Errorf("%T: %d, %t", v, n, ok)
		}
	}
	for _, v := range []any{nil, "7", 7.0, true, []any{7}} {
		if n, ok := amqp.Integer(v); ok {
			t.Errorf("%T: %d", v, n)
		}
	}
}
