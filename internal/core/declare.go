package core

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/journal"
	"github.com/postrider-mq/postrider/internal/queue"
)

// maxName is the longest name of a queue or exchange, in bytes: what a short
// string of the protocol can hold.
const maxName = 255

// DeclareQueue makes the queue, or checks that the one of that name is alike. An
// empty name asks for a fresh one. It returns after a durable queue is safe on
// disk. Errors: 403 reserved name, 405 exclusive to another connection, 406
// not alike, a bad argument, or one more than the virtual host may have.
func (c *Client) DeclareQueue(ctx context.Context, b *Burst, spec QueueSpec) (QueueInfo, error) {
	if err := CheckName("queue", spec.Name); err != nil {
		return QueueInfo{}, err
	}
	if err := c.VHost.checkArgs("queue", spec.Name, spec.Args); err != nil {
		return QueueInfo{}, err
	}
	if spec.Exclusive {
		spec.Durable = false // it ends with its connection
	}
	q, lsn, err := c.declareQueue(b, spec)
	if err != nil {
		return QueueInfo{}, err
	}
	return q.info(), c.VHost.core.await(ctx, b, lsn)
}

// FreshQueueName makes a name for a queue whose declarer leaves it to the broker.
func FreshQueueName() string { return randomName("amq.gen-") }

// HasQueue says whether there is a queue of that name.
func (c *Client) HasQueue(name string) bool {
	_, ok := c.VHost.table.Load().Queue(name)
	return ok
}

func (c *Client) declareQueue(b *Burst, spec QueueSpec) (*Queue, journal.LSN, error) {
	v := c.VHost
	if spec.Name == "" {
		spec.Name, spec.Fresh = FreshQueueName(), true
	}
	var rules foresight
	if !c.HasQueue(spec.Name) {
		rules = v.foresee(spec.Name, spec.policyKind())
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if q, ok := v.existing(b, spec.Name); ok {
		if err := c.mayUse(q); err != nil {
			return nil, 0, err
		}
		if err := q.sameAs(&spec); err != nil {
			return nil, 0, err
		}
		q.touch(b)
		return q, q.declared, nil
	} else if strings.HasPrefix(spec.Name, "amq.") && !spec.Fresh {
		return nil, 0, amqp.Errorf(amqp.AccessRefused, "queue name '%s' contains reserved prefix 'amq.*'", spec.Name)
	}
	if err := v.mayHaveQueue(spec.Name); err != nil {
		return nil, 0, err
	}
	if err := checkQueueArgs(v, &spec); err != nil { // of a new queue only, as in RabbitMQ
		return nil, 0, err
	}
	spec.Fresh = false
	var owner *Client
	if spec.Exclusive {
		owner = c
	}
	return v.addQueue(b, spec, rules.now(v, spec.Name, spec.policyKind()), owner)
}

// existing finds a queue by name; one that only waits to be deleted is deleted
// now. The caller holds mu.
func (v *VHost) existing(b *Burst, name string) (*Queue, bool) {
	q, ok := v.table.Load().Queue(name)
	if ok && q.isGone() {
		v.dropQueue(b, q)
		return nil, false
	}
	return q, ok
}

func (q *Queue) isGone() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.gone
}

func (q *Queue) touch(b *Burst) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.core.Touch(b.now)
}

// InspectQueue is a passive declare. Errors: 404, 405.
func (c *Client) InspectQueue(b *Burst, name string) (QueueInfo, error) {
	q, err := c.queue(name)
	if err != nil {
		return QueueInfo{}, err
	}
	q.touch(b)
	return q.info(), nil
}

// DeleteQueue deletes a queue and returns how many ready messages went with it.
// A queue that does not exist is deleted already. Errors: 405, 406 in use or
// not empty.
func (c *Client) DeleteQueue(ctx context.Context, b *Burst, name string, ifUnused, ifEmpty bool) (int, error) {
	q, ok := c.VHost.table.Load().Queue(name)
	if !ok {
		return 0, nil
	}
	if err := c.mayUse(q); err != nil {
		return 0, err
	}
	if err := q.retire(ifUnused, ifEmpty); err != nil {
		return 0, err
	}
	n, lsn := c.VHost.removeQueue(b, q)
	return n, c.VHost.core.await(ctx, b, lsn)
}

// retire decides that the queue is to be deleted: from here on nothing enters
// it and nobody consumes from it.
func (q *Queue) retire(ifUnused, ifEmpty bool) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case ifUnused && q.core.Consumers() > 0:
		return amqp.Errorf(amqp.PreconditionFailed, "%s in use", q)
	case ifEmpty && q.core.Len() > 0:
		return amqp.Errorf(amqp.PreconditionFailed, "%s not empty", q)
	}
	q.gone = true
	return nil
}

// PurgeQueue drops a queue's ready messages and returns how many they were.
// Errors: 404, 405.
func (c *Client) PurgeQueue(b *Burst, name string) (int, error) {
	q, err := c.queue(name)
	if err != nil {
		return 0, err
	}
	return q.purge(b), nil
}

// ConsumeSpec is what basic.consume asks for.
type ConsumeSpec struct {
	Queue     string
	Tag       string
	Channel   uint16
	Prefetch  uint16 // 0 = no limit
	NoAck     bool
	Exclusive bool
	Priority  int32
	Patience  time.Duration // how long a delivery may wait for its acknowledgement; 0 = as the queue says
}

// Consume subscribes sink to a queue. The first of a durable one waits for the disk, see Queue.begin. started is called, if not nil, when the
// subscription is sure and before the first delivery. Errors: 404, 405, 403 in exclusive use, ErrClosed.
func (c *Client) Consume(ctx context.Context, b *Burst, spec ConsumeSpec, sink Sink, started func(*Consumer)) (*Consumer, error) {
	q, err := c.queue(spec.Queue)
	if err != nil {
		return nil, err
	}
	if err := q.begin(ctx, b); err != nil {
		return nil, err
	}
	consumer := &Consumer{
		Queue:     q,
		Tag:       spec.Tag,
		Channel:   spec.Channel,
		NoAck:     spec.NoAck,
		Exclusive: spec.Exclusive,
		Patience:  spec.Patience,
		sink:      sink,
		id:        queue.ConsumerID(c.VHost.core.consumerID.Add(1)),
	}
	return consumer, q.attach(b, consumer, spec, started)
}

func (q *Queue) attach(b *Burst, c *Consumer, spec ConsumeSpec, started func(*Consumer)) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.gone:
		return q.notFound()
	case q.resting:
		return ErrClosed
	}
	fx, err := q.core.Attach(b.now, queue.Consumer{
		ID:        c.id,
		Prefetch:  spec.Prefetch,
		NoAck:     spec.NoAck,
		Exclusive: spec.Exclusive,
		Priority:  spec.Priority,
	})
	if err != nil {
		return amqp.Errorf(amqp.AccessRefused, "%s in exclusive use", q)
	}
	q.consumers[c.id] = c
	if started != nil {
		started(c)
	}
	q.perform(b, fx)
	return nil
}

// Get takes one message from a queue; ok is false when it is empty. left is
// how many are ready after it. The first of a durable queue waits for the disk, as in Consume. Errors: 404, 405.
func (c *Client) Get(ctx context.Context, b *Burst, name string, noAck bool) (from *Queue, d Delivery, left int, ok bool, err error) {
	q, err := c.queue(name)
	if err != nil {
		return nil, d, 0, false, err
	}
	if q.Args[argType] == "quorum" && q.Args[argSingleActive] == true {
		return nil, d, 0, false, amqp.Errorf(amqp.ResourceLocked, "cannot obtain access to locked %s. basic.get operations are not supported by "+
			"quorum queues with single active consumer", q)
	}
	if err := q.begin(ctx, b); err != nil {
		return nil, d, 0, false, err
	}
	for {
		d, left, ok, err = q.get(b, noAck)
		if err == nil {
			return q, d, left, ok, nil
		}
		b.pause() // what was dropped is buried before more is
	}
}

// queue finds a queue that this client may use.
func (c *Client) queue(name string) (*Queue, error) {
	q, ok := c.VHost.table.Load().Queue(name)
	if !ok || q.isGone() {
		return nil, amqp.Errorf(amqp.NotFound, "no queue '%s' in vhost '%s'", name, c.VHost.Name)
	}
	return q, c.mayUse(q)
}

func (c *Client) mayUse(q *Queue) error {
	if q.owner == nil || q.owner == c {
		return nil
	}
	return amqp.Errorf(amqp.ResourceLocked, "cannot obtain exclusive access to locked %s. It could be originally declared "+
		"on another connection or the exclusive property value does not match that of the original declaration.", q)
}

// String is the queue as error texts name it.
func (q *Queue) String() string { return fmt.Sprintf("queue '%s' in vhost '%s'", q.Name, q.vhost.Name) }

func (q *Queue) notFound() error { return amqp.Errorf(amqp.NotFound, "no %s", q) }
