package server

import (
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/postrider-mq/postrider/internal/socket"
)

// mayHaveFile asks whether a connection's socket is one of those that clients may have. What is beyond is for the journal, which fails
// clients that are there when it cannot open a file, and for who wants to know what goes on.
func (s *Server) mayHaveFile(nc net.Conn) error {
	if s.cfg.Files == 0 {
		return nil
	}
	number, ok := socket.Number(nc)
	if !ok || uint64(number) < s.cfg.Files || uint64(number) < s.cfg.FewFiles && s.Clients() < s.cfg.Few {
		return nil
	}
	return fmt.Errorf("%d files are open, and the rest is not for clients: close connections, or raise the limit, as with ulimit -n or LimitNOFILE", s.cfg.Files)
}

// Clients is how many connections there are, of who has not logged in yet, too.
func (s *Server) Clients() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// complaint is about what would fill the log: it is made once, and then at most every so often. The zero value is ready.
type complaint struct {
	mu      sync.Mutex
	again   time.Time
	unheard int // since it was made last
}

const complainAgain = 10 * time.Second

// due reports whether it is to be made at now, and how often it was not since the last time.
func (c *complaint) due(now time.Time) (unheard int, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Before(c.again) {
		c.unheard++
		return 0, false
	}
	unheard, c.unheard = c.unheard, 0
	c.again = now.Add(complainAgain)
	return unheard, true
}
