package definitions

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"unicode/utf8"

	"github.com/postrider-mq/postrider/internal/core"
)

// Progress says how far an import is: so many items of a part are done.
type Progress struct {
	Part  string `json:"part"`
	Done  int    `json:"done"`
	Total int    `json:"total"`
}

// A part is a list of the file, and how one item of it is imported.
type part struct {
	name  string
	whole bool // it belongs to the broker, not to a virtual host
	alone bool // one after the other
	add   func(*importing, *item) error
}

// parts are in the order in which RabbitMQ imports them: what is needed comes first.
var parts = []part{
	{name: "users", whole: true, add: (*importing).user},
	{name: "vhosts", whole: true, alone: true, add: (*importing).vhost},
	{name: "permissions", whole: true, add: (*importing).permission},
	{name: "topic_permissions", whole: true, add: (*importing).topicPermission},
	{name: "exchanges", add: (*importing).exchange},
	{name: "global_parameters", whole: true, alone: true, add: (*importing).globalParameter},
	{name: "policies", alone: true, add: (*importing).policy},
	{name: "parameters", alone: true, add: (*importing).parameter},
	{name: "queues", add: (*importing).queue},
	{name: "bindings", add: (*importing).binding},
}

// about is what a file says about itself.
var about = []string{"rabbit_version", "rabbitmq_version", "product_name", "product_version"}

// atOnce is how many items of a part are imported at a time: they wait for the
// disk together.
const atOnce = 64

// maxItems bounds the items of a part.
const maxItems = 10_000_000

// importing is an import that is under way.
type importing struct {
	Broker
	ctx      context.Context
	notes    *notes
	vhostAll string // what everything goes into; empty: each item says its own
	version  string // of the RabbitMQ that wrote the file
	progress func(Progress)
}

// ErrNotDefinitions means that a text is no definitions file at all, or not in
// UTF-8: nothing was imported.
var ErrNotDefinitions = errors.New("failed_to_parse_json")

// Import makes what a file says: all of it, or, with the name of a virtual host
// that exists, what belongs into one. progress, if not nil, is called now and
// then, from one goroutine at a time. It returns when all is safe on disk.
// Errors: ErrNotDefinitions; ctx's, when it ended first. What could not be
// imported is in the report.
func (b Broker) Import(ctx context.Context, text []byte, vhost string, progress func(Progress)) (*Report, error) {
	if len(text) == 0 {
		text = []byte("{}")
	}
	if err := checkUTF8(text); err != nil { // a parser of JSON would put other characters in the place of what it cannot read
		return nil, fmt.Errorf("%w: %w", ErrNotDefinitions, err)
	}
	v, err := core.ParseJSON(text)
	file, ok := v.(map[string]any)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrNotDefinitions, err)
	case !ok:
		return nil, fmt.Errorf("%w: want an object", ErrNotDefinitions)
	}
	im := importing{Broker: b, ctx: ctx, notes: newNotes(), vhostAll: vhost, progress: progress}
	im.version, _ = file["rabbit_version"].(string)
	if text, ok := file["rabbitmq_version"].(string); ok {
		im.version = text
	}
	for order, p := range parts {
		im.part(p, order, file[p.name])
	}
	im.unknown(file)
	return im.notes.done(), ctx.Err()
}

// checkUTF8 says where a text is not in UTF-8.
func checkUTF8(text []byte) error {
	for at := 0; at < len(text); {
		r, n := utf8.DecodeRune(text[at:])
		if r == utf8.RuneError && n == 1 {
			return fmt.Errorf("line %d is not in UTF-8: byte %d of the file is 0x%02x", 1+bytes.Count(text[:at], []byte("\n")), at+1, text[at])
		}
		at += n
	}
	return nil
}

// part imports one list of the file.
func (im *importing) part(p part, order int, v any) {
	list, ok := v.([]any)
	problem := func(text string) { im.notes.problem(Note{Place: p.name, Text: text, part: order}) }
	switch {
	case v == nil:
		return
	case !ok:
		problem("want a list")
		return
	case len(list) > maxItems:
		problem(fmt.Sprintf("%d are too many, at most %d are imported at a time", len(list), maxItems))
		return
	case im.vhostAll != "" && p.whole && len(list) > 0:
		im.notes.warning(Note{Place: p.name, Text: "they belong to the broker, and are not imported into a vhost", part: order})
		return
	}
	im.each(p, order, list)
}

// each imports the items of a part, some at a time.
func (im *importing) each(p part, order int, list []any) {
	workers := atOnce
	if p.alone {
		workers = 1
	}
	next := make(chan int)
	var work sync.WaitGroup
	for range min(workers, len(list)) {
		work.Go(func() {
			for i := range next {
				im.one(p, &item{part: p.name, order: order, index: i, vhost: im.vhostAll, notes: im.notes, taken: map[string]bool{}}, list[i])
			}
		})
	}
	for i := range list {
		if im.ctx.Err() != nil {
			break
		}
		next <- i
		if im.progress != nil && (i+1)%500 == 0 {
			im.progress(Progress{p.name, i + 1, len(list)})
		}
	}
	close(next)
	work.Wait()
	if im.progress != nil && len(list) > 0 {
		im.progress(Progress{p.name, len(list), len(list)})
	}
}

func (im *importing) one(p part, it *item, v any) {
	fields, ok := v.(map[string]any)
	if !ok {
		im.notes.problem(it.note("want an object"))
		return
	}
	it.fields = fields
	if err := p.add(im, it); err != nil {
		im.notes.problem(it.note(err.Error()))
		return
	}
	it.leftOver()
	im.notes.imported(p.name)
}

// unknown warns of the parts that nobody knows.
func (im *importing) unknown(file map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(file)) {
		known := slices.Contains(about, name) || slices.ContainsFunc(parts, func(p part) bool { return p.name == name })
		if !known {
			im.notes.warning(Note{Place: name, Text: "it has no meaning here and is left out", part: len(parts)})
		}
	}
}
