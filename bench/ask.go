package main

import (
	"errors"
	"sync"

	"github.com/postrider-mq/postrider/internal/measure"
)

// A trip sends a message and returns when it was answered, with the answer: nil if that carries nothing.
type trip func(body []byte) (answer []byte, err error)

// ask makes one trip after the other until the time is over, from each of the callers at once, and times them. At a rate each
// trip counts from when it was due.
func ask(o order, open func(caller int) (trip, error)) (tally, error) {
	callers := max(o.Callers, 1)
	found, errs, together := make([]*stopwatch, callers), make([]error, callers), newLatencies()
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			found[i] = newSharing(o, together)
			t, err := open(i)
			if err == nil {
				err = askOne(o, uint64(i)<<ownPart, measure.NewPace(float64(o.Rate)), found[i], t)
			}
			errs[i] = err
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return tally{}, err
	}
	sum := found[0]
	for _, w := range found[1:] {
		sum.tally.add(w.tally)
		w.handOver()
	}
	return sum.stop()
}

func askOne(o order, who uint64, pace *measure.Pace, watch *stopwatch, t trip) error {
	body := make([]byte, o.Body)
	for last := false; !last; {
		n := watch.tally.Messages
		began := measure.Now()
		if o.Rate > 0 {
			due, err := pace.Next(n)
			if err != nil {
				return err
			}
			began = due
		}
		last = watch.tick(began)
		writeBody(body, who|n, 0, last)
		if o.Rate == 0 {
			began = measure.Now()
		}
		answer, err := t(body)
		if err != nil {
			return err
		}
		watch.took(measure.Now() - began)
		watch.sent()
		if answer != nil {
			if number, _, _, err := readBody(answer, o.Body); err != nil {
				return err
			} else if number != who|n {
				return errWrongAnswer
			}
		}
	}
	return nil
}

var (
	errWrongAnswer = errors.New("the answer is that of another message")
	errStopped     = errors.New("stopped before the last message came")
)
