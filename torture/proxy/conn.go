package proxy

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// conn is one connection through the proxy. Each direction is owned by a goroutine.
type conn struct {
	proxy *Proxy
	faults
	sides [2]*net.TCPConn // where each direction leads to

	hurt atomic.Bool // its fault has happened
	once sync.Once
	over chan struct{}
}

func (c *conn) run(target string) {
	switch {
	case c.piece > 0:
		c.proxy.happened("split")
	case c.late > 0:
		c.proxy.happened("delayed")
	}
	var said chan []byte
	var double sync.WaitGroup
	if c.double {
		said = make(chan []byte, 1024)
		double.Go(func() { c.sayAgain(target, said) })
	}
	var both sync.WaitGroup
	both.Go(func() { c.pump(toServer, said) })
	both.Go(func() { c.pump(toClient, nil) })
	both.Wait()
	c.end()
	double.Wait()
}

// end closes both sides.
func (c *conn) end() {
	c.once.Do(func() {
		close(c.over)
		for _, side := range c.sides {
			if c.rude {
				_ = side.SetLinger(0)
			}
			side.Close()
		}
	})
}

// pump passes on what comes in one direction until it ends, or its fault happens.
func (c *conn) pump(direction int, said chan<- []byte) {
	if said != nil {
		defer close(said)
	}
	from, to := c.sides[1-direction], c.sides[direction]
	buf := make([]byte, 16<<10)
	passed := 0
	for {
		n, err := from.Read(buf)
		if err != nil {
			c.ended(direction)
			return
		}
		b, cut := buf[:n], false
		if at := c.cut[direction]; at >= 0 && passed+n > at {
			b, cut = b[:max(0, at-passed)], true
		}
		if at := c.stall[direction]; at >= 0 && passed+len(b) > at {
			c.proxy.happened("stalled")
			c.stall[direction] = -1
			c.pause(c.rest)
		}
		if !c.write(to, b) {
			c.ended(direction)
			return
		}
		passed += n
		if said != nil && len(b) > 0 {
			said = keep(said, b)
		}
		if cut {
			c.hurtAt(direction)
			return
		}
	}
}

// keep has b said once more; beyond a bound nothing more is.
func keep(said chan<- []byte, b []byte) chan<- []byte {
	select {
	case said <- append([]byte(nil), b...):
		return said
	default:
		return nil
	}
}

// write passes bytes on, as slowly and in such pieces as the faults say.
func (c *conn) write(to *net.TCPConn, b []byte) bool {
	for small := 0; len(b) > 0; small++ {
		n := len(b)
		if c.piece > 0 && small < 500 {
			n = min(n, c.piece)
		}
		if c.late > 0 && small == 0 {
			c.pause(c.late)
		}
		if _, err := to.Write(b[:n]); err != nil {
			return false
		}
		b = b[n:]
	}
	return true
}

func (c *conn) pause(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-c.over:
	}
}

// hurtAt is the fault after so many bytes: a cut, or silence that a cut ends.
func (c *conn) hurtAt(direction int) {
	if !c.hurt.Swap(true) && !c.silent[direction] {
		c.proxy.happened("cut")
	} else if c.silent[direction] {
		c.proxy.happened("silent")
		c.pause(c.rest)
	}
	c.end()
}

// ended is what happens when the side that one direction comes from has closed: the other may not see that for a while, and what it says
// goes nowhere.
func (c *conn) ended(direction int) {
	select {
	case <-c.over:
		return
	default:
	}
	if c.lingers > 0 && !c.hurt.Swap(true) {
		c.proxy.happened("lingering")
		c.pause(c.lingers)
	}
	c.end()
}

// sayAgain opens a second connection to the target and says there what was said on the first, with patience for a handshake.
func (c *conn) sayAgain(target string, said <-chan []byte) {
	again, err := net.DialTimeout("tcp", target, time.Second)
	if err != nil {
		drain(said)
		return
	}
	c.proxy.happened("doubled")
	defer again.Close()
	heard := make(chan struct{}, 1)
	var reading sync.WaitGroup
	defer reading.Wait()
	defer again.Close()
	reading.Go(func() {
		for buf := make([]byte, 4<<10); ; {
			if _, err := again.Read(buf); err != nil {
				return
			}
			select {
			case heard <- struct{}{}:
			default:
			}
		}
	})
	answered := func() {
		t := time.NewTimer(100 * time.Millisecond)
		defer t.Stop()
		select {
		case <-heard:
		case <-t.C:
		}
	}
	turn := 0
	for b := range said {
		if _, err := again.Write(b); err != nil {
			break
		}
		if turn++; turn < 8 {
			answered()
		}
	}
	drain(said)
	answered()
}

func drain(said <-chan []byte) {
	for range said {
	}
}
