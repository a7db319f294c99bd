package server

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/core"
	"github.com/postrider-mq/postrider/internal/journal"
)

// waits reports whether a frame is to wait until the broker is low on nothing: a publish, as it begins. What is before it is done.
func (c *conn) waits(f amqp.Frame) bool {
	return f.Type == amqp.FrameMethod && len(f.Payload) >= 4 && amqp.MethodID(binary.BigEndian.Uint32(f.Payload)) == amqp.BasicPublishID &&
		c.session.ChannelOpen(f.Channel)
}

// mayGoOn says whether a frame may add to a message that is begun, of which a connection may have as much as one message may be at most, in all of its
// channels, while the broker is low on memory. More is an error: to wait would keep the memory that everybody waits for.
func (c *conn) mayGoOn(f amqp.Frame) error {
	if f.Type != amqp.FrameBody || c.core.Shortage()&core.LowOnMemory == 0 || c.session.Closing() {
		return nil
	}
	if begun, most := c.session.Begun(), c.server.cfg.Limits.MaxMessage; begun > most {
		return amqp.Errorf(amqp.ResourceError, "the broker is low on memory, and this connection has begun messages of %d bytes, where %d are allowed then: send fewer large ones at a time",
			begun, most)
	}
	return nil
}

// slowDown has a connection that published, or is about to, wait: for the disk, when much is on
// its way to it, as long as the broker is low on memory or disk, and for consumers who are quick. It is not read
// meanwhile. One that only consumes is never kept waiting, but for the disk when it made dead letters:
// they are as much in its way as what is published, and what the connection settles later is behind them.
func (c *conn) slowDown() error {
	switch {
	case c.published || c.held:
	case c.burst.Buried():
		return c.awaitDisk(c.core.Behind())
	default:
		return nil
	}
	c.published = false
	if pace := c.server.cfg.Pace; pace != nil && c.packed {
		c.packed = false
		pace()
	}
	if why := c.core.Shortage(); why != 0 {
		if err := c.block(why); err != nil {
			return err
		}
	}
	if q, n := c.burst.Crowded(); q != nil && !c.consumes && c.yield == nil {
		q.KeepStep(n, c.ctx.Done())
	}
	return c.awaitDisk(c.core.Behind())
}

// awaitDisk waits until what the disk is behind with is there. The error is io.EOF when the client leaves meanwhile.
func (c *conn) awaitDisk(behind journal.LSN) error {
	for behind != 0 {
		ctx, cancel := context.WithTimeout(c.ctx, lookFor)
		err := c.core.AwaitDurable(ctx, behind)
		cancel()
		if c.ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		if c.left() {
			return io.EOF
		}
	}
	return nil
}

// block tells the client, if it understands, and waits.
//
// "Connections that only consume are not blocked by resource alarms; deliveries
// to them continue as usual."
func (c *conn) block(why core.Shortage) error {
	c.log.Warn("connection blocked: it publishes, and the broker is " + why.String())
	told := c.session.Peer().Has("connection.blocked")
	if told {
		if err := c.reply(0, &amqp.ConnectionBlocked{Reason: why.String()}); err != nil {
			return err
		}
		c.link.Wake()
	}
	c.waiting.Store(true)
	defer c.waiting.Store(false)
	if relieved, err := c.awaitRelief(); err != nil || !relieved {
		return err
	}
	c.log.Info("connection unblocked")
	if !told {
		return nil
	}
	defer c.link.Wake()
	return c.reply(0, &amqp.ConnectionUnblocked{})
}

// lookFor is how often a connection that is not read is looked at, whether its client is still there.
const lookFor = time.Second

// sayEvery is at how many of these looks something is said: one that has stopped to read for it cannot write has room for hours of that.
const sayEvery = 5

// left reports whether the client is gone, so far as that shows while nothing is read. Behind much that is still under way its goodbye does not
// come through; but its system refuses what is written to it. So something is, where the client expects heartbeats.
func (c *conn) left() bool {
	if c.link.Gone() {
		return true
	}
	if c.looks++; c.looks%sayEvery == 1 && c.heartbeat != nil {
		c.sendOwned(amqp.AppendHeartbeat(nil))
		c.link.Wake()
	}
	return false
}

// awaitRelief returns false when the connection is to be closed before the broker is better. The error is io.EOF when the client leaves meanwhile.
func (c *conn) awaitRelief() (bool, error) {
	look := time.NewTicker(lookFor)
	defer look.Stop()
	for {
		relief := c.core.Relief()
		if relief == nil {
			return true, nil
		}
		if c.yield != nil && len(c.orders.came) == 0 && c.ctx.Err() == nil {
			c.yield()
			continue
		}
		select {
		case <-relief:
		case <-c.orders.came:
			if c.obey() && c.session.Closing() {
				c.endBurst()
				return false, nil
			}
			c.endBurst()
		case <-look.C:
			if c.left() {
				return false, io.EOF
			}
		case <-c.ctx.Done():
			return false, c.ctx.Err()
		}
	}
}
