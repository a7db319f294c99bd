package core

import (
	"strings"

	"github.com/postrider-mq/postrider/internal/journal"
	"github.com/postrider-mq/postrider/internal/queue"
	"github.com/postrider-mq/postrider/internal/route"
)

// A store is the queue in which a delayed exchange keeps messages until their
// time has come. Nobody can reach it by name. Messages come in by routing, and
// leave as dead letters do, each at its time: through the exchange, without a
// trace but the header that has turned. So they are journalled, paged,
// compacted and recovered like those of any queue; and after a crash a message
// whose time had come is in the store, in the queues behind the exchange, or in both.
//
// Its name is the exchange's behind a character that no name may have.
const storePrefix = "\x00"

// isStore says whether the queue belongs to a delayed exchange.
func (q *Queue) isStore() bool { return strings.HasPrefix(q.Name, storePrefix) }

// storeConfig is queueConfig of a store.
func (q *Queue) storeConfig() queue.Config {
	exchange := strings.TrimPrefix(q.Name, storePrefix)
	q.dying = &exchange
	q.demanding, q.timed = true, true
	return queue.Config{Scattered: true}
}

// addStore gives a delayed exchange its store. The caller holds mu.
func (v *VHost) addStore(now queue.Time, x *route.Exchange) journal.LSN {
	q := newQueue(v, v.core.queueID.Add(1), now, QueueSpec{Name: storePrefix + x.Name, Durable: x.Durable}, ruling{})
	if q.kept() && v.core.journal != nil {
		q.declared = v.core.append(kindQueueDeclared, true, q.declaration())
		q.stillAtRest()
	}
	v.enterStore(q)
	return q.declared
}

// enterStore makes a store reachable for its exchange, if there is one.
func (v *VHost) enterStore(q *Queue) bool {
	exchange := *q.dying
	if x, ok := v.table.Load().Exchange(exchange); !ok || x.Kind != route.Delayed {
		return false
	}
	q.schedule()
	v.core.byID.Store(q.id, q)
	if v.stores == nil {
		v.stores = map[string]*Queue{}
	}
	v.stores[exchange] = q
	v.table.Store(v.table.Load().WithStore(exchange, q))
	return true
}

// dropStore ends the store of an exchange that was deleted, if it had one, with
// all that is in it. The caller holds mu.
func (v *VHost) dropStore(b *Burst, exchange string) {
	q, ok := v.stores[exchange]
	if !ok {
		return
	}
	delete(v.stores, exchange)
	q.close(b)
	v.endQueue(b, q)
}

// endQueue records the end of a queue that was closed, and leaves it to the
// burst to let its messages go, of which there may be millions. The caller holds mu.
func (v *VHost) endQueue(b *Burst, q *Queue) (lsn journal.LSN) {
	v.core.byID.Delete(q.id)
	if q.declared != 0 {
		lsn = v.core.append(kindQueueDeleted, false, q.deletion())
		v.core.release(q.declared)
		q.declared = 0 // from now on the compaction leaves it behind
	}
	b.closed = append(b.closed, q)
	return lsn
}

// endStray ends a recovered store that has no exchange. The caller holds mu.
func (v *VHost) endStray(q *Queue) {
	v.core.log.Warn("delayed messages of an exchange that is no more are dropped", "vhost", v.Name, "exchange", *q.dying, "messages", q.core.Len())
	var b Burst
	b.Begin(v.core.Now())
	q.close(&b)
	v.endQueue(&b, q)
	b.End()
}

// restoreStores gives each delayed exchange that has none a store: it was
// declared, and the record of its store lost.
func (v *VHost) restoreStores() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for x := range v.table.Load().Exchanges() {
		if _, ok := v.stores[x.Name]; x.Kind == route.Delayed && !ok {
			v.addStore(v.core.Now(), &x)
		}
	}
}

// term is how long m may stay in the queue by itself: as its publisher says; in
// a store as long as it is to wait.
func (q *Queue) term(m *Message) queue.Bound {
	if !q.isStore() {
		return m.ttl()
	}
	letter := route.Letter{Props: m.Props}
	return queue.AtMost(letter.Delay() * millisecond)
}

// released is a message whose time in a store is over, as its exchange routes it: one that was published to
// where it was at first, be that another exchange, which is bound to this one.
func (d *death) released() (*Message, error) {
	p, err := d.msg.properties()
	if err != nil {
		return nil, err
	}
	route.Undelayed(p.Headers)
	return d.message(d.msg.Address, p)
}
