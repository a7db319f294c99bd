package scrape

import (
	"cmp"
	"runtime"
	"slices"

	"github.com/postrider-mq/postrider/broker"
)

// MaxQueues is how many queues have series of their own; the rest is summed.
const MaxQueues = 4000

// Rest is the label queue of the series that sum the queues beyond MaxQueues; their vhost is empty.
const Rest = "(others)"

// A Kind is the type of a family, as the text format calls it.
type Kind string

// Kinds.
const (
	Gauge     Kind = "gauge"
	Counter   Kind = "counter"
	Histogram Kind = "histogram"
	Summary   Kind = "summary"
)

// A Family is all series of one name. The kinds Histogram and Summary have a Spread, the others Series.
type Family struct {
	Name, Help string
	Kind       Kind
	Labels     []string // names of them, in order
	Series     []Series
	Spread     Spread
}

// A Series is one number.
type Series struct {
	Values []string // of the family's labels
	Value  float64
}

// A Spread is how often something was measured, and how the values lie.
type Spread struct {
	Count  uint64
	Sum    float64
	Within []Within // of a histogram, from the least bound to the most
}

// Within is how many values were not above a bound.
type Within struct {
	Bound float64
	Count uint64
}

// Gather returns what a broker has to say; with a series for each of MaxQueues queues, or the sums of all.
func Gather(b *broker.Broker, perQueue bool) []Family {
	s := b.Stats()
	all := make([]Family, 0, len(figures)+len(journalFigures)+len(queueFigures)+3)
	for _, f := range figures {
		all = append(all, f.of(&s))
	}
	if s.Journal != nil {
		for _, f := range journalFigures {
			all = append(all, f.of(s.Journal))
		}
		all = append(all, syncs(s.Journal))
	}
	all = append(all, queues(b, perQueue)...)
	return append(all,
		info("rabbitmq_build_info", "The broker and its version.", []string{"go_version", "product_name", "product_version"},
			runtime.Version(), "Postrider", broker.Version),
		info("rabbitmq_identity_info", "What the broker calls itself.", []string{"rabbitmq_cluster", "rabbitmq_node"}, s.Name, s.Name))
}

// info is a family whose labels say it all.
func info(name, help string, labels []string, values ...string) Family {
	return Family{Name: name, Help: help, Kind: Gauge, Labels: labels, Series: []Series{{Values: values, Value: 1}}}
}

func syncs(j *journalStats) Family {
	f := Family{Name: "postrider_journal_sync_seconds", Help: "How long syncs took.", Kind: Histogram}
	f.Spread = Spread{Count: j.Syncs, Sum: j.SyncTime.Seconds()}
	for bound, n := range j.SyncWithin {
		f.Spread.Within = append(f.Spread.Within, Within{bound.Seconds(), n})
	}
	slices.SortFunc(f.Spread.Within, func(a, b Within) int { return cmp.Compare(a.Bound, b.Bound) })
	return f
}

// queues gives each queue a series, or all of them one.
func queues(b *broker.Broker, each bool) []Family {
	var rest queueStats
	left := 0
	all := make([]Family, len(queueFigures))
	for i, f := range queueFigures {
		all[i] = f.family()
		if each {
			all[i].Labels = []string{"queue", "vhost"}
		}
	}
	put := func(q *queueStats, values ...string) {
		for i, f := range queueFigures {
			all[i].Series = append(all[i].Series, Series{values, f.read(q)})
		}
	}
	single := 0
	b.EachQueue(func(q queueStats) {
		if each && single < MaxQueues {
			single++
			put(&q, q.Name, q.VHost)
			return
		}
		left++
		add(&rest, &q)
	})
	switch {
	case !each:
		put(&rest)
	case left > 0:
		put(&rest, Rest, "")
	}
	return all
}

func add(to, q *queueStats) {
	to.Ready += q.Ready
	to.Unacked += q.Unacked
	to.Consumers += q.Consumers
	to.Paged += q.Paged
	to.MessageMemory += q.MessageMemory
}
