package session

import (
	"fmt"
	"math/rand"
	"slices"
	"testing"
)

func TestConfirmsCopeWithAnyOrderAndWithRepetition(t *testing.T) {
	var c Confirms[string]
	for _, v := range []string{"a", "b", "c", "d", "e"} {
		c.Add(v)
	}
	wantConfirmed(t, &c, 3, false, "c")
	wantConfirmed(t, &c, 3, false)
	wantConfirmed(t, &c, 3, true, "a", "b")
	wantConfirmed(t, &c, 2, true)
	wantConfirmed(t, &c, 5, false, "e")
	wantConfirmed(t, &c, 0, true, "d")
	if c.Len() != 0 {
		t.Errorf("%d unconfirmed, want 0", c.Len())
	}
}

func TestAConfirmOfWhatWasNeverPublishedIsAnError(t *testing.T) {
	var c Confirms[string]
	c.Add("a")
	for _, tag := range []uint64{0, 2, 1 << 60} {
		if err := c.Settle(tag, false, func(string) { t.Error("settled") }); err == nil {
			t.Errorf("confirm of %d was taken", tag)
		}
	}
	if err := c.Settle(2, true, func(string) { t.Error("settled") }); err == nil {
		t.Error("confirm up to 2 was taken")
	}
}

func TestUnconfirmedPublishesAreReplayedInOrder(t *testing.T) {
	var c Confirms[string]
	for _, v := range []string{"a", "b", "c", "d"} {
		c.Add(v)
	}
	wantConfirmed(t, &c, 2, false, "b")
	var left []string
	for tag, v := range c.All() {
		left = append(left, fmt.Sprint(tag, v))
	}
	if want := []string{"1a", "3c", "4d"}; !slices.Equal(left, want) {
		t.Errorf("left %v, want %v", left, want)
	}
}

func wantConfirmed(t *testing.T, c *Confirms[string], tag uint64, multiple bool, want ...string) {
	t.Helper()
	var got []string
	if err := c.Settle(tag, multiple, func(v string) { got = append(got, v) }); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("confirm %d multiple %v: %q, want %q", tag, multiple, got, want)
	}
}

func TestConfirmsLeaveInTheOrderOfPublishing(t *testing.T) {
	var q ConfirmQueue
	q.Ack(0)
	q.Ack(50)
	q.Nack()
	q.Ack(90)
	q.Ack(10)
	wantRuns(t, &q, 40, Run{Tag: 1})
	wantRuns(t, &q, 80, Run{Tag: 2}, Run{Tag: 3, Nack: true})
	wantRuns(t, &q, 89)
	wantRuns(t, &q, 90, Run{Tag: 5, Multiple: true})
	wantRuns(t, &q, 1000)
	if _, waits := q.Next(); waits || q.Len() != 0 {
		t.Error("the queue is not empty")
	}
}

func TestRunsOfNacksLeaveAsOne(t *testing.T) {
	var q ConfirmQueue
	q.Ack(7)
	q.Ack(7)
	q.Nack()
	q.Nack()
	q.Nack()
	q.Ack(7)
	if p, waits := q.Next(); p != 7 || !waits {
		t.Errorf("the oldest waits for %d, %v; want 7", p, waits)
	}
	wantRuns(t, &q, 6)
	wantRuns(t, &q, 7, Run{Tag: 2, Multiple: true}, Run{Tag: 5, Multiple: true, Nack: true}, Run{Tag: 6})
}

func wantRuns(t *testing.T, q *ConfirmQueue, durable uint64, want ...Run) {
	t.Helper()
	var got []Run
	q.Collect(durable, func(r Run) { got = append(got, r) })
	if !slices.Equal(got, want) {
		t.Fatalf("durable up to %d: %+v, want %+v", durable, got, want)
	}
}

// A broker's ConfirmQueue drives a publisher's Confirms: each publish is
// confirmed once, as it was booked, in order, and never before it is durable.
func TestConfirmsArriveAsTheyWereBooked(t *testing.T) {
	for seed := range int64(30) {
		r := rand.New(rand.NewSource(seed))
		var broker ConfirmQueue
		var publisher Confirms[int]
		type booked struct {
			position uint64
			nack     bool
		}
		var all []booked
		position, durable, confirmed := uint64(0), uint64(0), 0
		for range 2000 {
			switch r.Intn(3) {
			case 0:
				for range r.Intn(40) {
					b := booked{}
					switch r.Intn(4) {
					case 0:
						b.nack = true
						broker.Nack()
					case 1:
						broker.Ack(0)
					default:
						position += uint64(1 + r.Intn(100))
						b.position = position
						broker.Ack(position)
					}
					publisher.Add(len(all))
					all = append(all, b)
				}
			case 1:
				durable += uint64(r.Int63n(int64(position-durable) + 1))
			}
			broker.Collect(durable, func(run Run) {
				err := publisher.Settle(run.Tag, run.Multiple, func(i int) {
					if i != confirmed || all[i].nack != run.Nack || all[i].position > durable {
						t.Fatalf("seed %d: %+v confirms publish %d %+v, durable %d, want publish %d",
							seed, run, i, all[i], durable, confirmed)
					}
					confirmed++
				})
				if err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
			})
			if next := len(all) - broker.Len(); next != confirmed || next < len(all) && all[next].position <= durable {
				t.Fatalf("seed %d: publish %d could be confirmed and is not", seed, next)
			}
		}
	}
}
