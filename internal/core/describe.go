package core

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/journal"
)

// kindInfo is what a reader of the journal should know of a kind: its name, and the fields of its body in the notation of layout.
type kindInfo struct {
	name   string
	fields string
}

// kinds are all kinds of record. docs/JOURNAL.md has the same table, and a test compares them.
var kinds = map[journal.Kind]kindInfo{
	kindQueueDeclared:    {"QueueDeclared", "queue number, vhost text, name text, flags number, arguments table"},
	kindQueueDeleted:     {"QueueDeleted", "queue number, vhost text, name text"},
	kindExchangeDeclared: {"ExchangeDeclared", "vhost text, name text, kind text, flags number, arguments table"},
	kindExchangeDeleted:  {"ExchangeDeleted", "vhost text, name text"},
	kindBound:            {"Bound", "vhost text, source text, destination text, flags number, key text, arguments table"},
	kindUnbound:          {"Unbound", "vhost text, source text, destination text, flags number, key text, arguments table"},
	kindEnqueued:         {"Enqueued", "places (queue number, position number)*, exchange text, key text, properties bytes, body rest"},
	kindSettled:          {"Settled", "queue number, spans (first number, count number)*"},
	kindExpiring:         {"Expiring", "time number, places (queue number, position number, life number)*, exchange text, key text, properties bytes, body rest"},
	kindStarted:          {"Started", ""},
	kindRested:           {"Rested", "queue number, tales (first number, count number, told number)*, below number?, high number?"},
	kindReturned:         {"Returned", "queue number, tales (first number, count number, told number)*"},
	kindBegun:            {"Begun", "queue number"},
	kindVHostDeclared:    {"VHostDeclared", "name text, description text"},
	kindVHostDeleted:     {"VHostDeleted", "name text"},
	kindSettingMade:      {"SettingMade", "kind text, vhost text, name text, value bytes"},
	kindSettingEnded:     {"SettingEnded", "kind text, vhost text, name text"},
	kindPaged:            {"Paged", "places (queue number, position number)*, exchange text, key text, properties bytes, body rest"},
}

// Description is a record in words.
type Description struct {
	Kind   string // "kind 77" for one that this version does not know
	Fields []DescribedField
	Queues []uint64 // the ids of the queues that it speaks of
	Err    error    // why the body could not be read to its end
}

// DescribedField is one field of a record's body. Bytes and the rest of a body are given as their length.
type DescribedField struct{ Name, Value string }

// KindName returns the name of a kind of record.
func KindName(kind journal.Kind) string {
	if info, ok := kinds[kind]; ok {
		return info.name
	}
	return "kind " + strconv.Itoa(int(kind))
}

// Describe decodes a record for people.
func Describe(rec journal.Record) Description {
	d := Description{Kind: KindName(rec.Kind)}
	info, ok := kinds[rec.Kind]
	if !ok {
		return d
	}
	w := describer{decoder: decoder{b: rec.Body}, to: &d}
	w.layout(info.fields, "")
	d.Err = w.err
	return d
}

type describer struct {
	decoder
	to *Description
}

// layout decodes fields written as "name type" with commas between them. The types are number, text, bytes, table, rest, and
// a list in brackets with a star behind it: a number, and so many times what is in the brackets. A type with a question mark
// behind it was added later: the body may end before it.
func (w *describer) layout(fields, prefix string) {
	for fields != "" && w.err == nil {
		var name, kind string
		name, fields, _ = strings.Cut(fields, " ")
		if strings.HasPrefix(fields, "(") {
			kind, fields, _ = strings.Cut(fields[1:], ")*")
			w.list(prefix+name, kind)
		} else {
			kind, fields, _ = strings.Cut(fields, ",")
			fields = "," + fields
			w.field(prefix+name, strings.TrimSpace(kind))
		}
		fields = strings.TrimLeft(fields, ", ")
	}
}

func (w *describer) list(name, fields string) {
	n := w.uint()
	if n > uint64(len(w.b)) {
		w.fail(errShortRecord)
		return
	}
	for i := range n {
		w.layout(fields, fmt.Sprintf("%s[%d].", name, i))
	}
}

func (w *describer) field(name, kind string) {
	kind, optional := strings.CutSuffix(kind, "?")
	if optional && len(w.b) == 0 {
		return
	}
	var value string
	switch kind {
	case "number":
		v := w.uint()
		if w.err == nil && (name == "queue" || strings.HasSuffix(name, ".queue")) {
			w.to.Queues = append(w.to.Queues, v)
		}
		value = strconv.FormatUint(v, 10)
	case "text":
		value = strconv.Quote(w.text())
	case "bytes":
		value = lengthOf(w.bytes())
	case "table":
		value = tableText(w.table())
	case "rest":
		value, w.b = lengthOf(w.b), nil
	}
	if w.err == nil {
		w.to.Fields = append(w.to.Fields, DescribedField{name, value})
	}
}

func lengthOf(b []byte) string { return strconv.Itoa(len(b)) + " bytes" }

func tableText(t amqp.Table) string {
	if len(t) == 0 {
		return "{}"
	}
	return fmt.Sprint(map[string]any(t))
}

// Fold follows a journal's records to what is left of them, as a start does, without making a broker.
type Fold struct{ r *recovery }

// NewFold returns an empty fold.
func NewFold() *Fold { return &Fold{newRecovery()} }

// Add takes the next record. The error of one that this version cannot read is the one that a start would end with.
func (f *Fold) Add(rec journal.Record) error { return f.r.replay(rec) }

// Unneeded returns the live records that are not needed any more.
func (f *Fold) Unneeded() []journal.LSN { return f.r.unneeded }

// KindNamed returns the kind of a name or number.
func KindNamed(text string) (journal.Kind, bool) {
	if n, err := strconv.ParseUint(text, 10, 8); err == nil {
		return journal.Kind(n), true
	}
	for kind, info := range kinds {
		if strings.EqualFold(info.name, text) {
			return kind, true
		}
	}
	return 0, false
}

// KnownKind says whether this version knows a kind of record.
func KnownKind(kind journal.Kind) bool {
	_, ok := kinds[kind]
	return ok
}

// DeclaredQueue says which queue a record declares, if it does.
func DeclaredQueue(rec journal.Record) (id uint64, vhost, name string, ok bool) {
	if rec.Kind != kindQueueDeclared {
		return 0, "", "", false
	}
	d := decoder{b: rec.Body}
	id, vhost, name = d.uint(), d.text(), d.text()
	return id, vhost, name, d.err == nil
}
