package admin

import (
	"slices"

	"github.com/postrider-mq/postrider/internal/core"
)

// messageStats are counters since the start, each beside how fast it grows: NAME and NAME_details. A queue to which
// nothing has happened has none, as in RabbitMQ.
type messageStats map[string]any

type details struct {
	Rate float64 `json:"rate"`
}

// statNames are what RabbitMQ calls the counts of a queue.
var statNames = [...]struct {
	name string
	of   []core.Count
}{
	{"publish", []core.Count{core.Enqueued}},
	{"deliver", []core.Count{core.Delivered}},
	{"deliver_no_ack", []core.Count{core.DeliveredNoAck}},
	{"get", []core.Count{core.Got}},
	{"get_no_ack", []core.Count{core.GotNoAck}},
	{"get_empty", []core.Count{core.GotNothing}},
	{"deliver_get", []core.Count{core.Delivered, core.DeliveredNoAck, core.Got, core.GotNoAck}},
	{"redeliver", []core.Count{core.Redelivered}},
	{"ack", []core.Count{core.Acknowledged}},
}

// totalNames are those that only the broker as a whole has.
var totalNames = [...]struct {
	name string
	of   core.Count
}{
	{"publish", core.Received},
	{"confirm", core.Confirmed},
	{"drop_unroutable", core.Unroutable},
	{"return_unroutable", core.UnroutableBack},
}

func (s messageStats) put(name string, n uint64, rate float64) {
	s[name], s[name+"_details"] = n, details{rate}
}

// statsOf are those of a queue, or what the broker's have in common with them.
func statsOf(counts []uint64, rates []float64) messageStats {
	if !slices.ContainsFunc(counts, func(n uint64) bool { return n != 0 }) {
		return nil
	}
	s := messageStats{}
	for _, stat := range statNames {
		n, rate := uint64(0), 0.0
		for _, what := range stat.of {
			n += counts[what]
			rate += rates[what]
		}
		s.put(stat.name, n, rate)
	}
	return s
}

// totalStats are those of the broker.
func totalStats(c *core.Core) messageStats {
	counts, rates := c.Rates()
	s := statsOf(counts[:len(core.QueueCounts{})], rates[:])
	if s == nil {
		s = messageStats{}
	}
	for _, stat := range totalNames {
		s.put(stat.name, counts[stat.of], rates[stat.of])
	}
	return s
}
