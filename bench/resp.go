package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
)

// A resp is a connection that speaks Redis' protocol, as little of it as streams need.
type resp struct {
	conn net.Conn
	in   *bufio.Reader
	out  *bufio.Writer
	bulk []byte
}

func dialRedis(address string) (*resp, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return &resp{conn: conn, in: bufio.NewReaderSize(conn, streamBuffer), out: bufio.NewWriterSize(conn, streamBuffer)}, nil
}

// command adds one to what the next flush sends.
func (r *resp) command(words ...string) {
	r.head(len(words))
	for _, w := range words {
		r.word(w)
	}
}

func (r *resp) head(words int) { r.number('*', words) }

func (r *resp) word(w string) {
	r.number('$', len(w))
	r.out.WriteString(w)
	r.out.WriteString("\r\n")
}

func (r *resp) bytes(w []byte) {
	r.number('$', len(w))
	r.out.Write(w)
	r.out.WriteString("\r\n")
}

func (r *resp) number(kind byte, n int) {
	r.out.WriteByte(kind)
	r.out.Write(strconv.AppendInt(r.out.AvailableBuffer(), int64(n), 10))
	r.out.WriteString("\r\n")
}

// do is a command whose answer is waited for, and is a number or a word.
func (r *resp) do(words ...string) (string, error) {
	r.command(words...)
	if err := r.out.Flush(); err != nil {
		return "", err
	}
	b, err := r.simple()
	return string(b), err
}

// line reads the head of an answer: its kind and what follows it. It is valid until the next read.
func (r *resp) line() (kind byte, rest []byte, err error) {
	l, err := r.in.ReadSlice('\n')
	if err != nil {
		return 0, nil, err
	}
	if len(l) < 3 {
		return 0, nil, fmt.Errorf("redis answered %q", l)
	}
	if l[0] == '-' {
		return 0, nil, fmt.Errorf("redis: %s", l[1:len(l)-2])
	}
	return l[0], l[1 : len(l)-2], nil
}

// simple reads an answer that is no array. It is valid until the next read.
func (r *resp) simple() ([]byte, error) {
	kind, rest, err := r.line()
	if err != nil || kind != '$' {
		if err == nil && kind == '*' {
			err = fmt.Errorf("redis answered an array of %s", rest)
		}
		return rest, err
	}
	n, err := strconv.Atoi(string(rest))
	if err != nil {
		return nil, err
	}
	if n < 0 || n > 2*mostBody {
		return nil, fmt.Errorf("redis answered %d bytes", n)
	}
	if cap(r.bulk) < n+2 {
		r.bulk = make([]byte, n+2)
	}
	b := r.bulk[:n+2]
	_, err = io.ReadFull(r.in, b)
	return b[:n], err
}

// array reads how many elements follow.
func (r *resp) array() (int, error) {
	kind, rest, err := r.line()
	if err != nil {
		return 0, err
	}
	if kind != '*' {
		return 0, fmt.Errorf("redis answered %c%s, not an array", kind, rest)
	}
	return strconv.Atoi(string(rest))
}

func (r *resp) close() error { return r.conn.Close() }
