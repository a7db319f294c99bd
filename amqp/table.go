package amqp

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"time"
)

// Bounds of a field table, in both directions. A table beyond them is an *Error
// with code 502.
//
// The bound on bytes alone leaves room for 65,536 empty items; that on entries, which no
// real client comes near, keeps what is built from a hostile table below 1 MiB.
const (
	MaxTableDepth   = 8         // tables and arrays inside one another, the outermost included
	MaxTableEntries = 8192      // named values and array items, of all depths together
	MaxTableBytes   = 64 * 1024 // on the wire, without the length in front
)

// A Table is a field table: named values of the types that AMQP has on the wire.
//
//	wire  Go               wire    Go
//	t     bool             f       float32
//	b B   int8 uint8       d       float64
//	s u   int16 uint16     D       Decimal
//	I i   int32 uint32     S       string
//	l L   int64            x       []byte
//	T     time.Time        F       Table
//	V     nil              A       []any
//
// Both l and L are read as int64, which is written as l, as RabbitMQ does. An int is
// written as I if it fits, else as l. A time has whole seconds, in UTC.
// Names are at most 255 octets. On the wire a name may occur twice: the first one counts.
type Table map[string]any

// A Decimal is Value / 10^Scale.
type Decimal struct {
	Scale uint8
	Value int32
}

// AppendTable appends t with its length in front, its names in sorted order. A nil
// table is an empty one. If t is beyond the bounds, or holds a value of another type or a
// name that is too long, it returns dst as it was and an *Error with code 502.
func AppendTable(dst []byte, t Table) ([]byte, error) {
	if len(t) == 0 {
		return append(dst, 0, 0, 0, 0), nil
	}
	w := tableWriter{start: len(dst) + 4}
	out, err := w.table(dst, t, 1)
	if err != nil {
		return dst, err
	}
	return out, nil
}

// A tableWriter counts while it appends, so that it stops at the bounds.
type tableWriter struct {
	start   int // where the outermost table's content begins
	entries int
}

func (w *tableWriter) table(dst []byte, t Table, depth int) ([]byte, error) {
	if depth > MaxTableDepth {
		return dst, errTableDepth()
	}
	if len(t) > MaxTableEntries {
		return dst, errTableEntries()
	}
	names := make([]string, 0, len(t))
	for name := range t {
		names = append(names, name)
	}
	slices.Sort(names)
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	var err error
	for _, name := range names {
		if len(name) > maxShortstr {
			return dst, Errorf(SyntaxError, "table: a name of %d octets is too long", len(name))
		}
		dst = append(append(dst, uint8(len(name))), name...)
		if dst, err = w.value(dst, name, t[name], depth); err != nil {
			return dst, err
		}
	}
	binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst, nil
}

func (w *tableWriter) array(dst []byte, name string, items []any, depth int) ([]byte, error) {
	if depth > MaxTableDepth {
		return dst, errTableDepth()
	}
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	var err error
	for _, v := range items {
		if dst, err = w.value(dst, name, v, depth); err != nil {
			return dst, err
		}
	}
	binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst, nil
}

// value appends one value of the table or array at depth; name is for the error.
func (w *tableWriter) value(dst []byte, name string, v any, depth int) ([]byte, error) {
	if w.entries++; w.entries > MaxTableEntries {
		return dst, errTableEntries()
	}
	var err error
	switch v := v.(type) {
	case string:
		dst, err = w.bytes(dst, 'S', v)
	case []byte:
		dst, err = w.bytes(dst, 'x', string(v))
	case Table:
		dst, err = w.table(append(dst, 'F'), v, depth+1)
	case map[string]any:
		dst, err = w.table(append(dst, 'F'), v, depth+1)
	case []any:
		dst, err = w.array(append(dst, 'A'), name, v, depth+1)
	default:
		var ok bool
		if dst, ok = appendScalar(dst, v); !ok {
			err = Errorf(SyntaxError, "table: %q is a %T, which has no wire type", name, v)
		}
	}
	if err == nil && len(dst)-w.start > MaxTableBytes {
		err = errTableBytes()
	}
	return dst, err
}

func (w *tableWriter) bytes(dst []byte, kind byte, s string) ([]byte, error) {
	if len(s) > MaxTableBytes {
		return dst, errTableBytes()
	}
	dst = binary.BigEndian.AppendUint32(append(dst, kind), uint32(len(s)))
	return append(dst, s...), nil
}

// appendScalar appends a value of fixed size; ok is false if v is none.
func appendScalar(dst []byte, v any) (out []byte, ok bool) {
	be := binary.BigEndian
	switch v := v.(type) {
	case nil:
		return append(dst, 'V'), true
	case bool:
		return append(dst, 't', bit(v, 0)), true
	case int8:
		return append(dst, 'b', byte(v)), true
	case uint8:
		return append(dst, 'B', v), true
	case int16:
		return be.AppendUint16(append(dst, 's'), uint16(v)), true
	case uint16:
		return be.AppendUint16(append(dst, 'u'), v), true
	case int32:
		return be.AppendUint32(append(dst, 'I'), uint32(v)), true
	case uint32:
		return be.AppendUint32(append(dst, 'i'), v), true
	case int64:
		return be.AppendUint64(append(dst, 'l'), uint64(v)), true
	case int:
		if int(int32(v)) == v {
			return be.AppendUint32(append(dst, 'I'), uint32(v)), true
		}
		return be.AppendUint64(append(dst, 'l'), uint64(v)), true
	case float32:
		return be.AppendUint32(append(dst, 'f'), math.Float32bits(v)), true
	case float64:
		return be.AppendUint64(append(dst, 'd'), math.Float64bits(v)), true
	case Decimal:
		return be.AppendUint32(append(dst, 'D', v.Scale), uint32(v.Value)), true
	case time.Time:
		return be.AppendUint64(append(dst, 'T'), uint64(v.Unix())), true
	}
	return dst, false
}

func errTableDepth() error {
	return Errorf(SyntaxError, "table: more than %d tables and arrays inside one another", MaxTableDepth)
}

func errTableEntries() error {
	return Errorf(SyntaxError, "table: more than %d entries", MaxTableEntries)
}

func errTableBytes() error {
	return Errorf(SyntaxError, "table: more than %d octets", MaxTableBytes)
}

func errTableShort() error { return &Error{Code: SyntaxError, Text: "table: ends too early"} }

func errTableType(kind byte) error {
	return Errorf(SyntaxError, "table: unknown type %q", fmt.Sprintf("%c", kind))
}
