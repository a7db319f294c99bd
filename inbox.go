package postrider

import (
	"slices"
	"sync"

	"github.com/postrider-mq/postrider/broker"
	"github.com/postrider-mq/postrider/internal/pack"
)

// inbox is what came into this node's own inbox, for the receivers in this process. It takes
// everything from the broker as it comes, so that a receiver can choose by sender; what nobody
// wants yet waits here, unsettled.
type inbox struct {
	*local

	mu      sync.Mutex
	intake  intake // nil until there is a receiver
	takers  []*taker
	waiting []arrival // in the order of arrival
	turn    int
	one     [1]arrival // what is handed out by itself

	packs
	leaving
}

// Default bounds of an inbox, and those of a queue for control messages.
const (
	defaultInboxMessages = 1 << 18
	defaultInboxBytes    = 256 << 20
	controlMessages      = 8 * maxControl
	controlBytes         = 16 << 20
)

func (c *Config) inboxMessages() int {
	if c.InboxMessages > 0 {
		return c.InboxMessages
	}
	return defaultInboxMessages
}

func (c *Config) inboxBytes() int64 {
	if c.InboxBytes > 0 {
		return c.InboxBytes
	}
	return defaultInboxBytes
}

// packSize is how many messages may come into the inbox in one: so few that its bound of messages is felt about as finely as without.
func (c *Config) packSize() int { return min(pack.MaxMessages, c.inboxMessages()/64) }

// A taker is one receiver at the inbox. It is an intake.
type taker struct {
	inbox *inbox
	from  string // "" takes everything
	receiver
}

func (i *inbox) take(_ int, to receiver) intake { return i.takeFrom("", to) }

func (i *inbox) takeFrom(from string, to receiver) intake {
	t := &taker{inbox: i, from: from, receiver: to}
	i.mu.Lock()
	i.takers = append(slices.Clip(i.takers), t)
	rest := i.waiting[:0]
	for _, a := range i.waiting {
		if t.wants(a) {
			t.hand([]arrival{a})
		} else {
			rest = append(rest, a)
		}
	}
	clear(i.waiting[len(rest):])
	i.waiting = rest
	begin := i.intake == nil
	if begin {
		i.intake = noIntake{}
	}
	i.mu.Unlock()
	t.ready()
	if begin {
		in := i.local.take(0, i)
		i.mu.Lock()
		i.intake = in
		i.mu.Unlock()
	}
	return t
}

func (t *taker) wants(a arrival) bool { return t.from == "" || t.from == string(a.sender()) }

// ready wakes those who were handed something.
func (i *inbox) ready() {
	i.mu.Lock()
	takers := i.takers
	i.mu.Unlock()
	for _, t := range takers {
		t.ready()
	}
}

// use implements idler, where one receiver takes everything.
func (i *inbox) use(l *broker.Lull) bool {
	i.mu.Lock()
	takers := i.takers
	i.mu.Unlock()
	if len(takers) != 1 {
		return false
	}
	to, ok := takers[0].receiver.(idler)
	return ok && to.use(l)
}

// hand gives each arrival to who asked for its sender, else to those who take everything in turn.
func (i *inbox) hand(batch []arrival) {
	i.mu.Lock()
	defer i.mu.Unlock()
	batch = i.fold(batch)
	defer i.unfold()
	if len(i.takers) == 1 && i.takers[0].from == "" {
		i.takers[0].hand(batch)
		return
	}
	for _, a := range batch {
		for m := range a.each {
			i.give(m)
		}
	}
}

// give is hand for one. The caller holds mu.
func (i *inbox) give(a arrival) {
	if t := i.choose(a); t != nil {
		i.one[0] = a
		t.hand(i.one[:])
		i.one[0] = arrival{}
		return
	}
	i.waiting = append(i.waiting, a)
	noteAll(i.waiting[len(i.waiting)-1:])
	i.look()
}

func (i *inbox) choose(a arrival) *taker {
	var any *taker
	for n := range i.takers {
		t := i.takers[(i.turn+n)%len(i.takers)]
		switch {
		case t.from == "":
			if any == nil {
				any = t
			}
		case t.wants(a):
			return t
		}
	}
	if any != nil {
		i.turn++
	}
	return any
}

func (t *taker) first() <-chan struct{} { return closedChannel }
func (t *taker) err() error             { return nil }

func (t *taker) stop() <-chan struct{} {
	i := t.inbox
	i.mu.Lock()
	defer i.mu.Unlock()
	for n, other := range i.takers {
		if other == t {
			i.takers = slices.Concat(i.takers[:n], i.takers[n+1:]) // a copy: ready walks the old one
			break
		}
	}
	i.look()
	return closedChannel
}

func (t *taker) release() {}

var closedChannel = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// noIntake stands for one that is about to be.
type noIntake struct{}

func (noIntake) first() <-chan struct{} { return closedChannel }
func (noIntake) err() error             { return nil }
func (noIntake) stop() <-chan struct{}  { return closedChannel }
func (noIntake) release()               {}
