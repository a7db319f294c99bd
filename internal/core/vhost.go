package core

import (
	"sync"
	"sync/atomic"

	"github.com/postrider-mq/postrider/internal/journal"
	"github.com/postrider-mq/postrider/internal/route"
)

// VHost is a virtual host: a name space of exchanges, queues and bindings.
// Publishers read its table without a lock; whoever changes it holds mu.
type VHost struct {
	Name string
	core *Core

	table atomic.Pointer[route.Table[*Queue]]

	policies atomic.Pointer[policies]
	ordering sync.Mutex // held while policies are changed and all follow them; before mu

	mu       sync.Mutex
	info     VHostInfo
	declared journal.LSN // the record of it; 0 for one that is taken for granted
	deleted  bool
	facts    map[string]journal.LSN // the records of durable exchanges and bindings, by their content
	stores   map[string]*Queue      // of delayed exchanges, by their name

	replies replies
}

func newVHost(c *Core, name string) *VHost {
	v := &VHost{Name: name, core: c, facts: map[string]journal.LSN{}}
	v.table.Store(route.New[*Queue](name))
	v.policies.Store(new(policies))
	return v
}

// QueueName returns the name of a queue as it is kept; ok is false if there is none of that name. It does not allocate.
func (v *VHost) QueueName(name []byte) (kept string, ok bool) { return v.table.Load().QueueName(name) }

// Core is the broker that the virtual host belongs to.
func (v *VHost) Core() *Core { return v.core }

// remember writes a fact about topology and keeps its place, so that the
// compaction can carry it. The caller holds mu.
func (v *VHost) remember(kind journal.Kind, body []byte) journal.LSN {
	if v.core.journal == nil {
		return 0
	}
	lsn := v.core.append(kind, true, body)
	v.facts[factKey(kind, body)] = lsn
	return lsn
}

// forget lets go of the record of a fact that is no longer so, if there was
// one, and says whether there was.
func (v *VHost) forget(kind journal.Kind, body []byte) bool {
	key := factKey(kind, body)
	lsn, ok := v.facts[key]
	if ok {
		delete(v.facts, key)
		v.core.release(lsn)
	}
	return ok
}

func factKey(kind journal.Kind, body []byte) string { return string(byte(kind)) + string(body) }

// addQueue makes a queue and enters its name. The caller holds mu. Errors:
// ErrClosed when the owner is.
func (v *VHost) addQueue(b *Burst, spec QueueSpec, r ruling, owner *Client) (*Queue, journal.LSN, error) {
	if err := v.mayChange(); err != nil {
		return nil, 0, err
	}
	q := newQueue(v, v.core.queueID.Add(1), b.now, spec, r)
	if owner != nil && !owner.own(q) {
		return nil, 0, ErrClosed
	}
	q.owner = owner
	if q.kept() && v.core.journal != nil {
		q.declared = v.core.append(kindQueueDeclared, true, q.declaration())
		q.stillAtRest()
	}
	v.enter(q)
	return q, q.declared, nil
}

// enter makes q, which nobody else knows yet, reachable by name and by id.
func (v *VHost) enter(q *Queue) {
	q.schedule()
	v.core.byID.Store(q.id, q)
	v.table.Store(v.table.Load().AddQueue(q.Name, q))
}

// removeQueue deletes q: its name, bindings, consumers and messages. It
// returns how many messages were ready, and the record to wait for.
func (v *VHost) removeQueue(b *Burst, q *Queue) (messages int, lsn journal.LSN) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.dropQueue(b, q)
}

// dropQueue is removeQueue for a caller that holds mu.
func (v *VHost) dropQueue(b *Burst, q *Queue) (messages int, lsn journal.LSN) {
	if now, ok := v.table.Load().Queue(q.Name); !ok || now != q {
		return 0, 0 // somebody else was faster
	}
	table, gone := v.table.Load().RemoveQueue(q.Name)
	v.table.Store(table)
	messages = q.close(b)
	if q.owner != nil {
		q.owner.disown(q)
	}
	lsn = v.endQueue(b, q)
	if last := v.dropped(b, gone); last != 0 {
		lsn = last
	}
	return messages, lsn
}

// dropped writes down what went along with something else. The bindings of a
// deleted queue or exchange need no record: its deletion implies theirs.
func (v *VHost) dropped(b *Burst, gone route.Removed) (last journal.LSN) {
	for i := range gone.Bindings {
		v.forget(kindBound, v.binding(&gone.Bindings[i]))
	}
	for i := range gone.Exchanges {
		x := &gone.Exchanges[i]
		if v.forget(kindExchangeDeclared, v.exchange(x)) {
			last = v.core.append(kindExchangeDeleted, false, appendText(appendText(nil, v.Name), x.Name))
		}
		v.dropStore(b, x.Name)
	}
	return last
}

// binding is the record of a binding.
func (v *VHost) binding(x *route.Binding) []byte {
	b := appendText(nil, v.Name)
	b = appendText(b, x.Source)
	b = appendText(b, x.Destination)
	b = appendUint(b, flags(x.ToQueue))
	b = appendText(b, x.Key)
	return appendTable(b, x.Args)
}

// exchange is the record of an exchange.
func (v *VHost) exchange(x *route.Exchange) []byte {
	b := appendText(nil, v.Name)
	b = appendText(b, x.Name)
	b = appendText(b, string(x.Kind))
	b = appendUint(b, flags(x.Durable, x.AutoDelete, false, x.Internal))
	return appendTable(b, x.Args)
}

// kept says whether the queue itself survives a restart.
func (q *Queue) kept() bool { return q.Durable && !q.Exclusive }

// declaration is the record of a queue.
func (q *Queue) declaration() []byte {
	b := appendUint(nil, q.id)
	b = appendText(b, q.vhost.Name)
	b = appendText(b, q.Name)
	b = appendUint(b, flags(q.Durable, q.AutoDelete, q.Exclusive))
	return appendTable(b, q.Args)
}

// deletion is the record of a queue's end. It names the queue again, for its
// bindings go with it and the declaration may be gone from the journal before it.
func (q *Queue) deletion() []byte {
	return appendText(appendText(appendUint(nil, q.id), q.vhost.Name), q.Name)
}

// durableBinding says whether a binding survives a restart: both its ends must.
func (v *VHost) durableBinding(x *route.Binding) bool {
	t := v.table.Load()
	source, ok := t.Exchange(x.Source)
	if !ok || !source.Durable {
		return false
	}
	if x.ToQueue {
		q, ok := t.Queue(x.Destination)
		return ok && q.kept()
	}
	dest, ok := t.Exchange(x.Destination)
	return ok && dest.Durable
}
