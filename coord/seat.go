package coord

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/postrider-mq/postrider"
)

// seat is a place that one process at a time can have, see the package's documentation.
type seat struct {
	node *postrider.Node
	name string // for people
	box  *postrider.Target

	wrong error // why nobody can have it; nil: somebody can
}

// newSeat is the seat of that name. More, where a name has several, says which.
func newSeat(n *postrider.Node, kind, name, more string) seat {
	return seat{
		node:  n,
		name:  kind + " " + name + more,
		box:   n.Mailbox("coord."+kind+"."+name+more, postrider.SingleActive()),
		wrong: checkName(name),
	}
}

// longestName leaves room beside it in the names of mailboxes and topics.
const longestName = 200

func checkName(name string) error {
	if len(name) == 0 || len(name) > longestName {
		return fmt.Errorf("its name is %d bytes long: want 1 to %d", len(name), longestName)
	}
	return nil
}

// note is what is sent to a seat: a claim, which has a number; an arrival at a barrier; or, with neither, a
// call, which only makes whoever is served aware of it.
type note struct {
	ID      string          `json:"id"`
	By      string          `json:"by"`                // the node
	Number  uint64          `json:"number,omitempty"`  // to highestNumber
	Value   json.RawMessage `json:"value,omitempty"`   // what the claim keeps
	Past    []string        `json:"past,omitempty"`    // marks of the claims before it, the latest last, where it matters which they were
	Arrival string          `json:"arrival,omitempty"` // of whom
	Left    bool            `json:"left,omitempty"`    // the arrival is called off
}

// highestNumber is beyond all that claims can count to. A higher one is another program's nonsense, which none could follow.
const highestNumber = 1 << 62

// isClaim reports whether it is one, with a number that others can follow.
func (n note) isClaim() bool { return n.Number > 0 && n.Number <= highestNumber }

// mark tells a claim from others, in few bytes.
func (n note) mark() string { return n.ID[:min(len(n.ID), 10)] }

// mostPast bounds how many claims one names that were before it.
const mostPast = 64

// past is what a claim that follows upon n says of those before it.
func (n note) past() []string {
	if n.Number == 0 {
		return nil
	}
	all := append(slices.Clip(n.Past), n.mark())
	return all[max(0, len(all)-mostPast):]
}

// wrap says where it happened.
func (s seat) wrap(err error) error { return fmt.Errorf("coord: %s: %w", s.name, err) }

// turn is a place in the line of a seat, and then being served there. It belongs to one goroutine; another one
// brings what arrives.
type turn struct {
	seat
	arrivals chan *postrider.Message
	end      context.CancelFunc
	ended    chan struct{} // closed when nothing arrives any more
	err      error         // why, valid then

	gone <-chan struct{}      // closed when it is over with being served; nil while it is not
	last note                 // the highest claim that was seen
	top  *postrider.Message   // which is this one of those kept
	kept []*postrider.Message // claims; or, while there is none, the first call, lest nothing calls who comes next
	sent []note               // claims of which it is not known yet what came of them, of earlier times of being served, too
	gate *gate                // is given the arrivals; nil: nobody is
}

// errLost: the broker serves somebody else by now, or this process anew.
var errLost = errors.New("the connection to the broker was lost")

// stand begins to stand in line.
func (s seat) stand(g *gate) *turn {
	ctx, cancel := context.WithCancel(context.Background())
	t := &turn{seat: s, arrivals: make(chan *postrider.Message), end: cancel, ended: make(chan struct{}), gate: g}
	go t.receive(ctx)
	return t
}

func (t *turn) note() note { return note{ID: rand.Text(), By: t.node.Name()} }

func (t *turn) call(ctx context.Context) (id string, err error) {
	n := t.note()
	return n.ID, t.send(ctx, n, postrider.Transient())
}

// send sends a note again that the broker has refused: a replicated queue does that while it has no leader.
func (t *turn) send(ctx context.Context, n note, opts ...postrider.SendOption) error {
	for {
		err := t.box.Send(ctx, n, opts...)
		if !errors.Is(err, postrider.ErrRefused) {
			return err
		}
		select {
		case <-time.After(refusedPause):
		case <-ctx.Done():
			return err
		}
	}
}

const refusedPause = 50 * time.Millisecond

func (t *turn) receive(ctx context.Context) {
	defer close(t.ended)
	for m, err := range t.node.Messages(ctx, postrider.Of(t.box)) {
		if err != nil {
			t.err = err
			return
		}
		select {
		case t.arrivals <- m:
		case <-ctx.Done():
			m.Requeue()
			return
		}
	}
}

// leave lets the next one be served, with all that this one kept.
func (t *turn) leave() {
	t.end()
	<-t.ended
	t.forget()
}

// forget lets go of what was kept: it is here no more, or will not be.
func (t *turn) forget() {
	for _, m := range t.kept {
		m.Requeue()
	}
	t.kept, t.top, t.gone, t.last = nil, nil, nil, note{}
	if t.gate != nil {
		t.gate.forget()
	}
}

// served waits until the broker serves this turn: something arrives, if only the own call. That is made again now and then, for a broker
// that is restarted loses it.
func (t *turn) served(ctx context.Context) error {
	if _, err := t.call(ctx); err != nil {
		return err
	}
	again := time.NewTicker(lookAgain)
	defer again.Stop()
	for t.gone == nil {
		select {
		case m := <-t.arrivals:
			t.take(m)
		case <-again.C:
			if _, err := t.call(ctx); err != nil {
				return err
			}
		case <-t.ended:
			return t.err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// take notes what arrived. What belongs to another time of being served begins it.
func (t *turn) take(m *postrider.Message) (note, bool) {
	same := t.gone == m.Gone()
	if !same {
		t.forget()
		t.gone = m.Gone()
	}
	var n note
	switch err := m.Decode(&n); {
	case err == nil && n.isClaim():
		t.kept = append(t.kept, m)
		if n.Number > t.last.Number {
			t.last, t.top = n, m
		}
	case err == nil && n.Arrival != "" && t.gate != nil:
		t.gate.take(m, n)
	case err == nil && len(t.kept) == 0:
		t.kept = append(t.kept, m)
	default:
		m.Ack()
	}
	return n, same
}

// mostKept bounds the claims that are kept. Each is of somebody who died, was cut off or gave up before he had his back. Were they as many as the broker
// lets a receiver have, nothing more would come.
const mostKept = 64

// thin settles the claims below the highest: that one is stored when what was sent to the seat after it came is.
func (t *turn) thin(ctx context.Context) error {
	if err := t.send(ctx, t.note()); err != nil {
		return err
	}
	for _, m := range t.kept {
		if m != t.top {
			m.Ack()
		}
	}
	t.kept = append(t.kept[:0], t.top)
	return nil
}

// next waits for the next arrival while this turn is served.
func (t *turn) next(ctx context.Context) (note, error) {
	if len(t.kept) >= mostKept {
		if err := t.thin(ctx); err != nil {
			return note{}, err
		}
	}
	select {
	case m := <-t.arrivals:
		n, same := t.take(m)
		if !same {
			return n, errLost
		}
		return n, nil
	case <-t.gone:
		t.forget()
		return note{}, errLost
	case <-t.ended:
		return note{}, t.err
	case <-ctx.Done():
		return note{}, ctx.Err()
	}
}

// look makes sure that all claims were seen which precede this moment.
func (t *turn) look(ctx context.Context) error {
	id, err := t.call(ctx)
	if err != nil {
		return err
	}
	for {
		if n, err := t.next(ctx); err != nil || n.ID == id {
			return err
		}
	}
}

// claim makes this turn the one with the highest number, and keeps a value there, which others followed upon.
func (t *turn) claim(ctx context.Context, value json.RawMessage, past []string) error {
	for {
		if t.last.Number == highestNumber { // nobody would take a higher one for a claim
			return fmt.Errorf("no number is left: another program has put a claim with the highest into %s: purge it, and numbers begin anew", t.box)
		}
		mine := t.note()
		mine.Number, mine.Value, mine.Past = t.last.Number+1, value, past
		t.sent = append(t.sent, mine)
		if err := t.send(ctx, mine); err != nil {
			return err
		}
		highest, err := t.back(ctx, mine.ID)
		if err != nil {
			return err
		}
		if mine.Number > highest {
			t.settle(mine)
			return nil
		}
	}
}

// back waits for the claim that was sent last, and returns the highest number that arrived before it.
func (t *turn) back(ctx context.Context, id string) (highest uint64, err error) {
	for {
		highest = t.last.Number
		if n, err := t.next(ctx); err != nil || n.ID == id {
			return highest, err
		}
	}
}

// succeeded returns the claim of this turn that has counted, though the connection broke before it came back.
func (t *turn) succeeded() (note, bool) {
	for _, n := range t.sent {
		if n.ID == t.last.ID || slices.Contains(t.last.Past, n.mark()) {
			return n, true
		}
	}
	return note{}, false
}

// settle keeps the own claim, which arrived last, and no other.
func (t *turn) settle(mine note) {
	own := len(t.kept) - 1
	for _, m := range t.kept[:own] {
		m.Ack()
	}
	t.kept, t.last, t.top, t.sent = t.kept[own:], mine, t.kept[own], nil
}

// during keeps at it until do has succeeded in one go while being served. The turn is left unless it did.
func (s seat) during(ctx context.Context, g *gate, do func(*turn) error) (*turn, error) {
	if s.wrong != nil {
		return nil, s.wrap(s.wrong)
	}
	t := s.stand(g)
	for {
		err := t.served(ctx)
		if err == nil {
			err = do(t)
		}
		if err == nil {
			return t, nil
		}
		if !errors.Is(err, errLost) {
			t.leave()
			return nil, s.wrap(err)
		}
	}
}
