package nodes

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Totals are the counts of a run.
type Totals struct {
	Calls                                    int // sends, posts, calls and pings
	Messages                                 int
	Confirmed, Kept, Maybe, Never, Answered  int
	Deliveries, Handled, Failures, Elsewhere int
	Unmarked                                 int           // handled again by another life of a node with a directory, which had been killed at once
	Ordered                                  int           // of those judged
	Relayed                                  int           // of those whose sender learnt the way
	WithMemory                               int           // received in a memory that ended with its process
	Lost                                     int           // confirmed or kept, and gone
	Latest                                   time.Duration // after a deadline, less what the process was starved for
}

// Totals are the counts so far.
func (l *Ledger) Totals() Totals {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.totals
}

// Report is what came of a run.
type Report struct {
	Seed                     uint64
	Manner                   string
	Took                     time.Duration
	Kills, Ends              int // of nodes: with signal 9, in good order
	BrokerKills, BrokerStops int
	Faults                   map[string]int // of connections
	Totals                   Totals
	Violations               []Violation
}

// FaultsInAll is how many there were: of connections, and kills.
func (r *Report) FaultsInAll() (n int) {
	for _, m := range r.Faults {
		n += m
	}
	return n + r.Kills + r.BrokerKills
}

// String is the report as a table in Markdown.
func (r *Report) String() string {
	var b strings.Builder
	row := func(what string, value any) { fmt.Fprintf(&b, "| %s | %v |\n", what, value) }
	t := r.Totals
	b.WriteString("| what | how many |\n|---|---|\n")
	row("seed", r.Seed)
	row("nodes reach each other", r.Manner)
	row("time", r.Took.Round(time.Second))
	row("nodes killed with signal 9; ended by Shutdown or Close", fmt.Sprintf("%d; %d", r.Kills, r.Ends))
	row("the broker killed with signal 9; stopped", fmt.Sprintf("%d; %d", r.BrokerKills, r.BrokerStops))
	var kinds []string
	for _, kind := range slices.Sorted(maps.Keys(r.Faults)) {
		kinds = append(kinds, fmt.Sprintf("%s %d", kind, r.Faults[kind]))
	}
	row("faults of connections", strings.Join(kinds, ", "))
	row("faults in all", r.FaultsInAll())
	row("sends, posts, calls and pings", t.Calls)
	row("messages; confirmed, kept, answered", fmt.Sprintf("%d; %d, %d, %d", t.Messages, t.Confirmed, t.Kept, t.Answered))
	row("told that they may have been delivered; that they were not", fmt.Sprintf("%d; %d", t.Maybe, t.Never))
	row("deliveries; handled, failed upon", fmt.Sprintf("%d; %d, %d", t.Deliveries, t.Handled, t.Failures))
	row("came to another receiver, or life, too", t.Elsewhere)
	row("of these handled just before a node with a directory was killed", t.Unmarked)
	row("judged by their order", t.Ordered)
	if t.Relayed > 0 {
		row("posts relayed over the broker", t.Relayed)
	}
	row("received in memory, and ended with the process", t.WithMemory)
	row("the latest end after a deadline", t.Latest.Round(time.Millisecond))
	row("**confirmed or kept, and lost**", fmt.Sprintf("**%d**", t.Lost))
	row("other promises broken", len(r.Violations)-min(t.Lost, len(r.Violations)))
	return b.String()
}
