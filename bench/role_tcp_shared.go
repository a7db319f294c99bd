package main

import (
	"bufio"
	"io"
	"sync"
)

// sharedEcho is echo for many callers on one connection: what came together goes back together.
type sharedEcho struct{ echo }

func (e *sharedEcho) work(<-chan struct{}) (tally, error) {
	conn, err := e.ln.Accept()
	if err != nil {
		return tally{}, err
	}
	defer conn.Close()
	a := newAudits(e.order.Body, e.order.Callers)
	in, out := bufio.NewReaderSize(conn, streamBuffer), bufio.NewWriterSize(conn, streamBuffer)
	b := make([]byte, e.order.Body)
	for {
		if in.Buffered() < len(b) {
			if err := out.Flush(); err != nil {
				return tally{}, err
			}
		}
		if _, err := io.ReadFull(in, b); err != nil {
			return tally{Messages: a.count.Load()}, unlessEnd(err)
		}
		if _, _, err := a.check(b); err != nil {
			return tally{}, err
		}
		if _, err := out.Write(b); err != nil {
			return tally{}, err
		}
	}
}

// sharedCaller is caller for many goroutines that share a connection, with as little as that takes: a goroutine writes what they have put
// together meanwhile, another reads the answers and wakes whom each is for. A message says itself whose it is.
type sharedCaller struct {
	caller
	wake    chan struct{} // one place
	answers []chan []byte // by caller; closed when no more come

	mu  sync.Mutex
	out []byte
}

func (c *sharedCaller) work(<-chan struct{}) (tally, error) {
	defer c.conn.Close()
	c.wake = make(chan struct{}, 1)
	defer close(c.wake)
	c.answers = make([]chan []byte, c.order.Callers)
	for i := range c.answers {
		c.answers[i] = make(chan []byte, 1)
	}
	go c.write()
	go c.read()
	return ask(c.order, func(who int) (trip, error) {
		return func(body []byte) ([]byte, error) {
			c.mu.Lock()
			c.out = append(c.out, body...)
			c.mu.Unlock()
			select {
			case c.wake <- struct{}{}:
			default:
			}
			answer, ok := <-c.answers[who]
			if !ok {
				return nil, errStopped
			}
			return answer, nil
		}, nil
	})
}

func (c *sharedCaller) write() {
	var b []byte
	for range c.wake {
		c.mu.Lock()
		b, c.out = c.out, b[:0]
		c.mu.Unlock()
		if _, err := c.conn.Write(b); err != nil {
			return // the reader says so
		}
	}
}

func (c *sharedCaller) read() {
	defer func() {
		for _, a := range c.answers {
			close(a)
		}
	}()
	in := bufio.NewReaderSize(c.conn, streamBuffer)
	for {
		b := make([]byte, c.order.Body)
		if _, err := io.ReadFull(in, b); err != nil {
			return
		}
		number, _, _, err := readBody(b, len(b))
		if err != nil || number>>ownPart >= uint64(len(c.answers)) {
			return
		}
		c.answers[number>>ownPart] <- b
	}
}
