package core

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/journal"
)

// The kinds of fact. They are written to disk: never renumber.
//
// A number is an unsigned varint; a text is its length and its bytes; a table
// is an AMQP field table. Unknown trailing bytes are ignored, so that a later
// version may append fields.
//
//	QueueDeclared     id, vhost, name, flags, arguments
//	QueueDeleted      id, vhost, name
//	ExchangeDeclared  vhost, name, kind, flags, arguments
//	ExchangeDeleted   vhost, name
//	Bound, Unbound    vhost, source, destination, flags (1 = to a queue), key, arguments
//	Enqueued          n, n × (queue id, position), exchange, key, properties with BCC, body (the rest)
//	Expiring          time, n, n × (queue id, position, life), and on as Enqueued
//	Settled           queue id, n, n × (first position, count)
//	Started           nothing: deliveries of all queues begin; of earlier versions
//	Rested            queue id, n, n × (first position, count, told), below, below of the high level: see rest.go
//	Returned          queue id, n, n × (first position, count, told)
//	Begun             queue id: its deliveries begin
//	VHostDeclared     name, description (JSON of VHostInfo)
//	VHostDeleted      name; all that was in it went with it
//	SettingMade       kind, vhost or empty, name, value
//	SettingEnded      kind, vhost or empty, name
//	Paged             as Enqueued
//
// Expiring is an Enqueued of which some queue may drop the message after a
// while: time is that of the wall clock in ms since 1970, life how many ms it
// may wait from then on, and 1; or 0 where it waits for ever. Not the moment of
// its end is written, so that a clock that was put back lengthens no life.
//
// Paged holds a message that ends with the process, so that it need not be in
// memory. Recovery passes over it.
const (
	kindQueueDeclared    journal.Kind = 1
	kindQueueDeleted     journal.Kind = 2
	kindExchangeDeclared journal.Kind = 3
	kindExchangeDeleted  journal.Kind = 4
	kindBound            journal.Kind = 5
	kindUnbound          journal.Kind = 6
	kindEnqueued         journal.Kind = 7
	kindSettled          journal.Kind = 8
	kindExpiring         journal.Kind = 9
	kindStarted          journal.Kind = 10
	kindRested           journal.Kind = 11
	kindReturned         journal.Kind = 12
	kindBegun            journal.Kind = 13
	kindVHostDeclared    journal.Kind = 20
	kindVHostDeleted     journal.Kind = 21
	kindSettingMade      journal.Kind = 22
	kindSettingEnded     journal.Kind = 23
	kindPaged            journal.Kind = 30
)

var errShortRecord = errors.New("record ends early")

// decoder reads the fields of a record; the first error sticks.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
	d.b = nil
}

func (d *decoder) uint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail(errShortRecord)
		return 0
	}
	d.b = d.b[n:]
	return v
}

// optional is a number at a record's end that earlier versions did not write.
func (d *decoder) optional() uint64 {
	if len(d.b) == 0 {
		return 0
	}
	return d.uint()
}

func (d *decoder) bytes() []byte {
	n := d.uint()
	if n > uint64(len(d.b)) {
		d.fail(errShortRecord)
		return nil
	}
	v := d.b[:n:n]
	d.b = d.b[n:]
	return v
}

func (d *decoder) text() string { return string(d.bytes()) }

func (d *decoder) table() amqp.Table {
	if d.err != nil {
		return nil
	}
	rest, t, err := amqp.ParseTable(d.b)
	if err != nil {
		d.fail(fmt.Errorf("arguments: %w", err))
		return nil
	}
	d.b = rest
	return t
}

func appendUint(dst []byte, v uint64) []byte { return binary.AppendUvarint(dst, v) }

func appendText(dst []byte, s string) []byte {
	return append(appendUint(dst, uint64(len(s))), s...)
}

func appendTable(dst []byte, t amqp.Table) []byte {
	out, err := amqp.AppendTable(dst, t)
	if err != nil { // it came through AppendTable's twin, ParseTable, or was checked on declare
		out, _ = amqp.AppendTable(dst, nil)
	}
	return out
}

// Flags of declarations.
const (
	flagDurable    = 1 << 0
	flagAutoDelete = 1 << 1
	flagExclusive  = 1 << 2
	flagInternal   = 1 << 3
)

func flags(set ...bool) uint64 {
	var v uint64
	for i, on := range set {
		if on {
			v |= 1 << i
		}
	}
	return v
}

// place is one message's position in one queue.
type place struct {
	queue, pos uint64
	life       uint64 // how many ms it may wait, and 1; 0 = for ever
}

func anyExpires(places []place) bool {
	for i := range places {
		if places[i].life > 0 {
			return true
		}
	}
	return false
}

// appendExpiring is appendEnqueued for an Expiring.
func appendExpiring(dst []byte, now int64, places []place, m *Message) []byte {
	return appendAddress(appendLives(dst, now, places), m)
}

func appendLives(dst []byte, now int64, places []place) []byte {
	dst = appendUint(dst, uint64(max(now, 0)))
	dst = appendUint(dst, uint64(len(places)))
	for _, p := range places {
		dst = appendUint(dst, p.queue)
		dst = appendUint(dst, p.pos)
		dst = appendUint(dst, p.life)
	}
	return dst
}

// appendEnqueued writes what precedes properties and body of an Enqueued or a Paged.
func appendEnqueued(dst []byte, places []place, m *Message) []byte {
	return appendAddress(appendPlaces(dst, places), m)
}

func appendPlaces(dst []byte, places []place) []byte {
	dst = appendUint(dst, uint64(len(places)))
	for _, p := range places {
		dst = appendUint(dst, p.queue)
		dst = appendUint(dst, p.pos)
	}
	return dst
}

func appendAddress(dst []byte, m *Message) []byte {
	dst = appendText(dst, m.Exchange)
	dst = appendText(dst, m.Key)
	return appendUint(dst, uint64(len(m.written())))
}

// enqueuing is what an Enqueued, an Expiring or a Paged says.
type enqueuing struct {
	places  []place
	at      int64  // when, if any of them expires: ms since 1970
	content []byte // exchange, key, properties, body; part of the record
}

// parseEnqueued reads all but the content. It appends to places.
func parseEnqueued(kind journal.Kind, body []byte, places []place) (e enqueuing, err error) {
	d := decoder{b: body}
	if kind == kindExpiring {
		e.at = int64(d.uint())
	}
	n := d.uint()
	if n > uint64(len(d.b)) {
		d.fail(errShortRecord)
	}
	for range n {
		if d.err != nil {
			break
		}
		p := place{queue: d.uint(), pos: d.uint()}
		if kind == kindExpiring {
			p.life = d.uint()
		}
		places = append(places, p)
	}
	if d.err != nil {
		return enqueuing{}, fmt.Errorf("enqueued: %w", d.err)
	}
	e.places, e.content = places, d.b
	return e, nil
}

// enqueuings returns for how many queues a record holds a message that recovery restores.
func enqueuings(rec journal.Record) int {
	d := decoder{b: rec.Body}
	switch rec.Kind {
	case kindPaged:
		return 0
	case kindEnqueued:
		return int(d.uint())
	case kindExpiring:
		d.uint()
		return int(d.uint())
	}
	return 1
}

// parseContent reads the message into m, which then shares the memory of content. What m had is overwritten, and used where it
// is the same.
func parseContent(content []byte, m *Message) error {
	d := decoder{b: content}
	exchange, key, props := d.bytes(), d.bytes(), d.bytes()
	if d.err != nil {
		return fmt.Errorf("message: %w", d.err)
	}
	if m.Address == nil || m.Exchange != string(exchange) || m.Key != string(key) {
		m.Address = &Address{string(exchange), string(key)}
	}
	m.Props, m.rare, m.Body = props, nil, d.b
	return m.hide()
}

// contentSize returns the length of the body.
func contentSize(content []byte) (int, error) {
	d := decoder{b: content}
	d.bytes()
	d.bytes()
	d.bytes()
	return len(d.b), d.err
}

// span is a run of positions.
type span struct{ first, count uint64 }

func appendSettled(dst []byte, queue uint64, spans []span) []byte {
	dst = appendUint(dst, queue)
	dst = appendUint(dst, uint64(len(spans)))
	for _, s := range spans {
		dst = appendUint(dst, s.first)
		dst = appendUint(dst, s.count)
	}
	return dst
}

func parseSettled(body []byte) (queue uint64, spans []span, err error) {
	d := decoder{b: body}
	queue = d.uint()
	n := d.uint()
	if n > uint64(len(d.b)) {
		d.fail(errShortRecord)
	}
	for range n {
		if d.err != nil {
			break
		}
		spans = append(spans, span{first: d.uint(), count: d.uint()})
	}
	if d.err != nil {
		return 0, nil, fmt.Errorf("settled: %w", d.err)
	}
	return queue, spans, nil
}

// addSpan extends the last span or starts a new one.
func addSpan(spans []span, pos uint64) []span {
	if n := len(spans); n > 0 && spans[n-1].first+spans[n-1].count == pos {
		spans[n-1].count++
		return spans
	}
	return append(spans, span{first: pos, count: 1})
}
