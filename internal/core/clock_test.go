package core

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/disk"
)

// The clock on the wall is put back or forward by years, while the broker runs and while it is down. It says how long the broker
// was down, and nothing else: while the broker runs nothing looks at it; a message without a time to live stays, in its order;
// one with a time to live never has more of it than at first, and what the clock says has passed is never less than nothing.
func TestTheClockOnTheWallIsPutElsewhere(t *testing.T) {
	const years = 10 * 365 * 24 * time.Hour
	for _, running := range []time.Duration{-years, 0, years} {
		for _, down := range []time.Duration{-years, 0, years} {
			for _, closed := range []bool{false, true} {
				t.Run(fmt.Sprintf("%v running, %v down, closed %v", running, down, closed), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { putTheClock(t, running, down, closed) })
				})
			}
		}
	}
}

func putTheClock(t *testing.T, running, down time.Duration, closed bool) {
	var off time.Duration
	w := &world{t: t, disk: disk.NewMem(), wall: func() time.Time { return time.Now().Add(off) }}
	w.open(w.disk)
	t.Cleanup(func() { w.core.Close() })
	w.delaying()
	w.durable("plain", "each")
	w.declare(args(amqp.Table{"x-message-ttl": int32(3600_000)})("all"))
	w.declare(args(amqp.Table{"x-expires": int32(5400_000)})("unused"))
	publish := func(n int) {
		w.publish(message("", "plain", fmt.Sprint("plain ", n), true))
		w.publish(with("each", "m", amqp.Properties{Expiration: "3600000"}))
		w.publish(with("all", "m", amqp.Properties{}))
		w.publish(later(3600_000, fmt.Sprint("later ", n), true))
		w.sync()
	}
	publish(1)
	time.Sleep(20 * time.Minute)
	off = running
	publish(2)
	time.Sleep(20 * time.Minute)
	synctest.Wait()
	w.wantContents("plain", "plain 1", "plain 2")
	w.wantLeft("each", 20*time.Minute, 40*time.Minute)
	w.wantLeft("all", 20*time.Minute, 40*time.Minute)
	if n := w.stored(); n != 2 || !w.exists("unused") {
		t.Errorf("while the broker ran: %d messages are delayed, the queue is there %v", n, w.exists("unused"))
	}

	// What was left when it was written, and what the clock says has passed since.
	first, second := left(time.Hour, 40*time.Minute+running+down), left(time.Hour, 20*time.Minute+down)
	if closed {
		first, second = left(20*time.Minute, down), left(40*time.Minute, down)
		w.must(w.core.Close())
	} else {
		after := w.disk.Crash(1)
		w.core.Close()
		w.disk = after
	}
	off += down
	w.open(w.disk)
	time.Sleep(time.Millisecond)
	synctest.Wait()
	w.wantContents("plain", "plain 1", "plain 2")
	w.wantLeft("each", first, second)
	w.wantLeft("all", first, second)
	waiting := 0
	for _, d := range []time.Duration{first, second} {
		if d > 0 {
			waiting++
		}
	}
	if n := w.stored(); n != waiting || !w.exists("unused") {
		t.Errorf("after the start: %d messages are delayed, want %d; the queue is there %v", n, waiting, w.exists("unused"))
	}

	time.Sleep(2 * time.Hour)
	synctest.Wait()
	w.wantContents("plain", "plain 1", "plain 2")
	w.wantContents("each")
	w.wantContents("all")
	if got := slices.Sorted(slices.Values(w.contents("q"))); !slices.Equal(got, []string{"later 1", "later 2"}) || w.exists("unused") {
		t.Errorf("two hours later: delayed were %q, the unused queue is there %v", got, w.exists("unused"))
	}
}

// left is what is left of a time to live.
func left(life, elapsed time.Duration) time.Duration {
	return max(0, life-max(0, elapsed))
}

// wantLeft checks how long the messages of a queue have yet; those with nothing left are gone when they are the first.
func (w *world) wantLeft(name string, want ...time.Duration) {
	w.t.Helper()
	var got []time.Duration
	q := w.queue(name)
	q.mu.Lock()
	defer q.mu.Unlock()
	for e := range q.core.All() {
		end, _ := q.core.Expiry(e.Pos)
		got = append(got, time.Duration(end-w.core.Now()).Round(time.Second))
	}
	for len(want) > 0 && want[0] == 0 {
		want = want[1:]
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("the messages of %s have %v left, want %v", name, got, want)
	}
}
