package core

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/route"
)

// fit encodes the properties of a message of the broker's own making, to whose headers it has added. Where these are more now
// than a table may hold, the largest of the publisher's go, and gone says how many; what the broker has added stays, for without it
// a message could go round for ever. An error says that there is no room even so.
func fit(p *amqp.Properties) (props amqp.RawProperties, gone int, err error) {
	if props, err = p.Append(nil); err == nil {
		return props, 0, nil
	}
	all := p.Headers
	spare := dispensable(all)
	for n := 1; err != nil && gone < len(spare); n *= 2 { // few tries, though there be thousands
		gone = min(gone+n, len(spare))
		p.Headers = maps.Clone(all)
		for _, name := range spare[:gone] {
			delete(p.Headers, name)
		}
		props, err = p.Append(nil)
	}
	return props, gone, err
}

// dispensable are the names of the publisher's headers, the largest first, and last those that name more keys.
func dispensable(t amqp.Table) []string {
	size := map[string]int{}
	for name, v := range t {
		if name == "x-death" || strings.HasPrefix(name, "x-first-death-") || name == route.DelayHeader {
			continue
		}
		if size[name] = 0; name != headerCC && name != headerBCC {
			one, _ := amqp.AppendTable(nil, amqp.Table{name: v})
			size[name] = len(one)
		}
	}
	return slices.SortedFunc(maps.Keys(size), func(a, b string) int {
		return cmp.Or(cmp.Compare(size[b], size[a]), strings.Compare(a, b))
	})
}
