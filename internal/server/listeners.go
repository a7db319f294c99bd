package server

import (
	"cmp"
	"crypto/x509"
	"net"
	"slices"
	"strings"
)

// Listener is where something listens, and for what.
type Listener struct {
	Protocol    string // "amqp" and "amqp/ssl" are the server's; others as who told of them calls them
	Addr        net.Addr
	Certificate func() *x509.Certificate // that is shown to who connects; nil: none is
}

// Listens tells of a listener of the same program: one that is not the server's, or that the server serves and not for plain AMQP.
func (s *Server) Listens(l Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.told == nil {
		s.told = make(map[string]Listener)
	}
	s.told[l.Addr.String()] = l
}

// Listeners are all that are open, by protocol.
func (s *Server) Listeners() (all []Listener) {
	s.mu.Lock()
	for _, l := range s.told {
		all = append(all, l)
	}
	for ln := range s.listeners {
		if _, told := s.told[ln.Addr().String()]; !told {
			all = append(all, Listener{Protocol: "amqp", Addr: ln.Addr()})
		}
	}
	s.mu.Unlock()
	slices.SortFunc(all, func(a, b Listener) int {
		return cmp.Or(strings.Compare(a.Protocol, b.Protocol), strings.Compare(a.Addr.String(), b.Addr.String()))
	})
	return all
}

// InService says whether clients are served, and not asked to go.
func (s *Server) InService() bool { return !s.isClosing() }
