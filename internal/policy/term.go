package policy

import (
	"fmt"
	"strconv"
	"strings"
)

// Atom is a name that Term writes bare.
type Atom string

// Term writes a value of JSON as RabbitMQ's errors do, in Erlang's notation.
func Term(v any) string { return erlang.write(v) }

// plain writes it as whoever sent it did, more or less.
func plain(v any) string { return inJSON.write(v) }

// A notation is how values are written.
type notation struct{ before, after, open, arrow string }

var (
	erlang = notation{"<<", ">>", "#{", " => "}
	inJSON = notation{"", "", "{", ":"}
)

func (n notation) write(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case Atom:
		return string(v)
	case string:
		return n.before + strconv.Quote(v) + n.after
	case float64:
		text := strconv.FormatFloat(v, 'g', -1, 64)
		if !strings.ContainsAny(text, ".e") {
			text += ".0"
		}
		return text
	case []any:
		list := make([]string, len(v))
		for i, x := range v {
			list[i] = n.write(x)
		}
		return "[" + strings.Join(list, ",") + "]"
	case map[string]any:
		list := make([]string, 0, len(v))
		for _, key := range sorted(v) {
			list = append(list, n.write(key)+n.arrow+n.write(v[key]))
		}
		return n.open + strings.Join(list, ",") + "}"
	}
	return fmt.Sprint(v)
}
