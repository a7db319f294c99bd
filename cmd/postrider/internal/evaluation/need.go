package evaluation

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/postrider-mq/postrider/cmd/postrider/internal/screen"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/ways"
)

// A Need is something that a user may have, by the name under which --need takes it.
type Need string

// A rule judges the ways by a need.
type rule struct {
	need Need
	// wants is what the user wants, after "if".
	wants string
	fault Fault // see Need.Fault
	// judge judges a way from its figures, which it words. cost ranks those that will do: less is better; rules that do not rank leave it 0.
	judge func(f *Figures, w *Workload) (ok bool, cost float64, figure string)
	// best has only those do that cost little more than the cheapest.
	best bool
}

var rules = []rule{
	{need: "lose-nothing", wants: "nothing that was confirmed may be lost", judge: loseNothing},
	{need: "survive-receiver-down", wants: "sending must go on while the receiver is down", fault: ReceiverKilled, judge: survives(ReceiverKilled)},
	{need: "survive-broker-down", wants: "sending must go on while a broker is down", fault: BrokerKilled, judge: survives(BrokerKilled)},
	{need: "survive-disconnect", wants: "sending must go on while the connection is cut", fault: ConnectionCut, judge: survives(ConnectionCut)},
	{need: "lowest-latency", wants: "messages must be there as soon as possible", best: true, judge: func(f *Figures, _ *Workload) (bool, float64, string) {
		return true, f.EndToEnd.P99.Seconds(), fmt.Sprintf("the handler has it after %s (p50), %s (p99)", screen.Short(f.EndToEnd.P50), screen.Short(f.EndToEnd.P99))
	}},
	{need: "sender-never-waits", wants: "the sender must not be held up", best: true, judge: neverWaits},
	{need: "know-at-once", wants: "the sender must know that it arrived before it goes on", judge: func(f *Figures, _ *Workload) (bool, float64, string) {
		if f.Way.Waits() {
			return true, f.Call.P99.Seconds(), fmt.Sprintf("Send returns when it has, after %s (p50), %s (p99)", screen.Short(f.Call.P50), screen.Short(f.Call.P99))
		}
		return false, 0, fmt.Sprintf("Post returns before; its receipt tells after %s (p50)", screen.Short(f.Confirmed.P50))
	}},
	{need: "no-broker", wants: "there must be no broker to run", judge: func(f *Figures, _ *Workload) (bool, float64, string) {
		if f.Way.Direct() {
			return true, 0, "a message meets 2 processes"
		}
		return false, 0, "a message meets 3 processes; the third is a broker"
	}},
	{need: "many-workers", wants: "several processes must share the work", judge: func(f *Figures, w *Workload) (bool, float64, string) {
		if f.Way.Direct() {
			return false, 0, fmt.Sprintf("%s, all in the one process of the peer", counted(w.Receivers, "handler"))
		}
		return true, 0, fmt.Sprintf("%s of %d shared the mailbox", counted(f.Sharing, "process"), w.Receivers)
	}},
	{need: "throughput", wants: "there must be room for more", best: true, judge: func(f *Figures, w *Workload) (bool, float64, string) {
		return f.Unsent+f.Refused == 0, 1 / max(f.FullRate, 1), fmt.Sprintf("%s messages/s at full speed, %.0f times what you ask for", screen.Grouped(int(f.FullRate)), f.FullRate/w.Rate)
	}},
	{need: "low-cost", wants: "it must cost little", best: true, judge: func(f *Figures, _ *Workload) (bool, float64, string) {
		if f.CPU() == 0 {
			return true, 0, "what it costs is not known on this system"
		}
		without := ""
		if !f.Way.Direct() && !f.brokerKnown() {
			without = ", without the broker's"
		}
		return true, f.CPU(), fmt.Sprintf("%s of CPU a message, %d MiB of memory in all%s", screen.Short(time.Duration(f.CPU()*1e9)), f.Memory()>>20, without)
	}},
	{need: "once", wants: "no message may be handled twice", judge: func(f *Figures, _ *Workload) (bool, float64, string) {
		n := f.sum(func(h Harm) uint64 { return h.Repeated })
		return n == 0, 0, fmt.Sprintf("%s handled twice under the faults", counted(int(n), "message"))
	}},
}

// NeedNames are all needs.
func NeedNames() (names []string) {
	for _, r := range rules {
		names = append(names, string(r.need))
	}
	return names
}

// ParseNeeds understands names of needs.
func ParseNeeds(names []string) (needs []Need, err error) {
	for _, name := range names {
		for word := range strings.SplitSeq(name, ",") {
			n := Need(strings.TrimSpace(word))
			if ruleOf(n) == nil {
				return nil, fmt.Errorf("no such need: %q; want one of %s", word, strings.Join(NeedNames(), ", "))
			}
			if !slices.Contains(needs, n) {
				needs = append(needs, n)
			}
		}
	}
	return needs, nil
}

// Fault is what has to be broken for the need to be judged; "" for none.
func (n Need) Fault() Fault { return ruleOf(n).fault }

func ruleOf(n Need) *rule {
	for i := range rules {
		if rules[i].need == n {
			return &rules[i]
		}
	}
	return nil
}

func loseNothing(f *Figures, _ *Workload) (bool, float64, string) {
	n := f.Lost + f.sum(func(h Harm) uint64 { return h.Lost })
	all := f.Sent + f.sum(func(h Harm) uint64 { return h.Messages })
	return n == 0, 0, fmt.Sprintf("%s of %s lost after they were confirmed, all faults together", screen.Grouped(int(n)), screen.Grouped(int(all)))
}

// survives judges whether sending goes on under a fault.
func survives(fault Fault) func(*Figures, *Workload) (bool, float64, string) {
	return func(f *Figures, _ *Workload) (bool, float64, string) {
		h, tried := f.Faults[fault]
		switch {
		case fault == BrokerKilled && f.Way.Direct():
			return true, 0, "it needs none"
		case !tried || h.Skipped != "":
			return false, 0, "not measured: " + h.Skipped
		case h.Unharmed():
			return true, float64(h.Late) + h.Longest.Seconds(), fmt.Sprintf("%s: all %s were sent and handled, %s late; the longest call took %s",
				fault.What(), screen.Grouped(int(h.Messages)), screen.Grouped(int(h.Late)), screen.Short(h.Longest))
		}
		return false, 0, fmt.Sprintf("%s: %s", fault.What(), h.words())
	}
}

// words are what was bad.
func (h Harm) words() string {
	var parts []string
	for _, p := range []struct {
		n    uint64
		what string
	}{{h.Lost, "lost"}, {h.Refused, "refused"}, {h.Unsent, "not sent in time"}, {h.Late, "late"}, {h.Repeated, "repeated"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", screen.Grouped(int(p.n)), p.what))
		}
	}
	if len(parts) == 0 {
		return "no harm"
	}
	return strings.Join(parts, ", ")
}

// neverWaits judges the worst that a sender met, faults included.
func neverWaits(f *Figures, _ *Workload) (bool, float64, string) {
	longest := f.Call.Max
	for _, h := range f.Faults {
		longest = max(longest, h.Longest)
	}
	return !f.Way.Waits(), f.Call.P99.Seconds(), fmt.Sprintf("a call takes %s (p50), %s (p99), and %s at worst", screen.Short(f.Call.P50), screen.Short(f.Call.P99), screen.Short(longest))
}

// counted is a number of things in words.
func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	plural := "s"
	if strings.HasSuffix(what, "s") {
		plural = "es"
	}
	return screen.Grouped(n) + " " + what + plural
}

// name is what a way is called in advice.
func name(w ways.Way) string { return w.String() + " (" + w.Code() + ")" }
