package marks

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math/bits"

	"github.com/postrider-mq/postrider/internal/journal"
)

// The records, in little-endian order, after a head that names the place:
//
//	head   n u16 | target | n u16 | sender | page u64
//	marks  head | bit u16, one or more
//	named  head | {bit u16 | n u16 | id}, one or more
//	page   head | 64 words u64: a bit for each message
const (
	kindMarks journal.Kind = 1
	kindNamed journal.Kind = 2
	kindPage  journal.Kind = 3
)

// marksARecord bounds a record.
const marksARecord = 128

var le = binary.LittleEndian

func kindOf(at Place) journal.Kind {
	if at.Sender == "" {
		return kindNamed
	}
	return kindMarks
}

func (p *Page) set(marks []Mark) {
	for _, m := range marks {
		p.Done[m.Bit/64] |= 1 << (m.Bit % 64)
		if p.Sender == "" {
			if p.IDs == nil {
				p.IDs = make(map[uint16]string)
			}
			p.IDs[m.Bit] = m.ID
		}
	}
}

func (p *Page) has(m Mark) bool { return p.Done[m.Bit/64]&(1<<(m.Bit%64)) != 0 }

// named are the marks of a page without a sender.
func (p *Page) named() (all []Mark) {
	for bit, id := range p.IDs {
		all = append(all, Mark{bit, id})
	}
	return all
}

func (p Page) clone() Page {
	p.IDs = maps.Clone(p.IDs)
	return p
}

func appendHead(b []byte, at Place) []byte {
	b = append(le.AppendUint16(b, uint16(len(at.Target))), at.Target...)
	b = append(le.AppendUint16(b, uint16(len(at.Sender))), at.Sender...)
	return le.AppendUint64(b, at.Page)
}

func appendMarks(b []byte, at Place, marks []Mark) []byte {
	b = appendHead(b, at)
	for _, m := range marks {
		b = le.AppendUint16(b, m.Bit)
		if at.Sender == "" {
			b = append(le.AppendUint16(b, uint16(len(m.ID))), m.ID...)
		}
	}
	return b
}

func appendPage(b []byte, p *Page) []byte {
	b = appendHead(b, p.Place)
	for _, word := range p.Done {
		b = le.AppendUint64(b, word)
	}
	return b
}

// Check says what is wrong with a record.
func Check(r journal.Record) error {
	_, _, err := parse(r)
	return err
}

// parse copies what it needs of a record.
func parse(r journal.Record) (at Place, marks []Mark, err error) {
	d := decoder{b: r.Body}
	at = Place{Target: d.text(), Sender: d.text(), Page: d.uint64()}
	switch r.Kind {
	case kindMarks:
		for d.more() {
			marks = append(marks, Mark{Bit: d.bit()})
		}
	case kindNamed:
		for d.more() {
			marks = append(marks, Mark{d.bit(), d.text()})
		}
	case kindPage:
		for i := range PageSize / 64 {
			for word := d.uint64(); word != 0; word &= word - 1 {
				marks = append(marks, Mark{Bit: uint16(64*i + bits.TrailingZeros64(word))})
			}
		}
	default:
		return at, nil, fmt.Errorf("a record of handled messages at %d has the unknown kind %d", r.LSN, r.Kind)
	}
	if d.short {
		return at, nil, fmt.Errorf("a record of handled messages at %d is cut short: %d bytes", r.LSN, len(r.Body))
	}
	return at, marks, nil
}

// decoder consumes a record.
type decoder struct {
	b     []byte
	short bool
}

func (d *decoder) more() bool { return !d.short && len(d.b) > 0 }

func (d *decoder) next(n int) []byte {
	if len(d.b) < n {
		d.short, d.b = true, nil
		return make([]byte, n)
	}
	b := d.b[:n]
	d.b = d.b[n:]
	return b
}

func (d *decoder) uint64() uint64 { return le.Uint64(d.next(8)) }
func (d *decoder) text() string   { return string(d.next(int(le.Uint16(d.next(2))))) }

func (d *decoder) bit() uint16 {
	bit := le.Uint16(d.next(2))
	if bit >= PageSize {
		d.short = true
		return 0
	}
	return bit
}
