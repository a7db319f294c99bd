package server

import (
	"errors"
	"sync"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/core"
)

// successions know the connections of clients that connect again, so that one that is dead, which only its client knows, ends with the next
// one's beginning and not with its heartbeats: what it had goes back to the queues before its successor can ask for anything. So deliveries to such a
// client keep their order.
type successions struct {
	mu     sync.Mutex
	latest map[heir]*conn
}

// An heir is whoever a connection of this name, user and virtual host leaves its place to.
type heir struct{ user, vhost, name string }

// place is a connection's own in a succession.
type place struct {
	heir
	turn int64
	over chan struct{} // closed when it has let go of all that it held
}

// errSucceeded ends a connection whose client has another one.
var errSucceeded = errors.New("its client has connected again")

// succeed puts the connection into the place of its client's former one, if there is that still, and waits for its end: as long as a handshake
// may take at most, though nothing is known that would keep it.
func (c *conn) succeed(vhost *core.VHost) error {
	s := c.session.Peer().Succession()
	if s.Name == "" {
		return nil
	}
	c.place = &place{heir{c.user.Name, vhost.Name, s.Name}, s.Turn, make(chan struct{})}
	former, late := c.server.successions.enter(c)
	if late {
		c.place = nil
		return amqp.Errorf(amqp.ConnectionForced, "the client has connected again meanwhile")
	}
	if former != nil {
		former.link.Close(errSucceeded)
		c.await(former.place.over)
	}
	return nil
}

func (c *conn) await(over <-chan struct{}) {
	if c.yield != nil {
		for c.ctx.Err() == nil {
			select {
			case <-over:
				return
			default:
				c.yield()
			}
		}
		return
	}
	patience := time.NewTimer(c.server.cfg.Handshake)
	defer patience.Stop()
	select {
	case <-over:
	case <-patience.C:
		c.log.Warn("the client's former connection does not end")
	}
}

// enter returns the connection that c succeeds, or nil; late says that c has been succeeded itself.
func (s *successions) enter(c *conn) (former *conn, late bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	former = s.latest[c.place.heir]
	if former != nil && former.place.turn >= c.place.turn {
		return nil, true
	}
	s.latest[c.place.heir] = c
	return former, false
}

// leave is for a connection that has let go of all.
func (s *successions) leave(c *conn) {
	if c.place == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.latest[c.place.heir] == c {
		delete(s.latest, c.place.heir)
	}
	close(c.place.over)
}
