package postrider

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/client"
)

// Partitions makes it a mailbox of n queues, at most 256, over which messages are spread by their [Key]: in order for each key,
// at the same time for different keys. It is the answer when one queue, or the order of all messages, is the bottleneck.
//
//   - A key's partition is the FNV-1a hash (64 bits) of its bytes, modulo n. Messages without a key are spread evenly.
//   - One worker, of all nodes, receives from a partition at a time. Workers tell each other that they are there, and share the
//     partitions evenly; when one comes, the others hand over theirs: they finish what they have begun, give back the rest, and only
//     then the new one begins. One that stops hands over its own likewise, each as soon as nothing of it is in hand. When one dies, its partitions are
//     taken over after about four seconds.
//   - What a handler fails upon is held by its worker and tried again, and what has the same key waits behind it, until it is
//     handled or a dead letter. Other keys go on. Its failures are counted anew when the partition moves meanwhile.
//   - With Workers(16) a node handles up to 16 keys at the same time. [Prefetch] counts for each partition.
//
// All who use the mailbox have to name the same n: with another one, or none, sending and receiving fail with [ErrPartitions], and so it is when n is named
// and there is a mailbox without. On the broker it is the
// queues <name>.p0 and so on, each with a single active consumer, behind the exchange <name>.partitions; a queue of that name, which stays empty,
// keeps the number. To change that, work the mailbox off, delete its queues, and start all who use it anew with the new number. What waits in an outbox for it
// goes where it belongs then, if the program names the mailbox within a second of its start; else it makes the mailbox as it was.
func Partitions(n int) MailboxOption {
	return func(o *mailboxOptions) { o.parted, o.partitions = true, n }
}

const (
	maxPartitions = 256
	markerSuffix  = ".partitions"
	partInfix     = ".p" // before the number, in the name of a partition's queue
)

// ErrPartitions is the error of a mailbox that has another number of [Partitions] than the one that was named, none, or some where none was named.
var ErrPartitions = errors.New("the mailbox has another number of partitions")

// agree sees to it that this node uses a mailbox with one number of partitions. The caller holds mu.
func (n *Node) agree(name string, count int) error {
	have, ok := n.parted[name]
	if ok && have != count {
		return fmt.Errorf("%w: mailbox %s is used %s in this node, and now %s", ErrPartitions, name, withPartitions(have), withPartitions(count))
	}
	n.parted[name] = count
	return nil
}

func withPartitions(n int) string {
	if n == 0 {
		return "without partitions"
	}
	return fmt.Sprintf("with %d", n)
}

// partitionOf is where a key belongs.
func partitionOf(key string, partitions int) int {
	h := fnv.New64a()
	h.Write([]byte(key))
	return int(h.Sum64() % uint64(partitions))
}

// partitioned is the outlet to a mailbox of several queues.
type partitioned struct {
	node     *Node
	parts    []outlet
	presence outlet // what workers tell each other
	spread   atomic.Uint64
}

// partitions fills a target. The caller holds n.mu.
func (n *Node) partitions(t *Target, count int) {
	t.partitions, t.single, t.holds = count, true, true
	marker := markerOf(t.name, count)
	marker.Instead = client.Mailbox(t.name)
	t.queue = marker
	x := &client.Exchange{Name: marker.Name, Kind: "direct"}
	p := &partitioned{node: n}
	for i := range count {
		q := client.SingleActive(t.name + partInfix + strconv.Itoa(i))
		q.From, q.Keys, q.After = x, []string{fmt.Sprintf("%d/%d", i, count)}, marker
		p.parts = append(p.parts, n.wayThrough(t, x, q, keptForPartition+q.Keys[0]+" "+t.name))
	}
	workers := &client.Exchange{Name: t.name + ".workers", Kind: "fanout"}
	p.presence = n.wayToAll(t, workers, func() *client.Queue {
		return &client.Queue{Name: workers.Name, Own: true, From: workers, Keys: []string{""}}
	}, "")
	t.way = p
	if n.kept != nil && len(n.mail) > 0 {
		n.adoptBox(t.name, func(k *client.Kept) *remote { return p.part(k.Header(headerKey)).(*remote) })
	}
}

// markerOf is the queue that keeps how many partitions a mailbox has. None has 0.
func markerOf(mailbox string, partitions int) *client.Queue {
	q := client.Mailbox(mailbox + markerSuffix)
	q.Exact, q.Args = true, amqp.Table{"x-max-length": int32(partitions)}
	return q
}

// whole has a mailbox without partitions not be made where one with them is.
func whole(q *client.Queue) *client.Queue {
	if len(q.Name+markerSuffix) <= client.MaxID {
		q.Instead = markerOf(q.Name, 0)
	}
	return q
}

// errHasNone is of a mailbox that was named with partitions.
var errHasNone = errors.New("has no")

// asItIs makes the error of a mailbox that has partitions and was named without, or the other way round.
func (t *Target) asItIs(err error) error {
	refused := new(amqp.Error)
	errors.As(err, &refused)
	is := []error{ErrPartitions, &RemoteError{Code: int(refused.Code), Reason: refused.Text}}
	if t.partitions > 0 {
		return also{fmt.Errorf("mailbox %s %w partitions, and was named with %d", t.name, errHasNone, t.partitions), is}
	}
	has := ""
	if told := currentValue.FindStringSubmatch(refused.Text); told != nil {
		has = told[1] + " "
	}
	return also{fmt.Errorf("mailbox %s has %spartitions, and was named without", t.name, has), is}
}

// currentValue is how brokers tell of an argument that they were asked to have otherwise.
var currentValue = regexp.MustCompile(`current is (?:the value )?'([0-9]+)'`)

// ofPartition makes the mailbox of what the outbox keeps for a partition: "3/8 jobs".
func (n *Node) ofPartition(kept string) (*Target, error) {
	numbers, name, _ := strings.Cut(kept, " ")
	_, count, _ := strings.Cut(numbers, "/")
	partitions, err := strconv.Atoi(count)
	if err != nil || partitions == 0 {
		return nil, fmt.Errorf("%q names no partition", kept)
	}
	return n.Mailbox(name, Partitions(partitions)), nil
}

// wayThrough is the way of t to a queue through the exchange that it is bound to. The caller holds mu.
func (n *Node) wayThrough(t *Target, x *client.Exchange, q *client.Queue, keep string) outlet {
	if len(n.mail) > 0 {
		return n.onBroker(&remote{queue: q, via: x, key: q.Keys[0], keep: keep})
	}
	t.needs = append(t.needs, func(ctx context.Context) error {
		if _, err := n.local.sure(ctx, q); err != nil {
			return t.cause(err)
		}
		return nil
	})
	return &local{at: n.local, from: n.cfg.Name, queue: q.Name, via: x.Name, key: q.Keys[0], of: q}
}

// wayToAll is the way of t to an exchange, of which each receiver gets all that its subscription asks for. The caller holds mu.
func (n *Node) wayToAll(t *Target, x *client.Exchange, subscription func() *client.Queue, keep string) outlet {
	if len(n.mail) > 0 {
		return n.onBroker(&remote{via: x, alone: true, subscription: subscription, keep: keep})
	}
	t.needs = append(t.needs, func(ctx context.Context) error { return n.local.sureOf(ctx, x) })
	return &local{at: n.local, from: n.cfg.Name, via: x.Name, all: x, alone: true, subscription: subscription}
}

// part is the partition that a message with that key belongs to.
func (p *partitioned) part(key string) outlet {
	if key != "" {
		return p.parts[partitionOf(key, len(p.parts))]
	}
	return p.parts[p.spread.Add(1)%uint64(len(p.parts))]
}

func (p *partitioned) send(ctx context.Context, d draft) (bool, error) {
	return p.part(d.key()).send(ctx, d)
}
func (p *partitioned) post(f *client.Fate, d draft) error { return p.part(d.key()).post(f, d) }
func (p *partitioned) call(ctx context.Context, limit time.Duration, d draft) (answer, bool, error) {
	return p.part(d.key()).call(ctx, limit, d)
}
func (p *partitioned) answers(ctx context.Context) (string, error) { return p.parts[0].answers(ctx) }

func (p *partitioned) reply(to, correlation []byte, d draft, more bool) error {
	return p.parts[0].reply(to, correlation, d, more)
}
func (p *partitioned) pass(ctx context.Context, f *client.Fate, to *client.Queue, props *amqp.Properties, body []byte) error {
	return p.parts[0].pass(ctx, f, to, props, body)
}
