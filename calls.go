package postrider

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/postrider-mq/postrider/amqp"
)

// errAbandoned is why the context of a call's handler ends.
var errAbandoned = errors.New("the caller has given up")

// calls are those that this node handles, so that they can be cancelled from afar, and the last ones that were cancelled before they began.
type calls struct {
	mu      sync.Mutex
	running *callerContext // a list, for they begin and end a thousand times for each that is cancelled
	over    map[callKey]struct{}
	order   [256]callKey // of over, a ring
	next    int
}

// callKey names a call. Of one whose id its caller has chosen there may be several.
type callKey struct{ from, id, attempt string }

// headerAttempt tells calls of one id apart.
const headerAttempt = "x-postrider-attempt"

func (m *Message) callKey() callKey { return callKey{m.From, m.ID, m.attempt()} }

func (m *Message) attempt() string {
	if !m.headed {
		return ""
	}
	return text(m.headers(), headerAttempt)
}

func newCalls() *calls {
	return &calls{over: make(map[callKey]struct{})}
}

func (c *calls) cancel(key callKey) {
	c.mu.Lock()
	call := c.running
	for call != nil && call.message.callKey() != key {
		call = call.next
	}
	if call == nil {
		c.note(key)
	}
	c.mu.Unlock()
	if call != nil {
		call.end(errAbandoned)
	}
}

// note notes a call that is over before it began. The caller holds mu.
func (c *calls) note(key callKey) {
	if _, known := c.over[key]; known {
		return
	}
	delete(c.over, c.order[c.next])
	c.order[c.next] = key
	c.next = (c.next + 1) % len(c.order)
	c.over[key] = struct{}{}
}

func (c *calls) begin(call *callerContext) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.over) > 0 {
		if _, over := c.over[call.message.callKey()]; over {
			call.end(errAbandoned)
		}
	}
	if call.next = c.running; call.next != nil {
		call.next.last = call
	}
	c.running = call
}

func (c *calls) end(call *callerContext) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if call.next != nil {
		call.next.last = call.last
	}
	if call.last != nil {
		call.last.next = call.next
	} else {
		c.running = call.next
	}
	call.next, call.last = nil, nil
}

// late reports whether the caller's time is up.
func (m *Message) late() bool { return m.deadline != 0 && time.Since(started) >= m.deadline }

// expires is when nobody wants an arrival any more: so long after it came into this process as its expiration says. 0 says never.
func (a arrival) expires() time.Duration {
	if a.came == 0 {
		return 0
	}
	ms, ok := a.props.Expiration()
	if !ok || ms == 0 { // "at once or never", and it has come
		return 0
	}
	return a.came + time.Duration(ms)*time.Millisecond
}

// errHandledBefore answers a call that repeats one which was handled.
var errHandledBefore = &RemoteError{Code: handledBefore, Reason: "this call was handled before, under the same id, and its answer is not kept"}

// handledBefore is its code.
const handledBefore = 409

// answerAgain answers the repeat of a call that was handled.
func (m *Message) answerAgain() {
	if m.wanted {
		m.answer(context.Background(), errHandledBefore)
	}
}

// answerAgain is that for a repeat which waited for the first.
func (t *tap) answerAgain(a arrival) {
	if m := t.reopened(a); m != nil {
		m.answerAgain()
	}
}

func wantsReply(props amqp.RawProperties) bool {
	v, err := props.View()
	return err == nil && len(v.ReplyTo) > 0 && !wantsReceipt(props)
}

// started is when this process was.
var started = time.Now()

// noteAll notes when arrivals came, where that matters.
func noteAll(all []arrival) {
	var now time.Duration
	for i := range all {
		a := &all[i]
		if a.came != 0 || len(a.props) == 0 || uint16(a.props[0])<<8&amqp.FlagExpiration == 0 {
			continue
		}
		if now == 0 {
			now = time.Since(started)
		}
		a.came = now
	}
}
