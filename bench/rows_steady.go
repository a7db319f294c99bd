package main

import "slices"

// steadyRates are rates at which everybody is measured who can keep them up, in messages a second.
var steadyRates = []struct {
	rate   int
	suffix string
}{{1_000, "-1k"}, {targetRate, "-10k"}}

// targetRate is the one that the targets speak of: it is measured in each round, and longer. The others run once.
const targetRate = 10_000

const halfSuffix = "-half"

// steadyRows are the work of other rows at a fixed rate: the latency counts from when a message was due, so that who stalls pays for
// all that waits behind.
func steadyRows(full []*row) (all []*row) {
	for _, s := range steadyRates {
		for _, r := range full {
			if r.steady() {
				all = append(all, r.at(s.rate, s.suffix))
			}
		}
	}
	for _, work := range []string{workStream, workTransient, workDurable} {
		best := peersOf(full, work)
		for _, r := range full {
			if r.steady() && r.does(work) {
				h := r.at(0, halfSuffix)
				h.half = best
				all = append(all, h)
			}
		}
	}
	return all
}

// steady tells whether the row is run at fixed rates, too.
func (r *row) steady() bool {
	return r.order.Callers == 0 && r.order.Body == 0 && r.does(workCall, workStream, workTransient, workDurable)
}

// at is the row at a rate.
func (r *row) at(rate int, suffix string) *row {
	s := r.named(suffix)
	s.peak, s.order.Rate, s.ByLatency = r.Name, rate, true
	s.longer = rate == targetRate
	s.once = !s.longer
	switch {
	case r.Limit == "disk-append":
		s.Limit = "disk-sync" + suffix
	case r.has("disk"):
		s.Name, s.Title, s.order.Batch = "disk-sync"+suffix, "raw append of what is due + fdatasync", 0
	case r.Limit != "":
		s.Limit += suffix
		if suffix == halfSuffix && r.Work == workTransient {
			s.Limit = "tcp-stream" + steadyRates[1].suffix // the half of other peers is another rate
		}
	}
	return s
}

// peersOf are the names of the rows of a work that are neither ours nor a limit.
func peersOf(full []*row, work string) (names []string) {
	for _, r := range full {
		if r.does(work) && r.Limit != "" && !r.ours() {
			names = append(names, r.Name)
		}
	}
	return names
}

// ours tells the rows of this project.
func (r *row) ours() bool { return !r.foreign && (r.has(roleBroker) || r.has("sender")) }

// limit tells the rows of the machine itself.
func (r *row) limit() bool {
	return r.has("echo") || r.has("shared-echo") || r.has("sink") || r.has("disk")
}

func (r *row) has(role string) bool { return slices.Contains(r.roles, role) }

// briefly leaves the rows out that do the same kind of work as others, and gives none more time than others: for a run that only
// looks whether everything works.
func briefly(all []*row) (some []*row) {
	for _, r := range all {
		slow := r.order.Rate == steadyRates[0].rate || r.half != nil
		middling := r.Work == workSizes && r.order.Body != leastBody && r.order.Body != mostBody
		if !slow && !middling {
			r.longer = false
			some = append(some, r)
		}
	}
	return some
}
