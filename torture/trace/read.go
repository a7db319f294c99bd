package trace

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Flags are what strace must be told so that Read understands it; add the file with -o. Calls that are not needed
// are not stopped at.
var Flags = []string{"-f", "--seccomp-bpf", "-ttt", "-yy", "-xx", "-s", "16777216",
	"-e", "trace=write,writev,sendto,sendmsg,pwrite64,pwritev,pwritev2,fdatasync,exit_group"}

// Call is a system call. Calls are in the order in which they began.
type Call struct {
	Name         string
	File         string // what its first argument is open on: a path, or TCP:[local->remote]
	Data         []byte // its second argument, if that is text; the whole of it, whatever part was written
	Result       int64
	Err          string  // EIO
	Began, Ended int     // numbers of lines; Ended is 0 if it never did
	At           float64 // when it ended, in seconds since 1970
}

// OK says whether the call succeeded.
func (c *Call) OK() bool { return c.Ended > 0 && c.Err == "" }

// Trace is all that happened.
type Trace struct {
	Calls []*Call
	Ended float64 // when the last thread ended; 0 if none did
}

// Read reads a trace.
func Read(r io.Reader) (*Trace, error) {
	t := &Trace{}
	open := map[string]*Call{} // by thread
	lines := bufio.NewReaderSize(r, 1<<20)
	for n := 1; ; n++ {
		line, err := lines.ReadString('\n')
		if err == io.EOF { // half a line, too, is what a killed strace leaves
			return t, nil
		}
		if err != nil {
			return nil, err
		}
		if err := t.line(strings.TrimSuffix(line, "\n"), n, open); err != nil {
			return nil, fmt.Errorf("line %d: %w: %.200s", n, err, line)
		}
	}
}

// line reads "THREAD TIME WHAT".
func (t *Trace) line(line string, n int, open map[string]*Call) error {
	thread, rest, _ := strings.Cut(line, " ")
	time, what, ok := strings.Cut(strings.TrimLeft(rest, " "), " ")
	at, err := strconv.ParseFloat(time, 64)
	if !ok || err != nil {
		return fmt.Errorf("no time in it")
	}
	switch {
	case strings.HasPrefix(what, "+++"):
		t.Ended = at
		return nil
	case strings.HasPrefix(what, "---"): // a signal
		return nil
	case strings.HasPrefix(what, "<..."):
		c := open[thread]
		if c == nil {
			return nil // it began before strace came
		}
		delete(open, thread)
		_, args, _ := strings.Cut(what, " resumed>")
		return c.end(args, n, at)
	}
	name, args, ok := strings.Cut(what, "(")
	if !ok {
		return fmt.Errorf("no call in it")
	}
	c := &Call{Name: name, Began: n}
	t.Calls = append(t.Calls, c)
	begun, unfinished := strings.CutSuffix(args, " <unfinished ...>")
	c.arguments(begun)
	if unfinished {
		open[thread] = c
		return nil
	}
	return c.end(args, n, at)
}

// arguments reads `5</a/file>, "text", …`.
func (c *Call) arguments(args string) {
	number, rest, ok := strings.Cut(args, "<")
	if _, err := strconv.Atoi(number); err != nil || !ok {
		return
	}
	file, rest, ok := cutFile(rest)
	if !ok {
		return
	}
	c.File = string(unquote(file))
	_, rest, ok = strings.Cut(rest, `"`)
	if !ok {
		return
	}
	text, _, _ := strings.Cut(rest, `"`) // quotes within are \x22
	c.Data = unquote(text)
}

// cutFile cuts at the > that ends what a file is; the one in TCP:[a->b] does not.
func cutFile(s string) (file, rest string, ok bool) {
	if strings.HasPrefix(s, "TCP") {
		file, rest, ok = strings.Cut(s, "]>")
		return file + "]", rest, ok
	}
	return strings.Cut(s, ">")
}

// end reads `) = 7` or `) = -1 EIO (Input/output error)`.
func (c *Call) end(args string, n int, at float64) error {
	i := strings.LastIndex(args, " = ")
	if i < 0 {
		return fmt.Errorf("no result in it")
	}
	fields := strings.Fields(args[i+3:])
	if len(fields) == 0 {
		return fmt.Errorf("no result in it")
	}
	if fields[0] == "?" { // the process ended in the midst of it
		return nil
	}
	result, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil {
		return err
	}
	c.Result, c.Ended, c.At = result, n, at
	if result < 0 && len(fields) > 1 {
		c.Err = fields[1]
	}
	return nil
}

// unquote turns \x hexadecimals into what they stand for, and leaves the rest.
func unquote(s string) []byte {
	if !strings.Contains(s, `\x`) {
		return []byte(s)
	}
	b := make([]byte, 0, len(s)/4)
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) && s[i+1] == 'x' {
			b = append(b, digit(s[i+2])<<4|digit(s[i+3]))
			i += 3
			continue
		}
		b = append(b, s[i])
	}
	return b
}

func digit(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	}
	return c - '0'
}
