package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func newTop() *cobra.Command {
	var o owner
	v := topView{sort: "ready"}
	var interval time.Duration
	var once bool
	cmd := &cobra.Command{
		Use:   "top",
		Short: "Watch a running broker in the terminal",
		Long: text(`
			Show the queues of a running broker with what is in them and how fast messages come in, go out and
			are acknowledged, and its connections, memory, disk and journal, again every --interval.

			Keys: q quits; r, u, i, o, a, c, n sort by ready, unacked, in, out, acked, consumers, name; space looks at once.

			A broker that ends is waited for. Where there is no terminal, or with --once or --json, it looks twice, an interval apart, and prints
			what it saw. Rates are messages a second in between.`),
		Example: examples(`
			postrider top
			postrider top --sort in --interval 5s
			postrider top --once --limit 5
			postrider top --json | jq .ready`),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case interval < 10*time.Millisecond:
				return usagef("--interval %s: want 10ms or more", interval)
			case !slices.Contains(sortOrders, v.sort):
				return usagef("--sort %q: want %s", v.sort, strings.Join(sortOrders, ", "))
			}
			w := &watch{owner: &o, view: &v, interval: interval}
			if screen, ok := openTerminal(cmd.InOrStdin(), cmd.OutOrStdout()); ok && !once && !o.json {
				return w.live(cmd.Context(), screen)
			}
			return w.once(cmd.Context(), cmd.OutOrStdout())
		},
	}
	o.flags(cmd)
	f := cmd.Flags()
	f.DurationVar(&interval, "interval", 2*time.Second, "`duration` from one look to the next")
	f.StringVar(&v.sort, "sort", v.sort, "`order` of the queues: "+strings.Join(sortOrders, ", "))
	f.IntVar(&v.limit, "limit", 0, "`number` of queues that are shown; 0 is all, or as many as the terminal has room for")
	f.BoolVar(&once, "once", false, "print one view and end")
	return cmd
}

// sortOrders are what queues can be sorted by; the first letter is its key, but that of acked is a.
var sortOrders = []string{"ready", "unacked", "in", "out", "acked", "consumers", "name"}

// sample is what a broker says at one moment.
type sample struct {
	at       time.Time
	overview struct {
		Node    string                                                 `json:"node"`
		Product string                                                 `json:"product_name"`
		Version string                                                 `json:"product_version"`
		Totals  struct{ Queues, Consumers, Connections, Channels int } `json:"object_totals"`
		Queues  struct {
			Ready   int `json:"messages_ready"`
			Unacked int `json:"messages_unacknowledged"`
		} `json:"queue_totals"`
	}
	node struct {
		alarms
		Memory     int64  `json:"mem_used"`
		MemoryMark int64  `json:"mem_limit"`
		Free       *int64 `json:"disk_free"`
		Journal    *struct {
			Segments int
			Bytes    int64
			Syncs    uint64
			Slow     bool
		}
	}
	queues []queueSample
}

type queueSample struct {
	Name      string `json:"name"`
	VHost     string `json:"vhost"`
	Ready     int    `json:"messages_ready"`
	Unacked   int    `json:"messages_unacknowledged"`
	Consumers int    `json:"consumers"`
	Stats     struct {
		In    uint64 `json:"publish"`
		Out   uint64 `json:"deliver_get"`
		Acked uint64 `json:"ack"`
	} `json:"message_stats"`
}

// sampled are the fields of a queueSample.
const sampled = "name,vhost,messages_ready,messages_unacknowledged,consumers,message_stats.publish,message_stats.deliver_get,message_stats.ack"

// look asks a broker how it is.
func (o *owner) look(ctx context.Context) (*sample, error) {
	s := &sample{at: time.Now()}
	if _, err := o.ask(ctx, http.MethodGet, "/api/overview", nil, &s.overview); err != nil {
		return nil, err
	}
	if _, err := o.ask(ctx, http.MethodGet, resource("nodes", s.overview.Node), nil, &s.node); err != nil {
		return nil, err
	}
	_, err := o.ask(ctx, http.MethodGet, "/api/queues?columns="+sampled, nil, &s.queues)
	return s, err
}

// topView is what is shown of two samples.
type topView struct {
	sort  string
	limit int // of queues; 0 is all
}

// summary is what --json prints. Sizes are in bytes, rates in messages a second.
type summary struct {
	Time        time.Time   `json:"time"`
	Node        string      `json:"node"`
	Version     string      `json:"version"`
	Connections int         `json:"connections"`
	Channels    int         `json:"channels"`
	Consumers   int         `json:"consumers"`
	QueueCount  int         `json:"queueCount"`
	Ready       int         `json:"ready"`
	Unacked     int         `json:"unacked"`
	In          float64     `json:"in"`
	Out         float64     `json:"out"`
	Acked       float64     `json:"acked"`
	Memory      int64       `json:"memory"`
	MemoryMark  int64       `json:"memoryMark,omitempty"`
	DiskFree    *int64      `json:"diskFree,omitempty"`
	Journal     *journalSum `json:"journal,omitempty"`
	Blocked     string      `json:"blocked,omitempty"` // why publishers wait
	Queues      []queueSum  `json:"queues"`
}

type journalSum struct {
	Bytes    int64   `json:"bytes"`
	Segments int     `json:"segments"`
	Syncs    float64 `json:"syncs"` // a second
	Slow     bool    `json:"slow,omitempty"`
}

type queueSum struct {
	VHost     string  `json:"vhost"`
	Name      string  `json:"name"`
	Ready     int     `json:"ready"`
	Unacked   int     `json:"unacked"`
	Consumers int     `json:"consumers"`
	In        float64 `json:"in"`
	Out       float64 `json:"out"`
	Acked     float64 `json:"acked"`
}

// compare works out what happened between two samples.
func (v *topView) compare(was, is *sample) summary {
	seconds := is.at.Sub(was.at).Seconds()
	rate := func(from, to uint64) float64 {
		if seconds <= 0 || to < from { // another broker, or a queue that was made anew
			return 0
		}
		return float64(to-from) / seconds
	}
	t := is.overview.Totals
	s := summary{
		Time: is.at, Node: is.overview.Node, Version: is.overview.Product + " " + is.overview.Version,
		Connections: t.Connections, Channels: t.Channels, Consumers: t.Consumers, QueueCount: t.Queues,
		Ready: is.overview.Queues.Ready, Unacked: is.overview.Queues.Unacked,
		Memory: is.node.Memory, MemoryMark: is.node.MemoryMark, DiskFree: is.node.Free, Queues: []queueSum{},
	}
	switch {
	case is.node.LowOnMemory:
		s.Blocked = "low on memory"
	case is.node.LowOnDisk:
		s.Blocked = "low on disk"
	case is.node.LowOnFiles:
		s.Blocked = "low on files"
	}
	if j := is.node.Journal; j != nil {
		s.Journal = &journalSum{Bytes: j.Bytes, Segments: j.Segments, Slow: j.Slow}
		if before := was.node.Journal; before != nil {
			s.Journal.Syncs = rate(before.Syncs, j.Syncs)
		}
	}
	before := make(map[[2]string]queueSample, len(was.queues))
	for _, q := range was.queues {
		before[[2]string{q.VHost, q.Name}] = q
	}
	for _, q := range is.queues {
		p := before[[2]string{q.VHost, q.Name}].Stats
		sum := queueSum{
			VHost: q.VHost, Name: q.Name, Ready: q.Ready, Unacked: q.Unacked, Consumers: q.Consumers,
			In: rate(p.In, q.Stats.In), Out: rate(p.Out, q.Stats.Out), Acked: rate(p.Acked, q.Stats.Acked),
		}
		s.In, s.Out, s.Acked = s.In+sum.In, s.Out+sum.Out, s.Acked+sum.Acked
		s.Queues = append(s.Queues, sum)
	}
	slices.SortFunc(s.Queues, v.order)
	if v.limit > 0 && len(s.Queues) > v.limit {
		s.Queues = s.Queues[:v.limit]
	}
	return s
}

// order puts the queue first of which there is most, and by name what is alike.
func (v *topView) order(a, b queueSum) int {
	most := 0
	switch v.sort {
	case "ready":
		most = cmp.Compare(b.Ready, a.Ready)
	case "unacked":
		most = cmp.Compare(b.Unacked, a.Unacked)
	case "in":
		most = cmp.Compare(b.In, a.In)
	case "out":
		most = cmp.Compare(b.Out, a.Out)
	case "acked":
		most = cmp.Compare(b.Acked, a.Acked)
	case "consumers":
		most = cmp.Compare(b.Consumers, a.Consumers)
	}
	return cmp.Or(most, cmp.Compare(a.Name, b.Name), cmp.Compare(a.VHost, b.VHost))
}

func rateText(r float64) string {
	if r > 0 && r < 10 {
		return fmt.Sprintf("%.1f", r)
	}
	return fmt.Sprintf("%.0f", r)
}
