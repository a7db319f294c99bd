package trace

import (
	"encoding/binary"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Name is what the body of a publisher's n-th message must contain, counted from 1. Every publisher has a
// connection of its own with one channel in confirm mode, on which it publishes nothing else.
func Name(publisher, n int) string { return fmt.Sprintf("<%d:%d>", publisher, n) }

var named = regexp.MustCompile(`<(\d+):(\d+)>`)

// Report is what a trace says about confirms.
type Report struct {
	Syncs     int      // that made messages safe
	Confirmed int      // messages
	Refused   int      // messages
	Early     []string // confirms that left before their message was safe
}

// Confirms checks all confirms in a trace. publishers says whose a connection is, by the publisher's own address.
func Confirms(t *Trace, publishers map[string]int) (Report, error) {
	c := &checker{written: map[string][]record{}, safe: map[message]int{}, streams: map[string]*stream{}}
	for address, p := range publishers {
		c.streams[address] = &stream{publisher: p}
	}
	for _, call := range t.Calls {
		if err := c.call(call); err != nil {
			return c.report, fmt.Errorf("line %d: %w", call.Began, err)
		}
	}
	return c.report, nil
}

// checker follows files and sockets through the calls.
type checker struct {
	written map[string][]record // by file: what no sync has covered yet
	safe    map[message]int     // the line at which it became so
	streams map[string]*stream  // by the client's address
	report  Report
}

type message struct{ publisher, n int }

// record is a message whose write to a file ended at a line.
type record struct {
	message
	ended int
}

// call takes the calls in the order in which they began. What they change is kept with the line at which it was done.
func (c *checker) call(call *Call) error {
	switch call.Name {
	case "pwrite64":
		if call.OK() {
			c.wrote(call)
		}
	case "fdatasync":
		if call.OK() {
			c.synced(call)
		}
	case "write", "sendto":
		if s := c.streams[remote(call.File)]; s != nil && call.Ended > 0 && call.Result > 0 {
			return s.sent(call.Data[:call.Result], func(ack ack) { c.confirm(s, call, ack) })
		}
	case "writev", "sendmsg", "pwritev", "pwritev2":
		return fmt.Errorf("%s is not understood yet", call.Name)
	}
	return nil
}

func (c *checker) wrote(call *Call) {
	for _, found := range named.FindAllSubmatch(call.Data[:call.Result], -1) {
		p, _ := strconv.Atoi(string(found[1]))
		n, _ := strconv.Atoi(string(found[2]))
		c.written[call.File] = append(c.written[call.File], record{message{p, n}, call.Ended})
	}
}

// synced makes safe what had been written when the sync began.
func (c *checker) synced(call *Call) {
	list := c.written[call.File]
	later, covered := list[:0:0], 0
	for _, r := range list {
		if r.ended > call.Began {
			later = append(later, r)
			continue
		}
		covered++
		if at, ok := c.safe[r.message]; !ok || call.Ended < at {
			c.safe[r.message] = call.Ended
		}
	}
	c.written[call.File] = later
	if covered > 0 {
		c.report.Syncs++
	}
}

func (c *checker) confirm(s *stream, call *Call, a ack) {
	first := a.tag
	if a.multiple {
		first = s.confirmed + 1
	}
	for n := first; n <= a.tag; n++ {
		if a.nack {
			c.report.Refused++
			continue
		}
		c.report.Confirmed++
		m := message{s.publisher, int(n)}
		if at, ok := c.safe[m]; !ok || at > call.Began {
			c.report.Early = append(c.report.Early, fmt.Sprintf("message %d of publisher %d was confirmed at line %d and safe at line %d (0: never before)", m.n, m.publisher, call.Began, at))
		}
	}
	s.confirmed = max(s.confirmed, a.tag)
}

// remote is the other end of a socket: TCP:[local->remote].
func remote(file string) string {
	_, address, ok := strings.Cut(file, "->")
	if !ok || !strings.HasPrefix(file, "TCP") {
		return ""
	}
	return strings.TrimSuffix(address, "]")
}

// stream is what the broker sends on one connection.
type stream struct {
	publisher int
	confirmed uint64 // up to this tag
	rest      []byte // the beginning of a frame
}

// ack is a confirm.
type ack struct {
	tag            uint64
	multiple, nack bool
}

const (
	methodFrame = 1
	frameEnd    = 0xCE
	basicAck    = 60<<16 | 80
	basicNack   = 60<<16 | 120
)

// sent reads frames: type, channel (2), length (4), payload, 0xCE.
func (s *stream) sent(data []byte, confirm func(ack)) error {
	b := append(s.rest, data...)
	for len(b) >= 7 {
		size := 7 + int(binary.BigEndian.Uint32(b[3:])) + 1
		if len(b) < size {
			break
		}
		if b[size-1] != frameEnd {
			return fmt.Errorf("what is written to publisher %d is not a frame: % x", s.publisher, b[:min(len(b), 40)])
		}
		if a, ok := readAck(b[0], b[7:size-1]); ok {
			confirm(a)
		}
		b = b[size:]
	}
	s.rest = append([]byte(nil), b...)
	return nil
}

func readAck(kind byte, payload []byte) (a ack, ok bool) {
	if kind != methodFrame || len(payload) < 13 {
		return a, false
	}
	method := binary.BigEndian.Uint32(payload)
	a = ack{tag: binary.BigEndian.Uint64(payload[4:]), multiple: payload[12]&1 != 0, nack: method == basicNack}
	return a, method == basicAck || method == basicNack
}
