package definitions

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/postrider-mq/postrider/amqp"
)

// An item is one object of a part of the file. Its fields are taken one by one;
// the first that is not as it should be makes the item bad, and those that
// nobody took are named in a warning.
type item struct {
	part  string
	order int // of the part
	index int
	vhost string // the one that everything goes into; empty: each says its own
	notes *notes

	fields map[string]any
	taken  map[string]bool
	err    error
}

func (it *item) fail(err error) {
	if it.err == nil {
		it.err = err
	}
}

// take returns a field; nil if it is not there.
func (it *item) take(key string) any {
	it.taken[key] = true
	return it.fields[key]
}

// text returns a field that must be there and be a text.
func (it *item) text(key string) string {
	if it.take(key) == nil {
		it.fail(fmt.Errorf("%q is missing", key))
	}
	return it.textOr(key, "")
}

func (it *item) textOr(key, missing string) string {
	v := it.take(key)
	text, ok := v.(string)
	switch {
	case v == nil:
		return missing
	case !ok:
		it.fail(fmt.Errorf("%q should be a text", key))
	}
	return text
}

// flag returns a field that must be there and be true or false.
func (it *item) flag(key string) bool {
	if it.take(key) == nil {
		it.fail(fmt.Errorf("%q is missing", key))
	}
	return it.flagOr(key, false)
}

func (it *item) flagOr(key string, missing bool) bool {
	v := it.take(key)
	on, ok := v.(bool)
	switch {
	case v == nil:
		return missing
	case !ok:
		it.fail(fmt.Errorf("%q should be true or false", key))
	}
	return on
}

// object returns a field that is an object; nil if it is not there.
func (it *item) object(key string) map[string]any {
	v := it.take(key)
	object, ok := objectOf(v)
	if v != nil && !ok {
		it.fail(fmt.Errorf("%q should be an object", key))
	}
	return object
}

// objectOf takes an object in either of the forms in which RabbitMQ writes one:
// as such, or as a list of pairs of key and value.
func objectOf(v any) (map[string]any, bool) {
	pairs, ok := v.([]any)
	if !ok {
		object, ok := v.(map[string]any)
		return object, ok
	}
	object := make(map[string]any, len(pairs))
	for _, x := range pairs {
		pair, _ := x.([]any)
		if len(pair) != 2 {
			return nil, false
		}
		key, ok := pair[0].(string)
		if !ok {
			return nil, false
		}
		object[key] = pair[1]
	}
	return object, true
}

// arguments returns the field of that name as a table.
func (it *item) arguments() amqp.Table {
	t, err := Table(it.object("arguments"))
	if err == nil {
		_, err = amqp.AppendTable(nil, t) // what is too deep or too long for the protocol
	}
	if err != nil {
		it.fail(fmt.Errorf("arguments: %w", err))
	}
	return t
}

var errTags = errors.New(`"tags" should be a list of texts, or one text with commas`)

// tags returns tags in either of their forms; nil if there are none.
func (it *item) tags(key string) []string {
	switch v := it.take(key).(type) {
	case nil:
		return nil
	case string:
		return strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' })
	case []any:
		list := make([]string, 0, len(v))
		for _, x := range v {
			tag, ok := x.(string)
			if !ok {
				it.fail(errTags)
			}
			list = append(list, tag)
		}
		return list
	}
	it.fail(errTags)
	return nil
}

// host is the virtual host that the item is in.
func (it *item) host() string {
	if it.vhost != "" {
		it.take("vhost")
		return it.vhost
	}
	if it.take("vhost") == nil {
		it.fail(errors.New("it does not say in which vhost it is: import it into one"))
		return ""
	}
	return it.text("vhost")
}

// place is where the item stands in the file, and what it is called.
func (it *item) place() string {
	text := fmt.Sprintf("%s[%d]", it.part, it.index)
	for _, key := range []string{"name", "user", "source"} {
		if name, ok := it.fields[key].(string); ok {
			text += fmt.Sprintf(" '%s'", name)
			break
		}
	}
	if vhost, ok := it.fields["vhost"].(string); ok && it.part != "vhosts" {
		text += fmt.Sprintf(" in vhost '%s'", vhost)
	}
	return text
}

func (it *item) note(text string) Note {
	return Note{Place: it.place(), Text: text, part: it.order, index: it.index}
}

func (it *item) warn(format string, args ...any) {
	it.notes.warning(it.note(fmt.Sprintf(format, args...)))
}

// leftOver warns of the fields that nobody took.
func (it *item) leftOver() {
	for _, key := range slices.Sorted(maps.Keys(it.fields)) {
		if !it.taken[key] {
			it.warn("%q has no meaning here and is left out", key)
		}
	}
}
