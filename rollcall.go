package postrider

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/client"
)

// Peers asks who is there, and yields the card of each node that listens and uses the same [Config.Brokers], this one excepted, but
// not another one that has its name (which is a mistake, and logged as one), as they answer:
//
//	ctx, cancel := context.WithTimeout(ctx, time.Second)
//	defer cancel()
//	for card, err := range n.Peers(ctx) { … }
//
// It goes on until ctx ends, for nobody knows how many there are, and asks again and again meanwhile, the first time after a quarter of a second, later
// every 5 seconds: who comes late is yielded, too, and so is one who has moved. At most 65,536 are. An error is the last that is
// yielded: [ErrNoSuchTarget] without brokers, [ErrClosed], or the end of ctx before the brokers could be asked at all, which is [ErrPeerDown], too, while none
// is connected. Whoever may use the brokers may answer, in any name: a card is what its sender says.
func (n *Node) Peers(ctx context.Context) iter.Seq2[Card, error] {
	return func(yield func(Card, error) bool) {
		if len(n.mail) == 0 {
			yield(Card{}, fmt.Errorf("%w: there are no Config.Brokers to ask who is there", ErrNoSuchTarget))
			return
		}
		r := n.rolls.open(n.ids.next().String())
		defer n.rolls.close(r)
		seen := func(c Card, err error) bool {
			n.seeNamesake(c)
			return yield(c, err)
		}
		asked := false
		for pause := firstPause; ; pause = min(2*pause, lastPause) {
			err := n.callRoll(ctx, everyone, r.id)
			switch {
			case err == nil || errors.Is(err, client.ErrUnroutable): // nobody is there, yet
				asked = true
			case !asked || ctx.Err() == nil:
				yield(Card{}, rollError(err))
				return
			}
			if !r.listen(ctx, pause, n.isOwn, seen) {
				return
			}
		}
	}
}

// How long answers are waited for until all are asked again.
const (
	firstPause = 250 * time.Millisecond
	lastPause  = 5 * time.Second
)

// everyone is the name, which none can have, under which all nodes are asked.
const everyone = ""

// callRoll asks all nodes of a name once, or everyone.
func (n *Node) callRoll(ctx context.Context, name, id string) error {
	e, err := client.NewEnvelope(nodesExchange().Name, name, true, amqp.Properties{
		DeliveryMode: amqp.Transient, AppID: n.cfg.Name, ReplyTo: client.ReplyTo, CorrelationID: id, Expiration: milliseconds(lastPause),
	})
	if err != nil {
		return err
	}
	to := n.sendingConn()
	to.EnsureExchange(nodesExchange())
	to.Publisher().WantReplies()
	_, err = to.Publisher().Send(ctx, e, []byte(id), nil)
	return err
}

func rollError(err error) error {
	switch {
	case errors.Is(err, client.ErrClosed):
		return ErrClosed
	case errors.Is(err, client.ErrDown), errors.Is(err, client.ErrBroken):
		err = also{err, []error{ErrPeerDown}}
	}
	return fmt.Errorf("asking through the brokers who is there: %w", err)
}

// isOwn reports whether a card is this node's own.
func (n *Node) isOwn(c Card) bool {
	return c.Name == n.cfg.Name && n.local.addr() != nil && slices.Equal(c.Addresses, n.card().Addresses)
}

// seeNamesake warns of another node that listens under this one's name: who looks for one of them finds either.
func (n *Node) seeNamesake(c Card) {
	if c.Name != n.cfg.Name || n.local.addr() == nil || !n.rolls.isNews(c) {
		return
	}
	n.log.Warn("another node has this node's name: what is sent to it by name reaches one or the other; give each a name of its own", "at", strings.Join(c.Addresses, " "))
}

// rolls are the roll-calls of a node that are under way, by the id of their questions.
type rolls struct {
	mu       sync.Mutex
	all      map[string]*roll
	namesake string // that was told of last: its addresses
}

// isNews reports whether the card of a namesake is another one than that which was told of last.
func (s *rolls) isNews(c Card) bool {
	at := strings.Join(c.Addresses, " ")
	s.mu.Lock()
	defer s.mu.Unlock()
	news := at != s.namesake
	s.namesake = at
	return news
}

func newRolls() *rolls { return &rolls{all: make(map[string]*roll)} }

// roll is one roll-call.
type roll struct {
	id   string
	more chan struct{} // takes one: cards have come

	mu   sync.Mutex
	seen map[[sha256.Size]byte]struct{} // sums of cards
	come []Card                         // and not yielded yet
	size int                            // theirs, in bytes
}

// maxRoll bounds who answers a roll-call, maxCard the size of a card in bytes, and maxCome that of all that wait to be yielded: strangers may answer. A card
// that has no room comes again when all are asked again.
const (
	maxRoll = 1 << 16
	maxCard = 4 << 10
	maxCome = 4 << 20
)

func (s *rolls) open(id string) *roll {
	r := &roll{id: id, more: make(chan struct{}, 1), seen: make(map[[sha256.Size]byte]struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all[id] = r
	return r
}

func (s *rolls) close(r *roll) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, r.id)
}

// answered is told of each answer that no call waits for, on the reader's goroutine. It reports whether it was one to a roll-call.
func (s *rolls) answered(id string, body []byte) bool {
	s.mu.Lock()
	r := s.all[id]
	s.mu.Unlock()
	if r != nil {
		r.enter(body)
	}
	return r != nil
}

// enter takes a card that has not come before.
func (r *roll) enter(body []byte) {
	var c Card
	if len(body) > maxCard || json.Unmarshal(body, &c) != nil || c.Name == "" {
		return
	}
	text := strings.Join(append([]string{c.Name, c.Key}, c.Addresses...), "\n")
	sum, size := sha256.Sum256([]byte(text)), len(text)+int(unsafe.Sizeof(c))+len(c.Addresses)*int(unsafe.Sizeof(text))
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, seen := r.seen[sum]; seen || len(r.seen) == maxRoll || r.size+size > maxCome {
		return
	}
	r.seen[sum] = struct{}{}
	r.come = append(r.come, c)
	r.size += size
	select {
	case r.more <- struct{}{}:
	default:
	}
}

func (r *roll) take() []Card {
	r.mu.Lock()
	defer r.mu.Unlock()
	come := r.come
	r.come, r.size = nil, 0
	return come
}

// listen yields the cards that come within a pause, but for one's own; false when no more are wanted.
func (r *roll) listen(ctx context.Context, pause time.Duration, own func(Card) bool, yield func(Card, error) bool) bool {
	soon, cancel := context.WithTimeout(ctx, pause)
	defer cancel()
	for {
		for _, c := range r.take() {
			if !own(c) && !yield(c, nil) {
				return false
			}
		}
		select {
		case <-r.more:
		case <-soon.Done():
			return ctx.Err() == nil
		}
	}
}
