package core

import (
	"strings"
	"sync"
	"sync/atomic"

	"github.com/postrider-mq/postrider/amqp"
)

// ReplyQueue is the pseudo-queue of direct reply-to: whoever consumes from it
// gets answers without a queue of its own, and whoever publishes with it as
// reply-to has the name of his consumer put there instead.
const ReplyQueue = "amq.rabbitmq.reply-to"

const replyPrefix = ReplyQueue + "."

// replies are the consumers of the pseudo-queue, by the name that stands in
// the reply-to of their requests.
type replies struct {
	byName sync.Map // string → *ReplyConsumer
	count  atomic.Int64
}

// ReplyConsumer takes direct replies for one channel.
type ReplyConsumer struct {
	Name     string // what requests carry as reply-to
	consumer *Consumer
	vhost    *VHost

	mu     sync.Mutex
	closed bool
}

// ConsumeReplies subscribes sink to direct replies. There is no queue behind
// it: a reply that comes after Cancel is lost, as the protocol's extension says.
func (c *Client) ConsumeReplies(tag string, channel uint16, sink Sink) *ReplyConsumer {
	r := &ReplyConsumer{
		Name:     randomName(replyPrefix),
		consumer: &Consumer{Tag: tag, Channel: channel, NoAck: true, sink: sink},
		vhost:    c.VHost,
	}
	c.VHost.replies.byName.Store(r.Name, r)
	c.VHost.replies.count.Add(1)
	return r
}

// Consumer is the subscription, as deliveries name it.
func (r *ReplyConsumer) Consumer() *Consumer { return r.consumer }

// Cancel ends the subscription; the sink gets nothing more after it.
func (r *ReplyConsumer) Cancel() {
	r.vhost.replies.byName.Delete(r.Name)
	r.vhost.replies.count.Add(-1)
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
}

func (r *ReplyConsumer) deliver(b *Burst, m *Message) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false
	}
	taken := r.consumer.sink.Deliver(Delivery{Consumer: r.consumer, Message: m})
	if taken.Wake {
		b.wake = append(b.wake, r.consumer.sink)
	}
	return !taken.Refused
}

// replyTo finds the consumer that m is a reply for.
func (v *VHost) replyTo(m *Message) (*ReplyConsumer, bool) {
	if m.Exchange != "" || v.replies.count.Load() == 0 || !strings.HasPrefix(m.Key, replyPrefix) {
		return nil, false
	}
	return v.replyConsumer(m.Key)
}

func (v *VHost) replyConsumer(name string) (*ReplyConsumer, bool) {
	r, ok := v.replies.byName.Load(name)
	if !ok {
		return nil, false
	}
	return r.(*ReplyConsumer), true
}

// CheckReply is a passive declare of a reply-to name: is somebody still
// waiting there? Errors: 404.
func (c *Client) CheckReply(name string) error {
	if _, ok := c.VHost.replyConsumer(name); ok {
		return nil
	}
	return amqp.Errorf(amqp.NotFound, "no queue '%s' in vhost '%s'", name, c.VHost.Name)
}

// IsReplyName says whether name is one of the pseudo-queue's.
func IsReplyName(name string) bool { return name == ReplyQueue || strings.HasPrefix(name, replyPrefix) }
