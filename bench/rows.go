package main

import (
	"fmt"
	"slices"
	"strings"
)

// A row is one kind of work, and a line in the table.
type row struct {
	Work  string // what the rows beside it do, too
	Name  string
	Title string
	// Limit is the row that this one is compared with: by its median latency if ByLatency, else by rate.
	Limit     string
	ByLatency bool
	// Plus is a row whose median latency is added to that of Limit: the work has to do both, one after the other.
	Plus string

	foreign bool // runs against RabbitMQ, or the broker of -amqp
	quorum  bool // in a quorum queue of it
	roles   []string
	order   order

	// A row at a fixed rate has the same work at full speed, its peak. Who cannot keep the rate up is left out.
	peak   string
	half   []string // the rate is half of that of the fastest of these rows
	once   bool     // in one round only
	longer bool     // measured for twice as long as others
}

// How many messages may be posted and not confirmed. What is durable is measured with 1,000, as
// others measure it; what is not, with enough to keep all busy, which between two processes is more.
const (
	durableWindow   = 1000
	transientWindow = 10_000
	streamWindow    = 40_000
)

const (
	prefetch = 1000
	mailbox  = "bench"
)

// rows are all rows, in the order of the table.
func rows() []*row {
	full := append(directRows(), mailboxRows()...)
	return slices.Concat(full, steadyRows(full), sizeRows(full), manyRows())
}

const foreignPrefix = "rabbitmq-"

// onForeign is the row against another broker, in a queue that is made for it.
func (r *row) onForeign() *row {
	f := *r
	f.Name = foreignPrefix + r.Name
	f.foreign = true
	f.roles = r.roles[1:]
	f.order.Declared = true
	f.order.Kept = false // nobody looks
	return &f
}

func (r *row) onQuorum() *row {
	f := r.onForeign()
	f.Name += "-quorum"
	f.Title += ", quorum queue"
	f.quorum = true
	return f
}

// named is a copy with a longer name.
func (r *row) named(suffix string) *row {
	c := *r
	c.Name += suffix
	return &c
}

func named(all []*row, name string) *row {
	for _, r := range all {
		if r.Name == name {
			return r
		}
	}
	panic("no row " + name)
}

// does tells whether a row belongs to one of these works.
func (r *row) does(works ...string) bool {
	for _, w := range works {
		if r.Work == w {
			return true
		}
	}
	return false
}

// dependencies are the rows without which this one says nothing.
func (r *row) dependencies() []string {
	return append([]string{r.Limit, r.Plus, r.peak}, r.half...)
}

// title is what the row is called in the table; foreign is the other broker, in its own words.
func (r *row) title(foreign string) string {
	switch {
	case r.foreign:
		return foreign + ", " + r.Title
	case r.has(roleBroker):
		return "Postrider, " + r.Title
	}
	return r.Title
}

func perSecond(rate int) string { return thousands(float64(rate)) + "/s" }

func sizeOf(bytes int) string {
	switch {
	case bytes >= 1<<20:
		return fmt.Sprintf("%d MiB", bytes>>20)
	case bytes >= 1<<10:
		return fmt.Sprintf("%d KiB", bytes>>10)
	}
	return fmt.Sprintf("%d B", bytes)
}

func suffixOf(s string) string { return "-" + strings.ReplaceAll(s, " ", "") }
