package postrider

import (
	"bytes"
	"math/bits"
	"slices"
	"sync/atomic"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/pack"
)

// packed is a pack of messages in the inbox, see package pack. Each of them becomes an arrival of its own; the broker, which knows only the
// whole, hears of it when the last one is settled. What is put back stays here, for whoever receives next.
//
//	taken apart ──► arrivals ──each is settled──► the whole is acknowledged
//	                 ▲    └─put back─┬──the node ends, and each is either──► the whole goes back, and what was handled is known then
//	                 └───────────────┘
type packed struct {
	inbox  *inbox
	from   settler // of the whole
	tag    uint64
	props  amqp.RawProperties // of each
	prefix string             // of counted ids
	body   []byte
	count  int
	again  bool // it was redelivered as a whole

	left atomic.Int32 // not settled
	done sharedPlaces
	gave sharedPlaces // by a receiver back, which marks it
	had  atomic.Bool  // by a receiver, some of it

	// Guarded by the inbox's mu.
	back int // put back for good
	over bool
}

// packs are those in an inbox that are not settled. Guarded by its mu.
type packs struct {
	open   map[*packed]struct{}
	folded []arrival // what fold has returned
	ended  bool      // nothing is handed out again
	enough int       // so many in open that readers wait, see pace
	fewer  chan struct{}

	closely atomic.Bool // it matters what becomes of the parts: the node ends

	raw, props amqp.RawProperties // of the last pack, and what they are for each message in it
	prefix     string             // its own id, with which counted ones begin
	plain      bool               // which asks for nothing but to be handled
}

// fold finds the packs in a batch, and leaves it to others to take them apart, see arrival.take. What it returns is good until unfold. The
// caller holds mu.
func (i *inbox) fold(batch []arrival) []arrival {
	for n := range batch {
		if !batch[n].encoded() {
			continue
		}
		i.folded = append(i.folded, batch...)
		for n := range i.folded {
			if a := &i.folded[n]; a.encoded() {
				i.foldOne(a)
			}
		}
		return i.folded
	}
	return batch
}

// unfold lets go of what fold has returned. The caller holds mu.
func (i *inbox) unfold() {
	if clear(i.folded); cap(i.folded) > keepArrivals {
		i.folded = nil
	}
	i.folded = i.folded[:0]
}

// encoded reports whether the arrival has a content-encoding, as packs have.
func (a *arrival) encoded() bool {
	return len(a.props) > 0 && uint16(a.props[0])<<8&amqp.FlagContentEncoding != 0
}

// foldOne makes an arrival that is a pack one that its messages are taken out of.
func (i *inbox) foldOne(a *arrival) {
	n := int(a.count)
	if n < 2 { // who published it has not counted
		v, err := a.props.View()
		if err != nil {
			return
		}
		n = pack.In(v.ContentEncoding, a.body)
	}
	if n == 0 || !i.strip(a.props) {
		return
	}
	p := &packed{inbox: i, from: a.from, tag: a.tag, props: i.props, prefix: i.prefix, body: a.body, count: n, again: a.redelivered}
	p.left.Store(int32(n))
	i.open[p] = struct{}{}
	*a = arrival{props: p.props, redelivered: a.redelivered, from: p, pack: p.body, plain: i.plain}
}

// strip finds what the properties of a pack are for each message in it.
func (i *inbox) strip(raw amqp.RawProperties) bool {
	if bytes.Equal(raw, i.raw) {
		return true
	}
	var p amqp.Properties
	if p.Parse(raw, nil) != nil {
		return false
	}
	prefix := p.MessageID
	p.ContentEncoding, p.MessageID = "", ""
	props, err := p.Append(nil)
	if err != nil {
		return false
	}
	i.prefix = prefix
	i.raw, i.props = slices.Clone(raw), props // it lies beside the body
	i.plain = len(p.Headers) == 0 && p.Expiration == "" && p.ReplyTo == "" && p.ContentType != typeSealed
	return true
}

// take takes a message out of the arrival, and reports whether it was the last.
func (a *arrival) take(m *arrival) (last bool) {
	*m = *a
	if a.pack == nil {
		return true
	}
	m.pack, m.plain = nil, false
	m.id, m.body, a.pack, _ = pack.Next(a.pack)
	a.tag++
	return len(a.pack) == 0
}

// each yields the messages in the arrival.
func (a arrival) each(yield func(arrival) bool) {
	for {
		var m arrival
		if last := a.take(&m); !yield(m) || last {
			return
		}
	}
}

// again hands an arrival out once more; false when nothing is handed out any more.
func (i *inbox) again(a arrival) bool {
	i.mu.Lock()
	if i.ended {
		i.mu.Unlock()
		return false
	}
	i.give(a)
	i.mu.Unlock()
	i.ready()
	return true
}

// message is the arrival of one of the messages, which comes again.
func (p *packed) message(place uint64) arrival {
	a := arrival{props: p.props, redelivered: p.again || p.gave.has(place), from: p, tag: place}
	for rest := p.body; ; place-- {
		if a.id, a.body, rest, _ = pack.Next(rest); place == 0 {
			return a
		}
	}
}

// places are some of the messages in a pack.
type places [pack.MaxMessages / 64]uint64

func (p *places) has(place uint64) bool { return p[place/64]&(1<<(place%64)) != 0 }
func (p *places) add(place uint64)      { p[place/64] |= 1 << (place % 64) }

func (p *places) join(other places) {
	for i := range p {
		p[i] |= other[i]
	}
}

func (p *places) count() (n int) {
	for _, some := range p {
		n += bits.OnesCount64(some)
	}
	return n
}

// sharedPlaces are places that several goroutines add to.
type sharedPlaces [pack.MaxMessages / 64]atomic.Uint64

func (p *sharedPlaces) has(place uint64) bool { return p[place/64].Load()&(1<<(place%64)) != 0 }
func (p *sharedPlaces) add(place uint64)      { p[place/64].Or(1 << (place % 64)) }

func (p *sharedPlaces) join(some places) {
	for i, s := range some {
		if s != 0 {
			p[i].Or(s)
		}
	}
}

// settle ends one of the messages, and with the last one the whole, how its settler says.
func (p *packed) settle(place uint64, how func(tag uint64) error) error {
	var one places
	one.add(place)
	return p.settleAll(one, 1, how)
}

// settleAll is settle for n of them.
func (p *packed) settleAll(which places, n int, how func(tag uint64) error) error {
	if !p.had.Load() {
		p.had.Store(true)
	}
	p.done.join(which)
	last := p.left.Add(-int32(n)) == 0
	if !last && !p.inbox.closely.Load() {
		return nil
	}
	i := p.inbox
	i.mu.Lock()
	if last {
		i.done(p)
	}
	back := p.isBack()
	i.look()
	i.mu.Unlock()
	switch {
	case back:
		return p.giveAllBack()
	case last:
		return how(p.tag)
	}
	return nil
}

func (p *packed) ack(place uint64) error     { return p.settle(place, p.from.ack) }
func (p *packed) ackSoon(place uint64) error { return p.settle(place, p.from.ackSoon) }

func (p *packed) giveBack(place uint64) error {
	p.seen(place)
	p.gave.add(place)
	return p.putBack(place)
}

func (p *packed) putBack(place uint64) error {
	if p.inbox.again(p.message(place)) {
		return nil
	}
	p.inbox.mu.Lock()
	p.back++
	back := p.isBack()
	p.inbox.mu.Unlock()
	if back {
		return p.giveAllBack()
	}
	return nil
}

// isBack decides, once, that the whole is to go back: what is not settled was put back. The caller holds the inbox's mu.
func (p *packed) isBack() bool {
	if p.over || p.back == 0 || int(p.left.Load()) > p.back {
		return false
	}
	p.over = true
	p.inbox.done(p)
	return true
}

func (p *packed) giveAllBack() error {
	if p.had.Load() {
		return p.from.giveBack(p.tag)
	}
	return p.from.putBack(p.tag)
}

func (p *packed) seen(uint64) {
	p.had.Store(true)
	p.from.seen(p.tag)
}

func (p *packed) stale(uint64) bool           { return false } // it is in this process
func (p *packed) gone(uint64) <-chan struct{} { return nil }

// idle is how many messages of the queue nobody here has in hand: those that wait for a receiver, a pack counted as one. The
// caller holds mu.
func (i *inbox) idle() int {
	if len(i.open) == 0 {
		return len(i.waiting)
	}
	idle := 0
	waiting := make(map[*packed]int)
	for _, a := range i.waiting {
		if p, ok := a.from.(*packed); ok {
			waiting[p]++
		} else {
			idle++
		}
	}
	for p := range i.open {
		if int(p.left.Load()) <= waiting[p] {
			idle++
		}
	}
	return idle
}

// unsettled takes the packs out of the inbox of which some was settled, calls do with each message of them that was not, and acknowledges
// them.
func (i *inbox) unsettled(do func(id []byte)) {
	i.mu.Lock()
	i.ended = true
	var some []*packed
	for p := range i.open {
		if int(p.left.Load()) < p.count {
			some = append(some, p)
		}
	}
	i.mu.Unlock()
	for _, p := range some {
		for place, rest := 0, p.body; len(rest) > 0; place++ {
			var name pack.Name
			if name, _, rest, _ = pack.Next(rest); !p.done.has(uint64(place)) {
				do(name.AppendTo(nil, p.prefix))
			}
		}
		p.from.ack(p.tag)
	}
}
