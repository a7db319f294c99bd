package server

import "errors"

// R may handle what it has brought, in place of waiting for more, once it has nothing to say: see link.Seat.

// errRelieved ends a goroutine that is R no longer.
var errRelieved = errors.New("another goroutine reads")

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
