package main

import (
	"crypto/tls"
	"net"
	"net/http"
	"slices"
	"sync"

	"github.com/postrider-mq/postrider/internal/machine"
)

// visits bounds the connections of an HTTP server: each takes one of the files that the process may open, of whoever can reach the port. One too many
// ends the one that has been there longest, of those that are between two requests if there are any. So who asks and goes is not kept out by who
// only stays.
type visits struct {
	most int

	mu    sync.Mutex
	there []visit // in the order in which they came
}

type visit struct {
	conn net.Conn
	idle bool
}

const (
	leastVisits = 8
	mostVisits  = 64
)

// visitsOf are as many as there may be when the process may open so many files; 0: that is not known.
func visitsOf(files uint64) int {
	if files == 0 {
		return mostVisits
	}
	return int(min(max(files/32, leastVisits), mostVisits))
}

func newVisits() *visits { return &visits{most: visitsOf(machine.OpenFiles())} }

// see is http.Server's ConnState.
func (v *visits) see(c net.Conn, s http.ConnState) {
	v.mu.Lock()
	defer v.mu.Unlock()
	i := slices.IndexFunc(v.there, func(w visit) bool { return w.conn == c })
	switch {
	case s == http.StateNew:
		v.there = append(v.there, visit{c, false})
		if len(v.there) > v.most {
			v.end(max(0, slices.IndexFunc(v.there, func(w visit) bool { return w.idle })))
		}
	case i < 0: // it was one too many
	case s == http.StateClosed || s == http.StateHijacked:
		v.there = slices.Delete(v.there, i, i+1)
	default:
		v.there[i].idle = s == http.StateIdle
	}
}

// end cuts off one. The caller holds mu.
func (v *visits) end(i int) {
	c := v.there[i].conn
	v.there = slices.Delete(v.there, i, i+1)
	if t, is := c.(*tls.Conn); is { // whose goodbye may have to wait
		c = t.NetConn()
	}
	_ = c.Close()
}
