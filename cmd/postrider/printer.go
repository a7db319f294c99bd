package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"syscall"
	"time"
)

// printer prints messages that are acknowledged once they are printed. To a pipe a line is printed when whoever reads it has taken it, and
// no sooner is the next one written: what lies in a pipe whose reader ends, as that of head -1 does, is read by nobody.
type printer struct {
	mu   sync.Mutex
	out  io.Writer
	pipe pipe // nil: out is none
}

func newPrinter(out io.Writer) *printer {
	return &printer{out: out, pipe: pipeOf(out)}
}

// pipe is the end of a pipe that is written to.
type pipe interface {
	// state tells whether it takes more, how much lies in it, in bytes, and whether its readers have gone.
	state() (room bool, unread int, gone bool, err error)
	// taking waits so long for its readers to take something.
	taking(context.Context, time.Duration)
	// leaving waits so long for its readers to go.
	leaving(time.Duration) bool
}

// errReaderGone is why nothing more is printed.
var errReaderGone = errors.New("nobody reads stdout any more")

// maxPiece is how much a pipe that takes more takes without making its writer wait (PIPE_BUF), in bytes.
const maxPiece = 4096

// print prints a line, and returns when it has been read, or as soon as ctx ends: then it may be read later.
func (p *printer) print(ctx context.Context, line []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pipe == nil {
		_, err := p.out.Write(line)
		return ended(err)
	}
	for len(line) > 0 {
		if err := p.await(ctx, func(room bool, _ int) bool { return room }); err != nil {
			return err
		}
		n, err := p.out.Write(line[:min(len(line), maxPiece)])
		if err != nil {
			return ended(err)
		}
		line = line[n:]
	}
	return p.await(ctx, func(_ bool, unread int) bool { return unread == 0 })
}

// ended is the error of something that could not be printed.
func ended(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EPIPE):
		return fatal{errReaderGone}
	}
	return fatal{fmt.Errorf("stdout: %w", err)}
}

// nextLook is how long a reader is waited for until the pipe is looked at again.
const nextLook = 20 * time.Millisecond

// await waits until a pipe is as it should be.
func (p *printer) await(ctx context.Context, ready func(room bool, unread int) bool) error {
	for {
		over := ctx.Err() // and what has been read by then, was read
		room, unread, gone, err := p.pipe.state()
		switch {
		case err != nil:
			return ended(err)
		case ready(room, unread):
			return nil
		case gone:
			return fatal{errReaderGone}
		case over != nil:
			return over
		}
		p.pipe.taking(ctx, nextLook)
	}
}

// leftBy calls left when nobody reads any more, which is told in time to one who has nothing to write. It ends with ctx.
func (p *printer) leftBy(ctx context.Context, left func(error)) {
	for p.pipe != nil && ctx.Err() == nil {
		if p.pipe.leaving(time.Second) {
			left(errReaderGone)
			return
		}
	}
}
