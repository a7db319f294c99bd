package core

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestAQueueIsCountedAndItsRatesAreMeansSinceSomebodyAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.durable("q")
		status := func() QueueStatus {
			s, _ := w.client.VHost.Queue("q")
			return s
		}
		if r := status().Rates; r != (QueueRates{}) {
			t.Errorf("the first time: %+v, want no rates", r)
		}
		for range 10 {
			w.send("q", "a", "b")
			time.Sleep(time.Second) // of the test's own clock
		}
		w.take("q")
		s := status()
		want := QueueCounts{Enqueued: 20, Got: 20, GotNothing: 1, Acknowledged: 20}
		if s.Counts != want {
			t.Errorf("counts %v, want %v", s.Counts, want)
		}
		if s.Rates.Counts[Enqueued] != 2 || s.Rates.Counts[Acknowledged] != 2 || s.Rates.Ready != 0 {
			t.Errorf("rates %+v, want 2 a second", s.Rates)
		}
		if all := w.core.Counts(); all[Received] != 20 || all[Enqueued] != 20 {
			t.Errorf("of the broker: %v", all)
		}
		w.delete("q")
		if all := w.core.Counts(); all[Acknowledged] != 20 {
			t.Errorf("a deleted queue takes its counts along: %v", all)
		}
		time.Sleep(10 * time.Second)
		w.durable("q")
		if status().Counts != (QueueCounts{}) {
			t.Errorf("a new queue begins with %v", status().Counts)
		}
	})
}
