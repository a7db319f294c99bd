package evaluation

import "time"

// A Timeline is what a run looked like over time, bucket by bucket.
type Timeline struct {
	Bucket  time.Duration
	From    time.Duration // of the fault, since the run began
	To      time.Duration
	Handled []int           // messages that were handled then
	Slowest []time.Duration // of those that were due then, until they were handled; 0: there were none
}

// bucketTime is a compromise: a rate of 100 a second has 5 in one.
const bucketTime = 50 * time.Millisecond

// timelineOf draws up a run that began at a time.
func timelineOf(all []message, began int64, fault window) Timeline {
	t := Timeline{Bucket: bucketTime, From: time.Duration(fault.from - began), To: time.Duration(fault.to - began)}
	for _, m := range all {
		if m.handled == 0 {
			continue
		}
		if i := int((m.handled - began) / int64(bucketTime)); i >= 0 {
			for len(t.Handled) <= i {
				t.Handled = append(t.Handled, 0)
			}
			t.Handled[i]++
		}
		if i := int((m.due - began) / int64(bucketTime)); i >= 0 {
			for len(t.Slowest) <= i {
				t.Slowest = append(t.Slowest, 0)
			}
			t.Slowest[i] = max(t.Slowest[i], time.Duration(m.handled-m.due))
		}
	}
	return t
}
