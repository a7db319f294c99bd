package evaluation

import (
	"fmt"
	"slices"
	"time"

	"github.com/postrider-mq/postrider/cmd/postrider/internal/screen"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/ways"
)

// Advice is one piece of it, and what it rests on.
type Advice struct {
	Need    Need       `json:"need,omitempty"`
	Text    string     `json:"text"`
	Ways    []ways.Way `json:"-"`
	Figures []string   `json:"figures"`
}

// A Verdict is what follows from the needs.
type Verdict struct {
	Text    string
	Best    []ways.Way      // those that meet all needs, the best first
	Met     [ways.Count]int // needs that each way meets
	Figures []string
}

// judged is a way as a rule judges it.
type judged struct {
	way    ways.Way
	ok     bool
	cost   float64
	figure string
}

// muchTheSame: ways whose costs differ by less than this do equally well.
const muchTheSame = 1.5

// judge judges all ways by a rule, the best first.
func (r *Result) judge(by *rule) (all []judged) {
	least := 0.0
	for w := range ways.Count {
		f := &r.Ways[w]
		j := judged{way: w}
		j.ok, j.cost, j.figure = by.judge(f, &r.Workload)
		all = append(all, j)
		if j.ok && (least == 0 || j.cost < least) {
			least = j.cost
		}
	}
	if by.best {
		for i := range all {
			all[i].ok = all[i].ok && all[i].cost <= least*muchTheSame
		}
	}
	slices.SortStableFunc(all, func(a, b judged) int {
		switch {
		case a.ok != b.ok && a.ok:
			return -1
		case a.ok != b.ok:
			return 1
		case a.cost < b.cost:
			return -1
		case a.cost > b.cost:
			return 1
		}
		return 0
	})
	return all
}

// Advise says, need by need, which ways will do and which figure says so; then what the figures say beside. With no needs it is about all those whose fault
// was tried.
func (r *Result) Advise(needs []Need) (all []Advice) {
	for i := range rules {
		by := &rules[i]
		wanted := slices.Contains(needs, by.need)
		if len(needs) == 0 {
			wanted = by.fault == "" || slices.Contains(r.Workload.Faults, by.fault)
		}
		if !wanted {
			continue
		}
		all = append(all, r.adviceOf(by, len(needs) == 0))
	}
	return append(all, r.remarks()...)
}

// adviceOf is about one need; a brief one leaves out why the other ways will not do.
func (r *Result) adviceOf(by *rule, brief bool) Advice {
	a := Advice{Need: by.need}
	var others []judged
	var will string
	for _, j := range r.judge(by) {
		if !j.ok {
			others = append(others, j)
			continue
		}
		if len(a.Ways) > 0 {
			will += ", or "
		}
		will += j.way.String()
		a.Ways = append(a.Ways, j.way)
		a.Figures = append(a.Figures, j.way.Code()+": "+j.figure)
	}
	switch len(a.Ways) {
	case 0:
		a.Text = fmt.Sprintf("If %s: none of the four will do.", by.wants)
	case int(ways.Count):
		a.Text = fmt.Sprintf("If %s: any of the four.", by.wants)
	default:
		a.Text = fmt.Sprintf("If %s: %s.", by.wants, will)
	}
	if len(a.Ways) == int(ways.Count) && !by.best {
		a.Figures = a.Figures[:1] // they say the same
	}
	if len(a.Ways) > 0 && brief {
		return a
	}
	for _, j := range others {
		a.Figures = append(a.Figures, "not "+j.way.Code()+": "+j.figure)
	}
	return a
}

// Decide says which way meets all needs, whose faults were tried.
func (r *Result) Decide(needs []Need) (v Verdict) {
	if len(needs) == 0 {
		v.Text = "Say what you need with --need, and one of the four is advised."
		return v
	}
	var ranks [ways.Count]int
	figures := map[ways.Way][]string{}
	lacks := map[ways.Way][]string{}
	for _, need := range needs {
		all := r.judge(ruleOf(need))
		for _, j := range all {
			if j.ok {
				v.Met[j.way]++
				ranks[j.way] += slices.IndexFunc(all, func(other judged) bool { return other.cost == j.cost }) // those that do equally well share a rank
				figures[j.way] = append(figures[j.way], fmt.Sprintf("%s: %s", need, j.figure))
			} else {
				lacks[j.way] = append(lacks[j.way], fmt.Sprintf("%s fails %s: %s", j.way.Code(), need, j.figure))
			}
		}
	}
	order := []ways.Way{ways.DirectSend, ways.DirectPost, ways.MailboxSend, ways.MailboxPost}
	slices.SortStableFunc(order, func(a, b ways.Way) int {
		if v.Met[a] != v.Met[b] {
			return v.Met[b] - v.Met[a]
		}
		if ranks[a] != ranks[b] {
			return ranks[a] - ranks[b]
		}
		return int(r.Ways[a].EndToEnd.P99 - r.Ways[b].EndToEnd.P99)
	})
	asked := len(needs)
	if v.Met[order[0]] == asked {
		for _, w := range order {
			if v.Met[w] == asked {
				v.Best = append(v.Best, w)
			}
		}
		v.Text = fmt.Sprintf("Take %s: it meets %s.", name(order[0]), allOf(asked))
		if len(v.Best) > 1 {
			v.Text += fmt.Sprintf(" So does %s.", name(v.Best[1]))
		}
		v.Figures = figures[order[0]]
		return v
	}
	v.Text = fmt.Sprintf("None of the four meets %s. The nearest is %s, with %d of %d.", allOf(asked), name(order[0]), v.Met[order[0]], asked)
	v.Figures = append(figures[order[0]], lacks[order[0]]...)
	return v
}

func allOf(n int) string {
	switch n {
	case 1:
		return "your need"
	case 2:
		return "both your needs"
	}
	return fmt.Sprintf("all your %d needs", n)
}

// restless: a p99 that is so many times the p50 has other causes than the load.
const restless = 20

// remarks are what the figures say beside needs.
func (r *Result) remarks() (all []Advice) {
	say := func(text string, figures ...string) { all = append(all, Advice{Text: text, Figures: figures}) }
	w := &r.Workload
	if busy := w.busy(); busy > 0.7 {
		say("Your handlers have little time left: add receivers, or messages will wait for them however they are sent.",
			fmt.Sprintf("%.0f messages/s × %s ÷ %s = busy %.0f %% of their time", w.Rate, screen.Short(w.Handling), counted(w.Receivers, "receiver"), 100*busy))
	}
	if i := slices.IndexFunc(r.Ways[:], func(f Figures) bool { return f.EndToEnd.P99 > restless*max(f.EndToEnd.P50, time.Millisecond) }); i >= 0 {
		l := r.Ways[i].EndToEnd
		say("The machine was busy with other things, or its disk is slow: measure again before you rely on latencies.",
			fmt.Sprintf("%s, undisturbed: the handler has it after %s (p50), %s (p99)", r.Ways[i].Way.Code(), screen.Short(l.P50), screen.Short(l.P99)))
	}
	for i := range r.Ways {
		f := &r.Ways[i]
		if f.Way.Waits() && f.FullRate < 2*w.Rate {
			say(fmt.Sprintf("%s is near its end: who waits for each message can send no more than this. Post, or send from more goroutines.", f.Way.Code()),
				fmt.Sprintf("%s: %s messages/s at full speed; you ask for %s", counted(w.Senders, "sender"), screen.Grouped(int(f.FullRate)), screen.Grouped(int(w.Rate))))
		}
		if f.Unsent+f.Refused > 0 {
			say(fmt.Sprintf("%s cannot keep up with your rate, even undisturbed.", f.Way.Code()),
				fmt.Sprintf("%s of %s were not sent in time, %s refused", screen.Grouped(int(f.Unsent)), screen.Grouped(int(f.Sent+f.Unsent)), screen.Grouped(int(f.Refused))))
		}
	}
	return append(all, r.faultRemarks()...)
}

// faultRemarks are what to do about what faults did.
func (r *Result) faultRemarks() (all []Advice) {
	gather := func(text string, of func(f *Figures, fault Fault, h Harm) string) {
		var figures []string
		for i := range r.Ways {
			for _, fault := range r.Workload.Faults {
				if s := of(&r.Ways[i], fault, r.Ways[i].Faults[fault]); s != "" {
					figures = append(figures, fmt.Sprintf("%s, %s: %s", r.Ways[i].Way.Code(), fault.What(), s))
				}
			}
		}
		if len(figures) > 0 {
			all = append(all, Advice{Text: text, Figures: figures})
		}
	}
	lost := "Confirmed messages were lost: transient ones live in memory. Without --transient (in a program: Config.Dir for an inbox, no Transient()) they would not be."
	if !r.Workload.Transient {
		lost = "Confirmed messages were lost, which must not be: please report it."
	}
	gather(lost, func(_ *Figures, _ Fault, h Harm) string {
		if h.Lost == 0 {
			return ""
		}
		return counted(int(h.Lost), "message")
	})
	gather("Messages came again after a fault: have handlers recognise a message by its ID, or see to it that twice is as good as once.", func(_ *Figures, _ Fault, h Harm) string {
		if h.Repeated == 0 {
			return ""
		}
		return counted(int(h.Repeated), "message")
	})
	gather("What was posted during a fault waited in the sender's memory. If senders may die as well, Config.Dir keeps it on their disk.", func(f *Figures, _ Fault, h Harm) string {
		if f.Way.Waits() || time.Duration(h.Waiting)*time.Second < time.Duration(r.Workload.Rate/float64(r.Workload.Senders)*float64(r.Workload.Down/2)) {
			return ""
		}
		return counted(h.Waiting, "message") + " of one sender"
	})
	gather("A Send that gives up tells the sender, which must try again or pass it on. A longer deadline, a Post, or to a peer the option Relay spares it that.", func(f *Figures, _ Fault, h Harm) string {
		if !f.Way.Waits() || h.Refused == 0 {
			return ""
		}
		return fmt.Sprintf("%s refused, after waiting up to %s", counted(int(h.Refused), "message"), screen.Short(h.Longest))
	})
	return all
}
