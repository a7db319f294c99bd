package server

import (
	"errors"
	"net"
	"net/netip"
	"sync"

	"github.com/postrider-mq/postrider/internal/access"
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

// doors counts the connections that have not logged in, in all and by address, of IPv6 by network,
// so that strangers cannot use up what members need. The zero value is ready.
type doors struct {
	mu     sync.Mutex
	all    int
	byHost map[netip.Addr]int
}

func (d *doors) enter(addr net.Addr) error {
	host := hostOf(addr)
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.all >= maxStrangers:
		return errTooManyStrangers
	case d.byHost[host] >= maxStrangersAddress && !host.IsLoopback():
		return errTooManyFromThere
	}
	if d.byHost == nil {
		d.byHost = map[netip.Addr]int{}
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

// hostOf is whom an address counts for; the zero Addr stands for all that are none of IP.
func hostOf(addr net.Addr) netip.Addr {
	at, _ := netip.ParseAddrPort(addr.String())
	return access.HostOf(at.Addr())
}
