package amqp

import (
	"fmt"
	"math"
	"time"
)

// TypeName is the word that RabbitMQ has in its error texts for the type of a table's
// value, such as longstr for a string. A value that no table can hold has the name of its Go type.
func TypeName(v any) string {
	switch v := v.(type) {
	case nil:
		return "void"
	case bool:
		return "bool"
	case string:
		return "longstr"
	case []byte:
		return "binary"
	case Table, map[string]any:
		return "table"
	case []any:
		return "array"
	case float32:
		return "float"
	case float64:
		return "double"
	case Decimal:
		return "decimal"
	case time.Time:
		return "timestamp"
	case int:
		if v < math.MinInt32 || v > math.MaxInt32 {
			return "long"
		}
		return "signedint"
	}
	return integerName(v)
}

func integerName(v any) string {
	switch v.(type) {
	case int8:
		return "byte"
	case uint8:
		return "unsignedbyte"
	case int16:
		return "short"
	case uint16:
		return "unsignedshort"
	case int32:
		return "signedint"
	case uint32:
		return "unsignedint"
	case int64:
		return "long"
	}
	return fmt.Sprintf("%T", v)
}

// Integer reads a table's value of any integer type; ok is false for another.
func Integer(v any) (n int64, ok bool) {
	switch n := v.(type) {
	case int8:
		return int64(n), true
	case uint8:
		return int64(n), true
	case int16:
		return int64(n), true
	case uint16:
		return int64(n), true
	case int32:
		return int64(n), true
	case uint32:
		return int64(n), true
	case int64:
		return n, true
	case int:
		return int64(n), true
	}
	return 0, false
}
