//go:build linux

package main

import (
	"context"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// linuxPipe is a pipe of a system that tells what lies in it.
type linuxPipe struct {
	conn  syscall.RawConn
	small bool // it takes something when it is empty, and not before
}

// pipeOf is nil for all that is no pipe.
func pipeOf(out io.Writer) pipe {
	f, ok := out.(*os.File)
	if !ok {
		return nil
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&fs.ModeNamedPipe == 0 {
		return nil
	}
	conn, err := f.SyscallConn()
	if err != nil {
		return nil
	}
	// A write to a pipe that nobody reads is an error, and does not end the process before it has given back what it has.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	p := &linuxPipe{conn: conn}
	err = conn.Control(func(fd uintptr) {
		size, err := unix.FcntlInt(fd, unix.F_SETPIPE_SZ, os.Getpagesize())
		p.small = err == nil && size == os.Getpagesize()
	})
	p.small = p.small && err == nil
	return p
}

// state asks who is there first: what is unread then, stays so if nobody is.
func (p *linuxPipe) state() (room bool, unread int, gone bool, err error) {
	room, gone = p.poll(unix.POLLOUT, 0)
	if failed := p.conn.Control(func(fd uintptr) { unread, err = unix.IoctlGetInt(int(fd), unix.TIOCINQ) }); failed != nil {
		err = failed
	}
	return room, unread, gone, err
}

func (p *linuxPipe) taking(ctx context.Context, within time.Duration) {
	if p.small {
		p.poll(unix.POLLOUT, within)
	} else {
		wait(ctx, time.Millisecond)
	}
}

func (p *linuxPipe) leaving(within time.Duration) bool {
	_, gone := p.poll(0, within)
	return gone
}

func (p *linuxPipe) poll(events int16, within time.Duration) (room, gone bool) {
	var polled [1]unix.PollFd
	err := p.conn.Control(func(fd uintptr) {
		polled[0] = unix.PollFd{Fd: int32(fd), Events: events}
		if _, err := unix.Poll(polled[:], int(within.Milliseconds())); err != nil { // a signal came
			polled[0].Revents = 0
		}
	})
	what := polled[0].Revents
	return what&unix.POLLOUT != 0, err != nil || what&(unix.POLLERR|unix.POLLHUP|unix.POLLNVAL) != 0
}
