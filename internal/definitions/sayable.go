package definitions

import (
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"
)

// Sayable returns nil when JSON can say all that is in the document. Routing keys and arguments may have any bytes, and JSON has none but those of UTF-8:
// what it would say instead binds other messages than those that it stands for, so such an export is no copy of the broker. The error names the first
// thing that is so.
func (d *Document) Sayable() error {
	for _, q := range d.Queues {
		if err := sayable(q.Arguments); err != nil {
			return fmt.Errorf("queue '%s'%s: %w", q.Name, in(q.VHost), err)
		}
	}
	for _, x := range d.Exchanges {
		if err := sayable(x.Arguments); err != nil {
			return fmt.Errorf("exchange '%s'%s: %w", x.Name, in(x.VHost), err)
		}
	}
	for _, b := range d.Bindings {
		err := sayable(b.Arguments)
		if !utf8.ValidString(b.RoutingKey) {
			err = fmt.Errorf("the routing key %q is not UTF-8", b.RoutingKey)
		}
		if err != nil {
			return fmt.Errorf("binding of %s '%s' to exchange '%s'%s: %w", b.DestinationType, b.Destination, b.Source, in(b.VHost), err)
		}
	}
	return nil
}

func in(vhost string) string {
	if vhost == "" {
		return ""
	}
	return fmt.Sprintf(" in vhost '%s'", vhost)
}

// sayable looks into arguments.
func sayable(v any) error {
	switch v := v.(type) {
	case string:
		if !utf8.ValidString(v) {
			return fmt.Errorf("the argument %q is not UTF-8", v)
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if err := sayable(key); err != nil {
				return err
			}
			if err := sayable(v[key]); err != nil {
				return err
			}
		}
	case []any:
		for _, x := range v {
			if err := sayable(x); err != nil {
				return err
			}
		}
	}
	return nil
}
