package admin

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
)

// columns are the paths to the fields that are asked for; nil is everything.
type columns [][]string

// maxColumns bounds the text that says which, in bytes.
const maxColumns = 8 << 10

// columnsOf reads a,b.c. What is within another column comes with it.
func columnsOf(text string) (c columns, err error) {
	if text == "" {
		return nil, nil
	}
	if len(text) > maxColumns {
		return nil, badRequest("columns: they are longer than %d bytes", maxColumns)
	}
	asked := strings.Split(text, ",")
	for _, one := range asked {
		if !slices.ContainsFunc(asked, func(other string) bool { return strings.HasPrefix(one, other+".") }) {
			c = append(c, strings.Split(one, "."))
		}
	}
	return c, nil
}

// rates says whether it is asked how fast something changes.
func (c columns) rates() bool {
	return c == nil || slices.ContainsFunc(c, func(path []string) bool {
		last := path[len(path)-1]
		return last == "rate" || last == "message_stats" || strings.HasSuffix(last, "_details")
	})
}

// fields are where a struct has what its JSON names.
type fields map[string]field

type field struct {
	index     []int
	omitEmpty bool
}

func fieldsOf[R any]() fields {
	all := fields{}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[R]()) {
		if name, options, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
			all[name] = field{f.Index, options == "omitempty"}
		}
	}
	return all
}

// value is what a path leads to in a row, as whoever reads its JSON sees it; nil if nothing is there.
func (all fields) value(row any, path []string) any {
	f, ok := all[path[0]]
	if !ok {
		return nil
	}
	at := reflect.ValueOf(row).FieldByIndex(f.index)
	if f.omitEmpty && isEmpty(at) {
		return nil
	}
	v := plain(at.Interface())
	for _, key := range path[1:] {
		object, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = plain(object[key])
	}
	return v
}

// isEmpty is what encoding/json means by it.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Map, reflect.Slice:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}

// plain is a value as whoever reads its JSON sees it, but within objects, where it may still be what becomes that.
func plain(v any) any {
	switch v := v.(type) {
	case nil, string, bool, float64:
		return v
	case int:
		return float64(v)
	case uint64:
		return float64(v)
	case messageStats:
		return map[string]any(v)
	case map[string]any:
		if v != nil {
			return v
		}
		return nil
	}
	var read any
	if b, err := json.Marshal(v); err == nil {
		_ = json.Unmarshal(b, &read) // it has just been written
	}
	return read
}

// choose keeps the columns that are asked for.
func (all fields) choose(row any, c columns) map[string]any {
	kept := make(map[string]any, len(c))
	for _, path := range c {
		if value := all.value(row, path); value != nil {
			put(kept, path, value)
		}
	}
	return kept
}

func put(object map[string]any, path []string, value any) {
	for _, key := range path[:len(path)-1] {
		inner, ok := object[key].(map[string]any)
		if !ok {
			inner = map[string]any{}
			object[key] = inner
		}
		object = inner
	}
	object[path[len(path)-1]] = value
}
