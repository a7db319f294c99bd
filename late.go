package postrider

import (
	"sync/atomic"
	"time"

	"github.com/postrider-mq/postrider/internal/client"
)

// A broker gives up on a receiver that does not acknowledge a message in time: it closes the channel, and hands out again what that had.
// Who holds one for half of that time is told of in the log, see Config.ConsumerTimeout.

const defaultConsumerTimeout = 30 * time.Minute

// consumerTimeout is 0 where there is none.
func (c *Config) consumerTimeout() time.Duration {
	if c.ConsumerTimeout == 0 {
		return defaultConsumerTimeout
	}
	return max(c.ConsumerTimeout, 0)
}

// patience is when to warn; 0: never.
func (c *Config) patience() time.Duration { return c.consumerTimeout() / 2 }

// handledWithin is how long it can take until a message that expires is handled: somebody may have begun just before. 0: nobody knows.
func (c *Config) handledWithin(expires time.Duration) time.Duration {
	if expires == 0 || c.consumerTimeout() == 0 {
		return 0
	}
	return expires + c.consumerTimeout()
}

// A hand is what one worker or loop works on; nil where nobody asks.
type hand struct{ atomic.Pointer[Message] }

func (h *hand) holds(m *Message) {
	if h != nil {
		h.Store(m)
	}
}

// newHand lets one worker or loop say what it works on.
func (t *tap) newHand() *hand {
	if !t.target.away() {
		return nil
	}
	h := new(hand)
	t.mu.Lock()
	t.hands = append(t.hands, h)
	t.mu.Unlock()
	return h
}

// overdue is a receiver that wants to be told of messages which it holds for long.
type overdue interface {
	late(is func(*client.Delivery) bool)
}

func (s *share) late(is func(*client.Delivery) bool) {
	if to, ok := s.to.(overdue); ok {
		to.late(is)
	}
}

func (t *tap) late(is func(*client.Delivery) bool) {
	n := t.target.node
	where, id := "behind others that were sent here ahead, see Prefetch", ""
	t.mu.Lock()
	hands := t.hands
	t.mu.Unlock()
	for _, h := range hands {
		if m := h.Load(); m != nil && isDelivery(m.from, is) {
			where, id = "in the hands of its receiver", m.ID
		}
	}
	if id == "" {
		id = t.feed.idOf(is)
	}
	n.log.Warn("a message is not acknowledged for long: at its consumer timeout RabbitMQ takes it away from this receiver and hands it out again. "+
		"Let handlers do less at a time, name a smaller Prefetch, or raise the timeout there (consumer_timeout, or x-consumer-timeout of the queue) and say so in Config.ConsumerTimeout",
		"target", t.target.String(), "message", id, "is", where, "for at least", n.cfg.patience(), "timeout", 2*n.cfg.patience())
}

// isDelivery reports whether what is settled there is the delivery that is meant.
func isDelivery(s settler, is func(*client.Delivery) bool) bool {
	if l, ok := s.(*laned); ok {
		s = l.from
	}
	r, ok := s.(*remoteSettler)
	return ok && is((*client.Delivery)(r))
}

// idOf is the id of a delivery that waits here; "" if it does not.
func (f *feed) idOf(is func(*client.Delivery) bool) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	for a := range f.all {
		if isDelivery(a.from, is) {
			if v, err := a.props.View(); err == nil {
				return string(v.MessageID)
			}
		}
	}
	return ""
}
