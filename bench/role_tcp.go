package main

import (
	"bufio"
	"errors"
	"io"
	"net"

	"github.com/postrider-mq/postrider/internal/measure"
)

// listenLocal is how every server here listens.
func listenLocal() (net.Listener, string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	return ln, ln.Addr().String(), nil
}

// echo sends back what it gets, message by message.
type echo struct {
	order order
	ln    net.Listener
}

func (e *echo) prepare(o order) (address string, err error) {
	e.order = o
	e.ln, address, err = listenLocal()
	return address, err
}

func (e *echo) close() error { return e.ln.Close() }

func (e *echo) work(<-chan struct{}) (tally, error) {
	conn, err := e.ln.Accept()
	if err != nil {
		return tally{}, err
	}
	defer conn.Close()
	a := audit{size: e.order.Body}
	b := make([]byte, e.order.Body)
	for {
		if _, err := io.ReadFull(conn, b); err != nil {
			return tally{Messages: a.count}, unlessEnd(err)
		}
		if _, _, err := a.check(b); err != nil {
			return tally{}, err
		}
		if _, err := conn.Write(b); err != nil {
			return tally{}, err
		}
	}
}

func unlessEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// caller asks an echo and waits for the answer, again and again.
type caller struct {
	order order
	conn  net.Conn
}

func (c *caller) prepare(o order) (_ string, err error) {
	c.order = o
	c.conn, err = net.Dial("tcp", o.Address)
	return "", err
}

func (c *caller) close() error { return nil }

func (c *caller) work(<-chan struct{}) (tally, error) {
	defer c.conn.Close()
	answer := make([]byte, c.order.Body)
	return ask(c.order, func(int) (trip, error) {
		return func(body []byte) ([]byte, error) {
			if _, err := c.conn.Write(body); err != nil {
				return nil, err
			}
			_, err := io.ReadFull(c.conn, answer)
			return answer, err
		}, nil
	})
}

// streamBuffer is what source and sink give to the socket at a time.
const streamBuffer = 64 << 10

// sink reads a stream of messages to its end.
type sink struct {
	order order
	ln    net.Listener
}

func (s *sink) prepare(o order) (address string, err error) {
	s.order = o
	s.ln, address, err = listenLocal()
	return address, err
}

func (s *sink) close() error { return s.ln.Close() }

func (s *sink) work(<-chan struct{}) (tally, error) {
	conn, err := s.ln.Accept()
	if err != nil {
		return tally{}, err
	}
	defer conn.Close()
	arrivals := newArrivals(s.order)
	in := bufio.NewReaderSize(conn, streamBuffer)
	b := make([]byte, s.order.Body)
	for {
		if _, err := io.ReadFull(in, b); err != nil {
			return tally{}, err
		}
		last, err := arrivals.add(b)
		if err != nil {
			return tally{}, err
		}
		if last {
			return arrivals.stop()
		}
	}
}

// source writes messages: many at once at full speed, and at a rate what is due.
type source struct {
	order order
	conn  net.Conn
}

func (s *source) prepare(o order) (_ string, err error) {
	s.order = o
	s.conn, err = net.Dial("tcp", o.Address)
	return "", err
}

func (s *source) close() error { return s.conn.Close() }

func (s *source) work(<-chan struct{}) (tally, error) {
	out := bufio.NewWriterSize(s.conn, streamBuffer)
	watch := newStopwatch(s.order)
	pace := measure.NewPace(float64(s.order.Rate))
	pace.Idle = out.Flush
	err := stream(s.order, pace, watch, func(b []byte) error {
		_, err := out.Write(b)
		return err
	})
	if err != nil {
		return tally{}, err
	}
	if err := out.Flush(); err != nil {
		return tally{}, err
	}
	return watch.stop()
}
