package main

import (
	"bufio"
	"errors"
	"io"
	"net"
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
type echo struct{ ln net.Listener }

func (e *echo) prepare(order) (address string, err error) {
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
	var a audit
	b := make([]byte, bodySize)
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
	watch := newStopwatch(c.order)
	question, answer := make([]byte, bodySize), make([]byte, bodySize)
	var a audit
	for last := false; !last; {
		t := now()
		last = watch.tick(t)
		writeBody(question, a.count, t, last)
		if _, err := c.conn.Write(question); err != nil {
			return tally{}, err
		}
		if _, err := io.ReadFull(c.conn, answer); err != nil {
			return tally{}, err
		}
		watch.took(now() - t)
		watch.sent()
		if _, _, err := a.check(answer); err != nil {
			return tally{}, err
		}
	}
	return watch.stop()
}

// streamBuffer is what source and sink give to the socket at a time.
const streamBuffer = 64 << 10

// sink reads a stream of messages to its end.
type sink struct{ ln net.Listener }

func (s *sink) prepare(order) (address string, err error) {
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
	arrivals := newArrivals()
	in := bufio.NewReaderSize(conn, streamBuffer)
	b := make([]byte, bodySize)
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

// source writes messages: many at once at full speed, each by itself at a rate.
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
	var to io.Writer = out
	if s.order.Rate > 0 {
		to = s.conn
	}
	watch := newStopwatch(s.order)
	err := stream(newPace(s.order.Rate), watch, func(b []byte) error {
		_, err := to.Write(b)
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
