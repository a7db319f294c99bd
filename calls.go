package postrider

import (
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/postrider-mq/postrider/amqp"
)

// errAbandoned is why the context of a call's handler ends.
var errAbandoned = errors.New("the caller has given up")

// calls are those that this node handles, so that they can be cancelled from afar, and the last ones that were cancelled before they began.
type calls struct {
	mu      sync.Mutex
	running map[callKey]*callerContext
	over    map[callKey]struct{}
	order   [256]callKey // of over, a ring
	next    int
}

type callKey struct{ from, id string }

func newCalls() *calls {
	return &calls{running: make(map[callKey]*callerContext), over: make(map[callKey]struct{})}
}

func (c *calls) cancel(from, id string) {
	key := callKey{from, id}
	c.mu.Lock()
	call := c.running[key]
	if _, known := c.over[key]; call == nil && !known {
		delete(c.over, c.order[c.next])
		c.order[c.next] = key
		c.next = (c.next + 1) % len(c.order)
		c.over[key] = struct{}{}
	}
	c.mu.Unlock()
	if call != nil {
		call.end(errAbandoned)
	}
}

func (c *calls) begin(key callKey, call *callerContext) {
	c.mu.Lock()
	_, over := c.over[key]
	if !over {
		c.running[key] = call
	}
	c.mu.Unlock()
	if over {
		call.end(errAbandoned)
	}
}

func (c *calls) end(key callKey) {
	c.mu.Lock()
	delete(c.running, key)
	c.mu.Unlock()
}

// late reports whether the caller's time is up.
func (m *Message) late() bool { return m.deadline != 0 && time.Since(started) >= m.deadline }

// expires is when nobody wants an arrival any more: so long after it came into this process as its expiration says. 0 says never.
func (a arrival) expires() time.Duration {
	if a.came == 0 {
		return 0
	}
	v, err := a.props.View()
	if err != nil {
		return 0
	}
	ms, err := strconv.ParseInt(string(v.Expiration), 10, 64)
	if err != nil {
		return 0
	}
	return a.came + time.Duration(ms)*time.Millisecond
}

// started is when this process was.
var started = time.Now()

// note notes when the arrival came, if that matters.
func (a *arrival) note() {
	if a.came == 0 && len(a.props) > 0 && uint16(a.props[0])<<8&amqp.FlagExpiration != 0 {
		a.came = time.Since(started)
	}
}
