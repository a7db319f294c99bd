package evaluation

import (
	"time"

	"github.com/postrider-mq/postrider/cmd/postrider/internal/load"
)

// A window is when a fault was, on the machine's clock.
type window struct{ from, to int64 }

// message is what became of one, seen from both sides.
type message struct {
	due       int64
	returned  int64
	confirmed bool
	failed    bool
	handled   int64 // the first time; 0 is never
	times     int   // that it was handled
}

// messagesOf puts together what senders and receivers have told.
func messagesOf(o *load.Outcome) (all []message) {
	first := map[uint32]int{} // of a sender, in all
	for sender, fates := range o.Fates {
		first[sender] = len(all)
		for _, f := range fates {
			all = append(all, message{due: f.Due, returned: f.Returned, confirmed: f.Confirmed != 0, failed: f.Error != ""})
		}
	}
	for _, a := range o.Arrivals {
		at, known := first[a.Sender]
		if !known || a.Number >= uint64(len(o.Fates[a.Sender])) {
			continue
		}
		m := &all[at+int(a.Number)]
		m.times++
		if m.handled == 0 || a.At < m.handled {
			m.handled = a.At
		}
	}
	return all
}

// harmOf says what a fault did. unsent and maybe are of the senders' own counting.
func harmOf(all []message, fault window, late time.Duration, unsent, maybe uint64) Harm {
	h := Harm{Messages: uint64(len(all)) + unsent, Unsent: unsent, Maybe: maybe}
	var lastBad, last int64
	for _, m := range all {
		last = max(last, m.due)
		bad := false
		switch {
		case m.failed:
			h.Refused++
			bad = true
		case m.handled == 0:
			h.Lost++
			bad = true
		case m.handled-m.due > int64(late):
			h.Late++
			bad = true
		}
		if bad && m.due >= fault.from-int64(late) {
			lastBad = max(lastBad, m.due)
		}
		h.Repeated += uint64(max(m.times-1, 0))
		h.Longest = max(h.Longest, time.Duration(m.returned-m.due))
	}
	h.NeverBack = unsent > 0 || lastBad != 0 && lastBad == last
	h.Back = max(0, time.Duration(lastBad-fault.to))
	return h
}
