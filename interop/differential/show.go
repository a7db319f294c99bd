package differential

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/postrider-mq/postrider/amqp"
)

// showMethod is a method with those of its fields that are not zero.
func showMethod(m amqp.Method) string {
	v := reflect.ValueOf(m).Elem()
	parts := []string{m.ID().String()}
	for i := range v.NumField() {
		if field := v.Field(i); !field.IsZero() {
			parts = append(parts, v.Type().Field(i).Name+"="+showValue(field.Interface()))
		}
	}
	return strings.Join(parts, " ")
}

// showProperties is the properties that are there.
func showProperties(p *amqp.Properties) string {
	v := reflect.ValueOf(p).Elem()
	var parts []string
	for i := range v.NumField() {
		if field := v.Field(i); !field.IsZero() {
			parts = append(parts, v.Type().Field(i).Name+"="+showValue(field.Interface()))
		}
	}
	return "{" + strings.Join(parts, " ") + "}"
}

// showValue is a value with its type, tables in the order of their names. Times
// within tables are the server's, and left out.
func showValue(v any) string {
	switch v := v.(type) {
	case string, []byte:
		return fmt.Sprintf("%q", v)
	case bool:
		return fmt.Sprint(v)
	case amqp.Table:
		return showTable(v)
	case []any:
		items := make([]string, len(v))
		for i, item := range v {
			items[i] = showValue(item)
		}
		return "[" + strings.Join(items, " ") + "]"
	case time.Time:
		return "time"
	}
	return fmt.Sprintf("%T(%v)", v, v)
}

func showTable(t amqp.Table) string {
	items := make([]string, 0, len(t))
	for _, name := range slices.Sorted(maps.Keys(t)) {
		items = append(items, name+":"+showValue(t[name]))
	}
	return "{" + strings.Join(items, " ") + "}"
}
