package load

import (
	"context"
	"fmt"
	"strings"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/postrider-mq/postrider/internal/measure"
)

// An Outcome is what became of a load.
type Outcome struct {
	Sent      uint64 // calls that were made
	Unsent    uint64 // messages that were due, and whose senders were too far behind to send them
	Confirmed uint64
	Failed    uint64 // calls that ended in an error, or posts that did
	Maybe     uint64 // of those, may have been delivered
	Errors    map[string]uint64

	Received   bool // what follows is known
	Got        uint64
	Lost       uint64 // confirmed, and never came
	Repeated   uint64
	Disordered uint64 // came behind one that was sent later; only where Ordered
	Ordered    bool   // each receiver handles one message after the other, so that order can be seen
	Damaged    uint64
	Foreign    uint64 // were not of this load
	Sharing    int    // processes that received

	Seconds     float64 // until the last confirm
	Rate        float64 // confirmed a second
	GotSeconds  float64 // from the first arrival to the last
	GotRate     float64
	MostWaiting int // posts of one sender that were not confirmed, at most

	Wait     *hdrhistogram.Histogram // from when a message was due until the call had returned
	Confirm  *hdrhistogram.Histogram // until it was confirmed
	EndToEnd *hdrhistogram.Histogram // until a handler had it

	Costs []Cost

	// With Shape.Ledger.
	Began    int64
	Fates    map[uint32][]Fate // by sender
	Arrivals []Arrival         // as they came
}

func confirmedOf(lines []sentLine) (n uint64) {
	for _, l := range lines {
		failed := uint64(0)
		for _, k := range l.Errors {
			failed += k
		}
		n += l.Sent - failed
	}
	return n
}

// close closes the books.
func (l *Load) close(ctx context.Context, lines []sentLine) (*Outcome, error) {
	o := &Outcome{
		Errors: map[string]uint64{}, Received: l.received(), Ordered: true, Began: l.begin, Fates: map[uint32][]Fate{},
		Wait: measure.NewHistogram(), Confirm: measure.NewHistogram(), EndToEnd: measure.NewHistogram(),
	}
	for _, share := range l.shares {
		o.Ordered = o.Ordered && share == 1
	}
	failed := map[uint32]*set{}
	for _, s := range lines {
		if err := o.sent(s, failed); err != nil {
			return nil, err
		}
	}
	if o.Sent == 0 {
		return nil, errNothing
	}
	if o.Seconds > 0 {
		o.Rate = float64(o.Confirmed) / o.Seconds
	}
	if !o.Received {
		return o, nil
	}
	audits, err := l.audits(ctx)
	if err != nil {
		return nil, err
	}
	if l.shape.Ledger {
		o.Arrivals = l.told()
		o.timeArrivals()
	}
	return o, o.balance(lines, failed, audits)
}

func (l *Load) told() []Arrival {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]Arrival, len(l.arrivals))
	for i, a := range l.arrivals {
		all[i] = a.Arrival
	}
	return all
}

// timeArrivals times what receivers have told of: they did not keep it.
func (o *Outcome) timeArrivals() {
	for _, a := range o.Arrivals {
		if fates := o.Fates[a.Sender]; a.Number < uint64(len(fates)) && fates[a.Number].Due != 0 {
			measure.Record(o.EndToEnd, a.At-fates[a.Number].Due)
		}
	}
}

// sent adds what a sender did.
func (o *Outcome) sent(s sentLine, failed map[uint32]*set) error {
	f, err := decodeSet(s.Failed)
	if err != nil {
		return err
	}
	failed[s.Sender] = f
	o.Sent += s.Sent
	o.Unsent += s.Unsent
	o.Failed += uint64(f.count)
	o.Confirmed += s.Sent - uint64(f.count)
	o.Maybe += s.Maybe
	for text, n := range s.Errors {
		o.Errors[text] += n
	}
	o.Seconds = max(o.Seconds, float64(s.Ended-s.Began)/1e9)
	o.MostWaiting = max(o.MostWaiting, s.MostWaiting)
	o.Fates[s.Sender] = s.Fates
	for _, h := range []struct {
		into *hdrhistogram.Histogram
		from []byte
	}{{o.Wait, s.Wait}, {o.Confirm, s.Confirm}} {
		from, err := measure.DecodeHistogram(h.from)
		if err != nil {
			return err
		}
		h.into.Merge(from)
	}
	return nil
}

// audits are the books of all receivers. Those that may have been killed have told of each message before they acknowledged it.
func (l *Load) audits(ctx context.Context) (all []*audit, err error) {
	if l.shape.Ledger {
		l.mu.Lock()
		defer l.mu.Unlock()
		return auditsOf(l.arrivals, len(l.receivers))
	}
	for _, r := range l.receivers {
		answer, err := r.Do(ctx, order{Audit: true})
		if err != nil {
			return nil, err
		}
		all = append(all, answer.Audit)
	}
	return all, nil
}

// auditsOf are books made from what receivers have told.
func auditsOf(arrivals []arrival, receivers int) (all []*audit, err error) {
	for i := range receivers {
		r := newReceiver(receiveOrder{}, nil)
		for _, a := range arrivals {
			if a.receiver == i {
				r.enter(mark{Sender: a.Sender, Number: a.Number}, a.At, a.Redelivered)
			}
		}
		a, err := r.audit()
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, nil
}

// balance holds what came against what was sent.
func (o *Outcome) balance(lines []sentLine, failed map[uint32]*set, audits []*audit) error {
	came := map[uint32]*set{}
	var first, last int64
	for _, a := range audits {
		o.Damaged += uint64(a.Damaged)
		o.Foreign += uint64(a.Foreign)
		if len(a.Lines) > 0 {
			o.Sharing++
		}
		if first == 0 || a.First != 0 && a.First < first {
			first = a.First
		}
		last = max(last, a.Last)
		h, err := measure.DecodeHistogram(a.Latency)
		if err != nil {
			return err
		}
		o.EndToEnd.Merge(h)
		for _, l := range a.Lines {
			seen, err := decodeSet(l.Seen)
			if err != nil {
				return err
			}
			if came[l.Sender] == nil {
				came[l.Sender] = new(set)
			}
			o.Repeated += uint64(l.Repeated + came[l.Sender].merge(seen))
			o.Disordered += uint64(l.Disordered)
		}
	}
	for _, s := range lines {
		seen := came[s.Sender]
		if seen == nil {
			seen = new(set)
		}
		delete(came, s.Sender)
		o.Got += uint64(seen.count)
		for n := range s.Sent {
			if !seen.has(n) && !failed[s.Sender].has(n) {
				o.Lost++
			}
		}
	}
	for _, unknown := range came {
		o.Foreign += uint64(unknown.count)
	}
	if o.GotSeconds = float64(last-first) / 1e9; o.GotSeconds > 0 {
		o.GotRate = float64(o.Got) / o.GotSeconds
	}
	return nil
}

// Wrong says what must not be; nothing if all is well.
func (o *Outcome) Wrong() (wrong []string) {
	note := func(n uint64, what string) {
		if n > 0 {
			wrong = append(wrong, fmt.Sprintf("%d %s", n, what))
		}
	}
	note(o.Lost, "confirmed messages never came")
	note(o.Damaged, "messages came damaged")
	if o.Ordered {
		note(o.Disordered, "messages came out of order")
	}
	note(o.Failed, "messages were not confirmed")
	note(o.Foreign, "messages came that nobody of this load had sent")
	return wrong
}

// Err is what is wrong, as an error.
func (o *Outcome) Err() error {
	if wrong := o.Wrong(); len(wrong) > 0 {
		return fmt.Errorf("%s", strings.Join(wrong, "; "))
	}
	return nil
}
