package behaviour

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// Faults make a network bad, under a seed: connections that are refused, that break at any byte, that stand still for a while or
// for ever, that are slow, that bring a few bytes at a time, and that live on at the other side, beside a new one, after they were given up at this one.
type Faults struct {
	dial func(ctx context.Context, network, address string) (net.Conn, error)

	mu     sync.Mutex
	random *rand.Rand
	healed bool
	open   map[*badConn]struct{}
	count  map[string]int
}

// NewFaults returns the faults of a seed on top of a network.
func NewFaults(seed uint64, dial func(ctx context.Context, network, address string) (net.Conn, error)) *Faults {
	return &Faults{dial: dial, random: rand.New(rand.NewPCG(seed, 0)), open: map[*badConn]struct{}{}, count: map[string]int{}}
}

// Heal ends all faults: connections that have one break, new ones have none.
func (f *Faults) Heal() {
	f.mu.Lock()
	f.healed = true
	open := f.open
	f.open = map[*badConn]struct{}{}
	f.mu.Unlock()
	for c := range open {
		c.Conn.Close()
	}
}

// Count returns how often each fault happened, and all together.
func (f *Faults) Count() (each map[string]int, all int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	each = map[string]int{}
	for what, n := range f.count {
		each[what] = n
		all += n
	}
	return each, all
}

func (f *Faults) happened(what string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count[what]++
}

var errFault = errors.New("a fault")

// Dial connects, with a fault to come.
func (f *Faults) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	f.mu.Lock()
	healed, refused := f.healed, f.random.IntN(10) == 0
	plan := badConn{faults: f}
	plan.left[0], plan.left[1] = f.bytes(), f.bytes()
	plan.silent = f.random.IntN(4) == 0
	plan.lingers = f.random.IntN(4) == 0
	plan.late = time.Duration(f.random.IntN(5)) * 20 * time.Millisecond
	if f.random.IntN(5) == 0 {
		plan.late, plan.piece = 0, 1+f.random.IntN(9)
	}
	f.mu.Unlock()
	if healed {
		return f.dial(ctx, network, address)
	}
	if refused {
		f.happened("refused")
		return nil, errFault
	}
	c, err := f.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	plan.Conn = c
	switch {
	case plan.piece > 0:
		f.happened("split")
	case plan.late > 0:
		f.happened("slow")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.healed {
		f.open[&plan] = struct{}{}
	}
	return &plan, nil
}

// bytes is how many pass before something happens: sometimes the handshake does not come to its end. The caller holds mu.
func (f *Faults) bytes() int {
	if f.random.IntN(5) == 0 {
		return f.random.IntN(600)
	}
	return 400 + f.random.IntN(20_000)
}

// badConn is a connection with a fault: after so many bytes in one direction it breaks, or says nothing more.
type badConn struct {
	net.Conn
	faults  *Faults
	silent  bool          // it says nothing more, in place of breaking
	lingers bool          // closed here, it lives on at the other side for a while
	late    time.Duration // before each read
	piece   int           // a read brings no more bytes than that; 0: all that there are

	mu     sync.Mutex
	left   [2]int // bytes to read and to write
	over   bool
	closed bool
}

// take counts bytes before they pass, and says how many of them may.
func (c *badConn) take(direction, n int) (allowed int, over bool) {
	c.mu.Lock()
	if c.over {
		c.mu.Unlock()
		return 0, true
	}
	allowed = min(n, c.left[direction])
	c.left[direction] -= allowed
	c.over = allowed < n
	over = c.over
	c.mu.Unlock()
	if over && c.silent {
		c.faults.happened("silent")
	} else if over {
		c.faults.happened("cut")
	}
	return allowed, over
}

func (c *badConn) Read(b []byte) (int, error) {
	if c.late > 0 {
		time.Sleep(c.late)
	}
	if c.piece > 0 {
		b = b[:min(len(b), c.piece)]
	}
	for {
		n, err := c.Conn.Read(b)
		n, over := c.take(0, n)
		switch {
		case !over || err != nil:
			return n, err
		case !c.silent:
			c.Conn.Close()
			return 0, io.ErrUnexpectedEOF
		}
		// What the other side says from now on is not heard.
	}
}

func (c *badConn) Write(b []byte) (int, error) {
	allowed, over := c.take(1, len(b))
	n, err := c.Conn.Write(b[:allowed])
	if err == nil && over {
		if c.silent {
			return len(b), nil // nobody reads it, and nobody says so
		}
		c.Conn.Close()
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// Close closes the connection here at once. There it may take a while until that is seen.
func (c *badConn) Close() error {
	c.mu.Lock()
	first := !c.closed
	c.closed = true
	c.mu.Unlock()
	if !first {
		return nil
	}
	c.faults.mu.Lock()
	_, bad := c.faults.open[c]
	delete(c.faults.open, c)
	c.faults.mu.Unlock()
	if c.lingers && bad {
		c.faults.happened("lingering")
		_ = c.SetReadDeadline(time.Now()) // who reads here, or writes, is done
		_ = c.SetWriteDeadline(time.Now())
		time.AfterFunc(3*time.Second, func() { c.Conn.Close() })
		return nil
	}
	return c.Conn.Close()
}
