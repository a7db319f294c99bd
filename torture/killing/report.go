package killing

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/postrider-mq/postrider/torture/history"
)

// Report is what came of a run.
type Report struct {
	Seed            uint64
	Took            time.Duration
	Kills           int // with signal 9
	KillsAtStart    int // of these: before the broker listened
	KillsAtShutdown int // of these: after it was asked to end
	Stops           int // in good order
	Starts          []time.Duration
	Totals          history.Totals
	Violations      []history.Violation
}

func (r *Report) lives() int { return r.Kills + r.Stops }

// String is the report as a table in Markdown.
func (r *Report) String() string {
	var b strings.Builder
	row := func(what string, value any) { fmt.Fprintf(&b, "| %s | %v |\n", what, value) }
	t := r.Totals
	b.WriteString("| what | how many |\n|---|---|\n")
	row("seed", r.Seed)
	row("time", r.Took.Round(time.Second))
	row("kills with signal 9", fmt.Sprintf("%d, of these %d during recovery and %d during a shutdown", r.Kills, r.KillsAtStart, r.KillsAtShutdown))
	row("stops in good order", r.Stops)
	row("messages published, confirmed, refused", fmt.Sprintf("%d, %d, %d", t.Published, t.Confirmed, t.Refused))
	row("deliveries", t.Delivered)
	row("acknowledged, rejected, requeued", fmt.Sprintf("%d, %d, %d", t.Acked, t.Rejected, t.Requeued))
	row("settlements known to be durable", t.Proven)
	row("dead letters: rejected, expired, over the limit, delivery limit", fmt.Sprintf("%d, %d, %d, %d", t.DeadRejected, t.DeadExpired, t.DeadOverflow, t.DeadOther))
	row("delivered more than once", fmt.Sprintf("%d, each marked redelivered", t.Duplicated))
	row("not confirmed and there all the same; and not there", fmt.Sprintf("%d; %d", t.Recovered, t.UnconfirmedLost))
	row("on their way to a consumer without acknowledgements when it was cut off", t.NoAck)
	row("transient messages that ended with a process", t.TransientLost)
	row("**confirmed and lost**", fmt.Sprintf("**%d**", t.Lost))
	row("other promises broken", len(r.Violations)-min(t.Lost, len(r.Violations)))
	r.starts(&b)
	return b.String()
}

// starts draws the histogram of the time from a start until the broker listened.
func (r *Report) starts(b *strings.Builder) {
	if len(r.Starts) == 0 {
		return
	}
	b.WriteString("\n| time from start to listening | starts |\n|---|---|\n")
	sorted := slices.Sorted(slices.Values(r.Starts))
	for limit := 10 * time.Millisecond; len(sorted) > 0; limit *= 2 {
		n, _ := slices.BinarySearch(sorted, limit)
		if n > 0 {
			fmt.Fprintf(b, "| below %v | %d |\n", limit, n)
		}
		sorted = sorted[n:]
	}
}
