package server

import (
	"context"
	"sync"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/access"
	"github.com/postrider-mq/postrider/internal/core"
	"github.com/postrider-mq/postrider/internal/session"
)

// orders are what others ask of R, which alone may touch a connection. They
// wake it by ending its read.
type orders struct {
	mu    sync.Mutex
	given errands
	came  chan struct{} // one place: for R where it waits for the broker
	until time.Time     // how long R's read may take when there are no orders; zero = for ever
}

// errands are what is to be done; the zero value is nothing.
type errands struct {
	close   *amqp.Error // to be said, and the connection closed; nil: no
	recheck bool        // what the user may do has changed
	overdue bool        // a delivery waits for its acknowledgement for too long
	leaving bool        // the client is to know that this process will end
}

// dismiss asks R to close the connection, saying why.
func (c *conn) dismiss(why *amqp.Error) {
	c.orders.mu.Lock()
	defer c.orders.mu.Unlock()
	c.orders.given.close = why
	c.wakeReader()
}

// reconsider asks R to look again at what the user may do.
func (c *conn) reconsider() {
	c.orders.mu.Lock()
	defer c.orders.mu.Unlock()
	c.orders.given.recheck = true
	c.wakeReader()
}

// endOverdue asks R to close the channels whose deliveries wait for too long.
func (c *conn) endOverdue() {
	c.orders.mu.Lock()
	defer c.orders.mu.Unlock()
	c.orders.given.overdue = true
	c.wakeReader()
}

// leave asks R to tell the client that it should publish no more.
func (c *conn) leave() {
	c.orders.mu.Lock()
	defer c.orders.mu.Unlock()
	c.orders.given.leaving = true
	c.wakeReader()
}

// sayLeaving tells the client, if it understands.
func (c *conn) sayLeaving() {
	if c.client == nil || !c.session.Peer().Has("connection.blocked") {
		return
	}
	_ = c.reply(0, &amqp.ConnectionBlocked{Reason: session.Leaving}) // which is short enough
}

// wakeReader ends R's read, or what it waits for. The caller holds orders.mu.
func (c *conn) wakeReader() {
	c.net.SetReadDeadline(time.Unix(1, 0))
	select {
	case c.orders.came <- struct{}{}:
	default:
	}
}

// listenUntil sets how long the next read may take; the zero time is for ever.
// Orders go before it.
func (c *conn) listenUntil(deadline time.Time) {
	c.orders.mu.Lock()
	defer c.orders.mu.Unlock()
	c.orders.until = deadline
	if c.orders.given == (errands{}) {
		c.net.SetReadDeadline(deadline)
	}
}

// obey carries out the orders for which the read ended; false if there are
// none, or nothing is left to read for.
func (c *conn) obey() bool {
	given := c.takeOrders()
	if given == (errands{}) {
		return false
	}
	c.burst.Begin(c.core.Now())
	if given.close != nil {
		c.fail(0, given.close)
		return !c.session.Closed()
	}
	if given.recheck && c.client != nil && !c.session.Closed() {
		c.recheck()
	}
	if given.overdue {
		c.closeOverdue()
	}
	if given.leaving && !c.session.Closed() {
		c.sayLeaving()
	}
	return !c.session.Closed()
}

func (c *conn) takeOrders() errands {
	c.orders.mu.Lock()
	defer c.orders.mu.Unlock()
	given := c.orders.given
	c.orders.given = errands{}
	c.net.SetReadDeadline(c.orders.until)
	return given
}

// recheck ends what the user may do no longer: the connection if he is gone or
// may not use its virtual host, a channel that consumes from a queue that he
// may not read. What he does next is asked for when he does it.
func (c *conn) recheck() {
	permit := c.permitted()
	switch {
	case !permit.Exists():
		c.fail(0, userDeleted(permit.User))
		return
	case !permit.Enters():
		c.fail(0, noEntry(permit))
		return
	}
	for n, ch := range c.channels {
		if ch == nil {
			continue
		}
		if queue, ok := ch.consumesIllicitly(permit); ok {
			refused := refusedTo(permit, queueNamed, queue)
			_ = c.failed(uint16(n), refused) // a channel's: the connection goes on
		}
	}
}

func userDeleted(name string) *amqp.Error {
	return amqp.Errorf(amqp.ConnectionForced, "user '%s' is deleted", name)
}

func noEntry(p *access.Permit) *amqp.Error {
	return amqp.Errorf(amqp.NotAllowed, "access to vhost '%s' refused for user '%s'", p.VHost, p.User)
}

// consumesIllicitly finds a queue that the channel consumes from and may not.
func (ch *channel) consumesIllicitly(permit *access.Permit) (queue string, found bool) {
	if _, confined := permit.Confined(); confined || permit.Everything() {
		return "", false
	}
	ch.conn.out.mu.Lock()
	defer ch.conn.out.mu.Unlock()
	for _, consumer := range ch.consumers {
		if !permit.May(access.Read, consumer.Queue.Name) {
			return consumer.Queue.Name, true
		}
	}
	return "", false
}

// userChanged is called when what a user may do has changed.
func (s *Server) userChanged(name string) {
	for _, c := range s.all() {
		if about := c.about.Load(); about != nil && about.User == name {
			c.reconsider()
		}
	}
}

// DeleteVHost deletes a virtual host with all that is in it, and closes its
// connections; false if there is none. ctx bounds the wait for the disk. Errors: of the journal; ctx's, when all that is done.
func (s *Server) DeleteVHost(ctx context.Context, v *core.VHost) (bool, error) {
	was, err := s.cfg.Core.DeleteVHost(ctx, v.Name)
	if !was {
		return false, err
	}
	s.cfg.Access.Users().ForgetVHost(v.Name)
	gone := amqp.Errorf(amqp.ConnectionForced, "vhost '%s' is deleted", v.Name)
	for _, c := range s.all() {
		if about := c.about.Load(); about != nil && about.vhost == v {
			c.dismiss(gone)
		}
	}
	return true, err
}
