package server

import (
	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/core"
)

// transaction is what a channel holds back until tx.commit: publishes, which
// were routed already, and settlements, whose tags are not outstanding any more.
// It belongs to R.
//
// A commit publishes, then settles, and answers when both are durable. A rollback
// forgets the publishes and makes the tags outstanding again; nothing is
// delivered anew. When the channel closes, what was not committed is rolled back.
type transaction struct {
	publishes []heldPublish
	settles   []heldSettle
	weight    int // bytes
}

type heldPublish struct {
	core.Prepared
	mandatory bool
}

type heldSettle struct {
	tag  uint64
	what outstanding
	as   fate
}

// maxTransaction bounds what an open transaction may hold, in bytes.
const maxTransaction = 64 << 20

// settleWeight is what a held settlement costs, in bytes.
const settleWeight = 40

func (ch *channel) selectTx() error {
	if ch.confirmed.Load() {
		return amqp.Errorf(amqp.PreconditionFailed, "cannot switch from confirm to tx mode")
	}
	if ch.tx == nil {
		ch.tx = &transaction{}
	}
	return ch.answer(false, &amqp.TxSelectOk{})
}

func (ch *channel) selectConfirms(m *amqp.ConfirmSelect) error {
	if ch.tx != nil {
		return amqp.Errorf(amqp.PreconditionFailed, "cannot switch from tx to confirm mode")
	}
	ch.confirmed.Store(true)
	return ch.answer(m.NoWait, &amqp.ConfirmSelectOk{})
}

// holdPublish routes a message and keeps it for the commit.
func (ch *channel) holdPublish(m *core.Message, mandatory bool) error {
	p, err := ch.publisher.Prepare(m)
	if err != nil {
		return err
	}
	ch.tx.publishes = append(ch.tx.publishes, heldPublish{p, mandatory})
	return ch.tx.add(m.Size() + itemWeight)
}

// add counts what is held.
func (tx *transaction) add(bytes int) error {
	if tx.weight += bytes; tx.weight > maxTransaction {
		return amqp.Errorf(amqp.PreconditionFailed, "transaction holds more than %d bytes", maxTransaction)
	}
	return nil
}

// holdSettlement takes tags off the books until the commit.
func (ch *channel) holdSettlement(tag uint64, multiple bool, how fate) error {
	tx, before := ch.tx, len(ch.tx.settles)
	ch.conn.out.mu.Lock()
	err := ch.outstanding.Each(tag, multiple, func(tag uint64, o outstanding) {
		tx.settles = append(tx.settles, heldSettle{tag, o, how})
	})
	ch.conn.out.mu.Unlock()
	if err != nil {
		return err
	}
	return tx.add((len(tx.settles) - before) * settleWeight)
}

// commit does what the transaction holds.
func (ch *channel) commit() error {
	if ch.tx == nil {
		return notTransactional()
	}
	tx, c := ch.tx, ch.conn
	ch.tx = &transaction{}
	refused := false
	for i := range tx.publishes {
		p := &tx.publishes[i]
		out := p.Publish(&c.burst)
		if !out.Routed && p.mandatory {
			c.burst.Returned()
			ch.sendBack(p.Message)
		}
		refused = refused || out.Full
	}
	ch.settleHeld(tx.settles)
	if refused {
		return amqp.Errorf(amqp.PreconditionFailed, "partial tx completion")
	}
	if len(tx.publishes)+len(tx.settles) > 0 {
		if err := c.core.Commit(c.ctx, &c.burst); err != nil {
			return err
		}
	}
	return ch.answer(false, &amqp.TxCommitOk{})
}

// settleHeld performs settlements in runs of one fate.
func (ch *channel) settleHeld(list []heldSettle) {
	c := ch.conn
	for len(list) > 0 {
		n := 1
		for n < len(list) && list[n].as == list[0].as {
			n++
		}
		how := settlements[list[0].as]
		starved := ch.strikeHeld(list[:n])
		c.eachQueue(func(q *core.Queue, positions []uint64) { how(q, &c.burst, positions...) })
		ch.resume(starved)
		list = list[n:]
	}
}

// strikeHeld is strike for what left the ledger before.
func (ch *channel) strikeHeld(list []heldSettle) (starved []*core.Consumer) {
	c := ch.conn
	c.settling = c.settling[:0]
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	for i := range list {
		ch.struck(list[i].what)
	}
	return ch.credit.relieved()
}

func (ch *channel) rollback() error {
	if ch.tx == nil {
		return notTransactional()
	}
	ch.undo()
	ch.tx = &transaction{}
	return ch.answer(false, &amqp.TxRollbackOk{})
}

// undo makes what the transaction has settled outstanding again.
func (ch *channel) undo() {
	if ch.tx == nil {
		return
	}
	ch.conn.out.mu.Lock()
	defer ch.conn.out.mu.Unlock()
	for _, s := range ch.tx.settles {
		ch.outstanding.Restore(s.tag, s.what)
	}
	ch.tx.settles = nil
}

func notTransactional() error {
	return amqp.Errorf(amqp.PreconditionFailed, "channel is not transactional")
}
