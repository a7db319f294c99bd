package server

import "errors"

// R may handle what it has brought, in place of waiting for more, once it has nothing to say: see link.Seat.

// errRelieved ends a goroutine that is R no longer.
var errRelieved = errors.New("another goroutine reads")

// lend has do called. It returns errRelieved if meanwhile another goroutine has become R. One that ends in do was R for the last time, too.
func (c *conn) lend(do func(readOn func())) error {
	if !c.seat.Lend(do, c.relieve) {
		return errRelieved
	}
	return nil
}

// readOn makes the calling goroutine R, if that is away.
func (c *conn) readOn() {
	if c.seat.Take() {
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
