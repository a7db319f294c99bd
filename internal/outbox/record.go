package outbox

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/postrider-mq/postrider/internal/journal"
)

// The records, in little-endian order:
//
//	posted  ticket u64 (0: this record's own address) | expires i64 (ms since 1970, 0: never) | reserved u32 | n u16 | target | message
//	done    ticket u64, one or more
const (
	kindPosted journal.Kind = 1
	kindDone   journal.Kind = 2
)

const (
	fixedHead = 8 + 8 + 4 + 2
	maxTarget = 1 << 10
	maxHead   = fixedHead + maxTarget
)

var le = binary.LittleEndian

func appendHead(b []byte, p Post) []byte {
	var expires int64
	if !p.Expires.IsZero() {
		expires = p.Expires.UnixMilli()
	}
	b = le.AppendUint64(b, p.Ticket)
	b = le.AppendUint64(b, uint64(expires))
	b = le.AppendUint32(b, 0)
	b = le.AppendUint16(b, uint16(len(p.Target)))
	return append(b, p.Target...)
}

// Check says what is wrong with a record of an outbox.
func Check(r journal.Record) (err error) {
	switch r.Kind {
	case kindPosted:
		_, err = parsePosted(r)
	case kindDone:
		_, err = parseDone(r.Body)
	default: // it may be about posts in a way that would be lost on us
		err = fmt.Errorf("a record of kind %d, which this version does not know: use the version that wrote it, or a newer one", r.Kind)
	}
	return err
}

// parsePosted copies what it needs of the record.
func parsePosted(r journal.Record) (p Post, err error) {
	b := r.Body
	if len(b) < fixedHead || len(b) < fixedHead+int(le.Uint16(b[20:])) {
		return p, fmt.Errorf("the record of %d bytes is shorter than it says", len(b))
	}
	p.Ticket = le.Uint64(b)
	if p.Ticket == 0 {
		p.Ticket = uint64(r.LSN)
	}
	if ms := int64(le.Uint64(b[8:])); ms != 0 {
		p.Expires = time.UnixMilli(ms)
	}
	target := b[fixedHead:][:le.Uint16(b[20:])]
	p.Target = string(target)
	p.Encoded = append([]byte(nil), b[fixedHead+len(target):]...)
	return p, nil
}

func appendDone(b []byte, tickets []uint64) []byte {
	for _, t := range tickets {
		b = le.AppendUint64(b, t)
	}
	return b
}

func parseDone(b []byte) (tickets []uint64, err error) {
	if len(b)%8 != 0 {
		return nil, fmt.Errorf("a list of tickets of 8 bytes has %d bytes", len(b))
	}
	for ; len(b) > 0; b = b[8:] {
		tickets = append(tickets, le.Uint64(b))
	}
	return tickets, nil
}
