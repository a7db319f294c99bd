package policy

import (
	"fmt"
	"strconv"
	"strings"
)

// Atom is a name that Term writes bare.
type Atom string

// Term writes a value of JSON as RabbitMQ's errors do, in Erlang's notation.
func Term(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case Atom:
		return string(v)
	case string:
		return "<<" + strconv.Quote(v) + ">>"
	case float64:
		text := strconv.FormatFloat(v, 'g', -1, 64)
		if !strings.ContainsAny(text, ".e") {
			text += ".0"
		}
		return text
	case []any:
		list := make([]string, len(v))
		for i, x := range v {
			list[i] = Term(x)
		}
		return "[" + strings.Join(list, ",") + "]"
	case map[string]any:
		list := make([]string, 0, len(v))
		for _, key := range sorted(v) {
			list = append(list, Term(key)+" => "+Term(v[key]))
		}
		return "#{" + strings.Join(list, ",") + "}"
	}
	return fmt.Sprint(v)
}
