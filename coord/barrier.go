package coord

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/postrider-mq/postrider"
)

// Barrier lets processes wait for each other: all go on when so many have arrived. It can be used again and again; who arrives
// then belongs to the next time. Any goroutine may use it.
type Barrier struct {
	seat    seat
	parties int
}

// NewBarrier is the barrier of that name on the node's broker, which opens for parties at a time. All who use it have to give it the same
// number. It panics when that is less than one.
func NewBarrier(n *postrider.Node, name string, parties int) *Barrier {
	if parties < 1 {
		panic(fmt.Sprintf("coord: a barrier for %d parties: want 1 at least", parties))
	}
	return &Barrier{newSeat(n, "barrier", name, ""), parties}
}

// beat is how often who waits says so; who has not for a lease is not counted any more.
const (
	beat  = time.Second
	lease = 3 * beat
)

// Wait waits until as many have arrived as the barrier is for, this one included. When ctx ends before, the error is ctx's, and this arrival does
// not count; but if the barrier opens at that very moment, others may have passed it. Who dies while it waits
// is counted for three seconds more. Other errors: ErrClosed, and what keeps this node from receiving there.
func (b *Barrier) Wait(ctx context.Context) error {
	waiting, cancel := context.WithCancel(ctx)
	var both sync.WaitGroup
	var hopeless error
	both.Go(func() {
		if hopeless = b.tend(waiting); hopeless != nil {
			cancel()
		}
	})
	err := b.arrive(waiting)
	cancel()
	both.Wait()
	switch {
	case err == nil:
		return nil
	case ctx.Err() == nil:
		return hopeless
	}
	return b.seat.wrap(err)
}

// arrive says so until it is answered.
func (b *Barrier) arrive(ctx context.Context) error {
	n := note{By: b.seat.node.Name(), Arrival: rand.Text()}
	for {
		n.ID = rand.Text()
		within, cancel := context.WithTimeout(ctx, beat)
		_, err := postrider.Call[[]byte](within, b.seat.box, n)
		if err == nil {
			cancel()
			return nil
		}
		<-within.Done()
		cancel()
		if ctx.Err() != nil {
			n.ID, n.Left = rand.Text(), true
			b.seat.box.Post(context.WithoutCancel(ctx), n, postrider.Transient())
			return ctx.Err()
		}
	}
}

// tend takes its turn at the gate, until ctx ends. An error says that it never will.
func (b *Barrier) tend(ctx context.Context) error {
	for {
		g := &gate{arrived: make(map[string]arrival)}
		_, err := b.seat.during(ctx, g, func(t *turn) error { return g.tend(ctx, t, b.parties) })
		if ctx.Err() != nil {
			return nil
		}
		var unsent *postrider.SendError
		if errors.Is(err, postrider.ErrClosed) || !errors.As(err, &unsent) {
			return err
		}
		select { // who waits goes on asking
		case <-time.After(beat):
		case <-ctx.Done():
		}
	}
}

// gate is the state of the one who counts arrivals, and opens. For whom it opened it writes down in a claim before it tells them: who
// is not told, because somebody died, is told by the next who counts.
type gate struct {
	arrived map[string]arrival
	count   int
}

type arrival struct {
	message *postrider.Message
	at      time.Time
	place   int // in the order of arriving
}

func (g *gate) tend(ctx context.Context, t *turn, parties int) error {
	for {
		if err := g.open(ctx, t, parties); err != nil {
			return err
		}
		if _, err := t.next(ctx); err != nil {
			return err
		}
	}
}

func (g *gate) forget() {
	for _, a := range g.arrived {
		a.message.Requeue()
	}
	clear(g.arrived)
}

// mostUnsettled bounds the arrivals that go to who counts next. With too many unsettled nothing more would come; the others have to say it again.
const mostUnsettled = 128

// take notes an arrival, or that one said again that it is there.
func (g *gate) take(m *postrider.Message, n note) {
	before, again := g.arrived[n.Arrival]
	if again {
		before.message.Ack()
	}
	if n.Left {
		m.Ack()
		delete(g.arrived, n.Arrival)
		return
	}
	a := arrival{message: m, at: time.Now(), place: before.place}
	if !again {
		g.count++
		a.place = g.count
	}
	g.arrived[n.Arrival] = a
	if len(g.arrived) > mostUnsettled {
		m.Ack()
	}
}

// remembered is for how many openings it is known for whom they were.
const remembered = 4

// open opens for as many as the barrier is for, as long as there are so many.
func (g *gate) open(ctx context.Context, t *turn, parties int) error {
	for {
		var opened [][]string
		if json.Unmarshal(t.last.Value, &opened) != nil {
			opened = nil // there is none yet, or what is there is another program's
		}
		g.admit(ctx, slices.Concat(opened...))
		g.drop(time.Now().Add(-lease))
		if len(g.arrived) < parties {
			return nil
		}
		opened = append(opened, g.first(parties))
		value, err := json.Marshal(opened[max(0, len(opened)-remembered):])
		if err != nil {
			return err
		}
		if err := t.claim(ctx, value, nil); err != nil {
			return err
		}
	}
}

// admit answers those for whom it was opened.
func (g *gate) admit(ctx context.Context, opened []string) {
	for _, who := range opened {
		if a, ok := g.arrived[who]; ok {
			a.message.Reply(ctx, []byte(nil)) // or it asks again
			a.message.Ack()
			delete(g.arrived, who)
		}
	}
}

// drop forgets those who have not said since that they wait.
func (g *gate) drop(since time.Time) {
	for who, a := range g.arrived {
		if a.at.Before(since) {
			a.message.Ack()
			delete(g.arrived, who)
		}
	}
}

// first returns those who arrived first.
func (g *gate) first(parties int) []string {
	who := slices.SortedFunc(maps.Keys(g.arrived), func(a, b string) int {
		return cmp.Compare(g.arrived[a].place, g.arrived[b].place)
	})
	return who[:parties]
}
