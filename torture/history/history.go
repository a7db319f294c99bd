package history

import (
	"fmt"
	"io"
	"sync"
)

// ID names a message: the Seq-th of a publisher, counted from 1.
type ID struct{ Publisher, Seq int }

func (id ID) String() string { return fmt.Sprintf("p%d-%d", id.Publisher, id.Seq) }

// Publisher is what the judge knows of one.
type Publisher struct {
	Name      string
	Queues    []int // where its messages go
	Transient bool  // they may be lost
	Lanes     int   // its messages have this many priorities, see Lane; 0 and 1 are the same
}

// Lane is the priority of the publisher's message: order holds within one.
func (p *Publisher) Lane(seq int) int {
	if p.Lanes < 2 {
		return 0
	}
	return seq * 7 % p.Lanes
}

// Queue is what the judge knows of one.
type Queue struct {
	Name        string
	DeadLetters int      // the queue of its dead letters; None
	Dies        []string // for what reasons messages leave it unasked: expired, maxlen, delivery_limit
	NoAck       bool     // its consumers do not acknowledge
	Strict      bool     // one consumer, which returns nothing: what comes again is in order, too
}

// None is no queue.
const None = -1

// Settlement is what a consumer does with a message.
type Settlement uint8

// The ways of settling.
const (
	Ack Settlement = iota + 1
	Reject
	Requeue
)

func (s Settlement) String() string { return [...]string{"", "ack", "reject", "requeue"}[s] }

// Violation is a broken promise.
type Violation struct {
	Kind  string // see the package
	Queue string
	ID    ID
	Text  string
}

func (v Violation) String() string {
	return fmt.Sprintf("%s: %v in queue %s: %s", v.Kind, v.ID, v.Queue, v.Text)
}

// History is what happened. Its methods may be called from any goroutine.
type History struct {
	queues     []Queue
	publishers []Publisher

	mu       sync.Mutex
	log      *record
	life     int
	ending   bool        // connections may have ended before what they brought is told
	messages [][]message // by publisher, by sequence number - 1
	entries  [][][]entry // by queue, publisher, sequence number - 1
	gaps     []gap
	totals   Totals
	broken   []Violation
	first    chan struct{} // closed at the first violation
}

// message is what became of a publish.
type message struct {
	life    uint32 // when it was published
	outcome outcome
}

type outcome uint8

const (
	unknown outcome = iota
	confirmed
	refused
)

// entry is a message in a queue.
type entry struct {
	deliveries uint16
	plain      uint16 // deliveries that were not marked redelivered
	rejects    uint16 // how often a consumer may have rejected it
	proven     uint16 // how many settlements are durable
	finished   bool   // a consumer may have ended it for good
	rejected   bool   // proven includes a rejection
}

// gap is what a consumer without acknowledgements was not given.
type gap struct {
	queue, publisher int
	after, before    int
}

// New returns an empty history that keeps its events in log.
func New(queues []Queue, publishers []Publisher, log io.Writer) *History {
	h := &History{queues: queues, publishers: publishers, log: newRecord(log), first: make(chan struct{})}
	h.messages = make([][]message, len(publishers))
	h.entries = make([][][]entry, len(queues))
	for q := range queues {
		h.entries[q] = make([][]entry, len(publishers))
	}
	return h
}

// Broken is closed when something went wrong.
func (h *History) Broken() <-chan struct{} { return h.first }

// Violations are the promises broken so far, the first hundred.
func (h *History) Violations() []Violation {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]Violation(nil), h.broken...)
}

// Totals are the counts so far.
func (h *History) Totals() Totals {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.totals
	t.Lives = h.life
	return t
}

// NextLife says that the broker was stopped and all its clients have ended.
func (h *History) NextLife(how string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.life++
	h.ending = false
	h.log.note(h.life, how)
}

// Ending says that the broker is about to be stopped. What is delivered from now on may have been on its way for some time:
// while it was, its connection may have ended, and the message may have been delivered, and even settled, elsewhere.
func (h *History) Ending() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ending = true
	h.log.note(h.life, "ending")
}

// Note keeps something of interest that is not judged.
func (h *History) Note(text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.log.note(h.life, text)
}

// Flush writes out what log was not given yet.
func (h *History) Flush() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.log.flush()
}

func (h *History) violate(kind string, queue int, id ID, format string, args ...any) {
	if len(h.broken) == 0 {
		close(h.first)
	}
	if len(h.broken) < 100 {
		h.broken = append(h.broken, Violation{Kind: kind, Queue: h.queues[queue].Name, ID: id, Text: fmt.Sprintf(format, args...)})
	}
	h.log.event(h.life, "BROKEN "+kind, h.queues[queue].Name, id)
}

// entry returns the place of a message in a queue. The caller holds h.mu.
func (h *History) entry(queue int, id ID) *entry {
	list := &h.entries[queue][id.Publisher]
	if missing := id.Seq - len(*list); missing > 0 {
		*list = append(*list, make([]entry, missing)...)
	}
	return &(*list)[id.Seq-1]
}
