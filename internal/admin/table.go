package admin

import (
	"cmp"
	"encoding/base64"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/postrider-mq/postrider/amqp"
)

// toJSON is a table as JSON has it: numbers are numbers, bytes are base64.
func toJSON(t amqp.Table) map[string]any {
	m := make(map[string]any, len(t))
	for key, v := range t {
		m[key] = valueToJSON(v)
	}
	return m
}

func valueToJSON(v any) any {
	switch v := v.(type) {
	case amqp.Table:
		return toJSON(v)
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = valueToJSON(v[i])
		}
		return list
	case []byte:
		return base64.StdEncoding.EncodeToString(v)
	case time.Time:
		return v.Unix()
	case float32:
		return finite(float64(v))
	case float64:
		return finite(v)
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

// maxDepth is how deep a table may be nested.
const maxDepth = 8

// fromJSON is a table from JSON: whole numbers are integers.
func fromJSON(m map[string]any) (amqp.Table, error) {
	v, err := valueFromJSON(m, 0)
	if err != nil || v == nil {
		return nil, err
	}
	return v.(amqp.Table), nil
}

func valueFromJSON(v any, depth int) (any, error) {
	if depth > maxDepth {
		return nil, badRequest("arguments are nested too deep")
	}
	switch v := v.(type) {
	case map[string]any:
		t := make(amqp.Table, len(v))
		for key, inner := range v {
			value, err := valueFromJSON(inner, depth+1)
			if err != nil {
				return nil, err
			}
			t[key] = value
		}
		return t, nil
	case []any:
		list := make([]any, len(v))
		for i, inner := range v {
			value, err := valueFromJSON(inner, depth+1)
			if err != nil {
				return nil, err
			}
			list[i] = value
		}
		return list, nil
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<62 {
			return int64(v), nil
		}
	}
	return v, nil
}

// sortByName orders things by virtual host and name.
func sortByName[T any](items []T, key func(T) (vhost, name string)) {
	slices.SortStableFunc(items, func(a, b T) int {
		v1, n1 := key(a)
		v2, n2 := key(b)
		return cmp.Or(strings.Compare(v1, v2), strings.Compare(n1, n2))
	})
}
