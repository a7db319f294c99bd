package amqp

import (
	"encoding/binary"
	"math"
	"slices"
	"time"
)

// CheckTable checks the table at the front of b, its length included, against the
// bounds and the types, and returns what follows it. It allocates nothing unless it fails, with
// an *Error with code 502.
func CheckTable(b []byte) (rest []byte, err error) {
	content, rest, err := cutTable(b)
	if err != nil {
		return b, err
	}
	c := tableChecker{}
	if err := c.table(content, 1); err != nil {
		return b, err
	}
	return rest, nil
}

// ParseTable parses the table at the front of b, its length included, and returns
// what follows it. The whole table is checked before anything is allocated for it; it fails
// as CheckTable does. Nothing of b is kept. The table is never nil.
func ParseTable(b []byte) (rest []byte, t Table, err error) { return parseTable(b, nil) }

func parseTable(b []byte, in *Interner) (rest []byte, t Table, err error) {
	if rest, err = CheckTable(b); err != nil {
		return b, nil, err
	}
	r := reader{b: b}
	return rest, buildTable(r.longstr(), in), nil
}

// LookupTable finds a name in the encoded table raw (with its length) and parses its
// value only; ok is false if the name is not there. It fails, as CheckTable does, if that value
// is malformed or beyond the bounds. What comes before it may be beyond them, but has to be well-formed as far as
// is needed to get past it.
func LookupTable(raw []byte, name string) (v any, ok bool, err error) {
	r := reader{b: raw}
	r = reader{b: r.longstr(), bad: r.bad}
	for len(r.b) > 0 {
		found := string(r.shortstr()) == name
		if !found {
			if err := r.skipValue(); err != nil {
				return nil, false, err
			}
			continue
		}
		value := reader{b: r.b}
		if err := (&tableChecker{}).value(&r, 1); err != nil {
			return nil, false, err
		}
		return buildValue(&value, nil), true, nil
	}
	if r.bad {
		return nil, false, errTableShort()
	}
	return nil, false, nil
}

// WithoutNames returns the encoded table raw (with its length) without what is named so; raw itself if nothing is, or there is no table (nil). It may be
// beyond the bounds. It fails with an *Error with code 502 if raw is malformed.
func WithoutNames(raw []byte, names ...string) ([]byte, error) {
	if raw == nil {
		return nil, nil
	}
	r := reader{b: raw}
	content := r.longstr()
	r = reader{b: content, bad: r.bad}
	var kept []byte // nil: all until now
	for len(r.b) > 0 {
		from := len(content) - len(r.b)
		name := r.shortstr()
		drop := slices.Contains(names, string(name))
		if err := r.skipValue(); err != nil {
			return nil, err
		}
		switch to := len(content) - len(r.b); {
		case drop && kept == nil:
			kept = append(make([]byte, 4, 4+len(content)), content[:from]...)
		case !drop && kept != nil:
			kept = append(kept, content[from:to]...)
		}
	}
	if r.bad {
		return nil, errTableShort()
	}
	if kept == nil {
		return raw, nil
	}
	binary.BigEndian.PutUint32(kept, uint32(len(kept)-4))
	return kept, nil
}

// skipValue goes past a value without looking into it.
func (r *reader) skipValue() error {
	kind := r.octet()
	if r.bad {
		return errTableShort()
	}
	switch kind {
	case 'V':
	case 't', 'b', 'B':
		r.octet()
	case 's', 'u':
		r.short()
	case 'I', 'i', 'f':
		r.long()
	case 'l', 'L', 'd', 'T':
		r.longlong()
	case 'D':
		r.octet()
		r.long()
	case 'S', 'x', 'F', 'A':
		r.longstr()
	default:
		return errTableType(kind)
	}
	if r.bad {
		return errTableShort()
	}
	return nil
}

// cutTable splits b behind the table at its front, whose size it bounds.
func cutTable(b []byte) (content, rest []byte, err error) {
	if len(b) < 4 {
		return nil, nil, errTableShort()
	}
	n := binary.BigEndian.Uint32(b)
	if n > MaxTableBytes {
		return nil, nil, errTableBytes()
	}
	if int(n) > len(b)-4 {
		return nil, nil, errTableShort()
	}
	return b[4 : 4+n], b[4+n:], nil
}

// A tableChecker walks a table without building anything.
type tableChecker struct{ entries int }

func (c *tableChecker) table(content []byte, depth int) error {
	if depth > MaxTableDepth {
		return errTableDepth()
	}
	r := reader{b: content}
	for len(r.b) > 0 {
		r.shortstr()
		if err := c.value(&r, depth); err != nil {
			return err
		}
	}
	return nil
}

func (c *tableChecker) array(content []byte, depth int) error {
	if depth > MaxTableDepth {
		return errTableDepth()
	}
	r := reader{b: content}
	for len(r.b) > 0 {
		if err := c.value(&r, depth); err != nil {
			return err
		}
	}
	return nil
}

func (c *tableChecker) value(r *reader, depth int) error {
	if c.entries++; c.entries > MaxTableEntries {
		return errTableEntries()
	}
	inner := *r
	if err := r.skipValue(); err != nil {
		return err
	}
	switch inner.octet() {
	case 'F':
		return c.table(inner.longstr(), depth+1)
	case 'A':
		return c.array(inner.longstr(), depth+1)
	}
	return nil
}

// buildTable builds a table from content that was checked.
func buildTable(content []byte, in *Interner) Table {
	t := Table{}
	r := reader{b: content}
	for len(r.b) > 0 {
		name := in.String(r.shortstr())
		v := buildValue(&r, in)
		if _, twice := t[name]; !twice {
			t[name] = v
		}
	}
	return t
}

func buildArray(content []byte, in *Interner) []any {
	items := []any{}
	r := reader{b: content}
	for len(r.b) > 0 {
		items = append(items, buildValue(&r, in))
	}
	return items
}

func buildValue(r *reader, in *Interner) any {
	switch kind := r.octet(); kind {
	case 't':
		return r.octet() != 0
	case 'b':
		return int8(r.octet())
	case 'B':
		return r.octet()
	case 's':
		return int16(r.short())
	case 'u':
		return r.short()
	case 'I':
		return int32(r.long())
	case 'i':
		return r.long()
	case 'l', 'L':
		return int64(r.longlong())
	case 'f':
		return math.Float32frombits(r.long())
	case 'd':
		return math.Float64frombits(r.longlong())
	case 'D':
		return Decimal{Scale: r.octet(), Value: int32(r.long())}
	case 'T':
		return time.Unix(int64(r.longlong()), 0).UTC()
	case 'S':
		return string(r.longstr())
	case 'x':
		return append([]byte{}, r.longstr()...)
	case 'F':
		return buildTable(r.longstr(), in)
	case 'A':
		return buildArray(r.longstr(), in)
	}
	return nil // 'V'
}
