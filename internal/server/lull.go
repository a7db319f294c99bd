package server

import (
	"errors"
	"sync/atomic"

	"github.com/postrider-mq/postrider/internal/core"
)

// lulls let R handle what it has brought, in place of waiting for more, once it has nothing to say. It may not come back for long, or never, so any other
// goroutine may become R meanwhile.
//
//	R reads ──lends itself──► R is away ──comes back──► R reads
//	                              └─────another reads on──► that one is R; this one goes when it comes back
type lulls struct {
	core.Lull
	turn   atomic.Uint64 // odd: R is away
	readOn func()        // conn.readOn, bound once
}

// errRelieved ends a goroutine that is R no longer.
var errRelieved = errors.New("another goroutine reads")

// lend has do called. It returns errRelieved if meanwhile another goroutine has become R. One that ends in do was R for the last time, too.
func (c *conn) lend(do func(readOn func())) error {
	turn := c.lulls.turn.Add(1)
	back := false
	defer func() {
		if !back && c.lulls.turn.CompareAndSwap(turn, turn+1) {
			go c.resume()
		}
	}()
	do(c.lulls.readOn)
	back = true
	if !c.lulls.turn.CompareAndSwap(turn, turn+1) {
		return errRelieved
	}
	return nil
}

// readOn makes the calling goroutine R, if that is away.
func (c *conn) readOn() {
	if turn := c.lulls.turn.Load(); turn%2 == 1 && c.lulls.turn.CompareAndSwap(turn, turn+1) {
		c.resume()
	}
}

// resume goes on where R has gone away.
func (c *conn) resume() {
	err := c.hold()
	if err == nil {
		err = c.read()
	}
	c.end(err)
}
