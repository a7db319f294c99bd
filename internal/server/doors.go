package server

import (
	"errors"
	"net"
	"sync"
)

// How many connections may be on their way through the handshake.
const (
	maxStrangers        = 1024
	maxStrangersAddress = 32
)

var (
	errTooManyStrangers = errors.New("1024 connections are waiting to log in already")
	errTooManyFromThere = errors.New("32 connections from this address are waiting to log in already")
)

// doors counts the connections that have not logged in, in all and by address,
// so that strangers cannot use up what members need. The zero value is ready.
type doors struct {
	mu     sync.Mutex
	all    int
	byHost map[string]int
}

func (d *doors) enter(addr net.Addr) error {
	host := hostOf(addr)
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.all >= maxStrangers:
		return errTooManyStrangers
	case d.byHost[host] >= maxStrangersAddress && !isLoopback(addr):
		return errTooManyFromThere
	}
	if d.byHost == nil {
		d.byHost = map[string]int{}
	}
	d.all++
	d.byHost[host]++
	return nil
}

// leave is called once for each enter: after the login, or at the end.
func (d *doors) leave(addr net.Addr) {
	host := hostOf(addr)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all--
	if d.byHost[host]--; d.byHost[host] <= 0 {
		delete(d.byHost, host)
	}
}

func hostOf(addr net.Addr) string {
	host, _, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String()
	}
	return host
}

func isLoopback(addr net.Addr) bool {
	ip := net.ParseIP(hostOf(addr))
	return ip != nil && ip.IsLoopback()
}
