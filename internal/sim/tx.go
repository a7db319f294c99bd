package sim

import (
	"slices"

	"github.com/postrider-mq/postrider/amqp"
)

// transaction is what a client has told the broker on a channel with
// transactions, and not committed.
type transaction struct {
	publishes []*message
	settles   []heldSettle
}

// heldSettle is a settlement that waits for the commit.
type heldSettle struct {
	delivery
	how int
}

// openTx makes a transaction of all that the channel will do.
func (c *client) openTx() {
	c.tx = &transaction{}
	c.ask(&amqp.TxSelect{}, expect(amqp.TxSelectOkID))
}

// settles takes deliveries off the books until the commit.
func (tx *transaction) settle(list []delivery, how int) {
	for _, d := range list {
		tx.settles = append(tx.settles, heldSettle{d, how})
	}
}

// endTx commits, or rolls back now and then.
func (c *client) endTx() {
	switch {
	case c.tx == nil || len(c.tx.publishes)+len(c.tx.settles) == 0:
	case c.world.rnd.IntN(4) == 0:
		c.rollback()
	default:
		c.commit()
	}
}

// commit has all happen. With the answer it is durable; without one, each part
// of it may have happened or not.
func (c *client) commit() {
	w, tx := c.world, c.tx
	w.tracef("client %d commits %d publishes and %d settlements", c.id, len(tx.publishes), len(tx.settles))
	c.tx = &transaction{}
	w.moves++
	for _, m := range tx.publishes {
		m.held, m.at, m.leaps, m.move = false, w.now, w.clock.leaps, w.moves
	}
	c.ask(&amqp.TxCommit{}, func(m amqp.Method) bool {
		if m == nil {
			return true
		}
		for _, m := range tx.publishes {
			w.ledger.promised(m, true)
		}
		for _, s := range tx.settles {
			if s.how == acked {
				s.copy.settled, s.copy.durable = w.epoch, true
			}
		}
		return m.ID() == amqp.TxCommitOkID
	})
	for _, how := range []int{acked, requeued, rejected} {
		m := mark{sent: c.peer.wire.sent, asked: c.asked, how: how}
		for _, s := range tx.settles {
			if s.how == how {
				s.settledAs(how)
				m.copies = append(m.copies, s.copy)
			}
		}
		c.peer.marks = append(c.peer.marks, m)
	}
}

// rollback undoes all: the publishes never come, and what was settled waits for that again.
func (c *client) rollback() {
	c.world.tracef("client %d rolls back %d publishes and %d settlements", c.id, len(c.tx.publishes), len(c.tx.settles))
	for _, s := range c.tx.settles {
		c.outstanding = append(c.outstanding, s.delivery)
	}
	slices.SortFunc(c.outstanding, func(a, b delivery) int { return int(a.tag) - int(b.tag) })
	c.tx = &transaction{}
	c.ask(&amqp.TxRollback{}, expect(amqp.TxRollbackOkID))
}

// lost is called when the channel ends: what was not committed goes back.
func (tx *transaction) lost() {
	if tx == nil {
		return
	}
	for _, s := range tx.settles {
		s.copy.queue.disturbed = true
	}
}
