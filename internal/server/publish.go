package server

import (
	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/core"
	"github.com/postrider-mq/postrider/internal/pack"
	"github.com/postrider-mq/postrider/internal/session"
)

// checkedProperties are those that the broker has to look at.
const checkedProperties = amqp.FlagUserID | amqp.FlagExpiration | amqp.FlagReplyTo

// publish takes a whole message from the client.
func (ch *channel) publish(p *amqp.BasicPublish, content *session.Content) error {
	c := ch.conn
	c.commands++
	c.published = true
	if p.Immediate {
		return amqp.Errorf(amqp.NotImplemented, "immediate=true")
	}
	if err := ch.mayPublish(p.Exchange, p.RoutingKey); err != nil {
		return err
	}
	props, err := ch.look(p.Exchange, content.Props)
	if err != nil {
		return err
	}
	m := c.newMessage(len(props) + len(content.Body))
	*m = core.Message{Address: ch.publisher.AddressOf(p.Exchange, p.RoutingKey), Props: props, Body: content.Body}
	if flags(props)&amqp.FlagContentEncoding != 0 && p.RoutingKey == c.server.cfg.Packs && p.Exchange == "" {
		n := packed(m)
		m.SetMessages(n)
		c.packed = c.packed || n > 1
	}
	if ch.held {
		return nil
	}
	if ch.tx != nil {
		return ch.holdPublish(m, p.Mandatory)
	}
	if ch.confirmed.Load() && c.core.Refuses() && m.Persistent() {
		ch.book(core.Outcome{Full: true})
		return nil
	}
	out, err := ch.publisher.Publish(&c.burst, m)
	if err != nil {
		return err
	}
	if out.Held {
		ch.held = true
		return nil
	}
	if !out.Routed && p.Mandatory {
		c.burst.Returned()
		ch.sendBack(m)
	}
	if ch.confirmed.Load() {
		ch.book(out)
		if out.Routed && ch.isCall(m) {
			c.calls++
		}
	}
	return nil
}

// packed is how many messages are in a pack; 0 for one that is none.
func packed(m *core.Message) int {
	v, err := m.Props.View()
	if err != nil {
		return 0
	}
	return pack.In(v.ContentEncoding, m.Body)
}

// newMessage returns room for a message of size bytes. Small ones that come together are made together, see session.Limits.Slab.
func (c *conn) newMessage(size int) *core.Message {
	most := c.server.cfg.Limits.Slab / messageShare
	if size > smallMessage || most == 0 {
		return new(core.Message)
	}
	if len(c.room) == 0 {
		c.made = min(max(1, 2*c.made), most)
		c.room = make([]core.Message, c.made)
	}
	m := &c.room[0]
	c.room = c.room[1:]
	return m
}

const (
	smallMessage = 256 // bytes
	messageShare = 256 // bytes of a slab for each message that is made with others
)

// isCall says whether the client waits for an answer on this channel, and a confirm tells it little: the message is in memory.
func (ch *channel) isCall(m *core.Message) bool {
	return ch.replies != nil && flags(m.Props)&amqp.FlagReplyTo != 0 && !m.Persistent()
}

// flags are the first two octets of the properties: which of them are there.
func flags(p amqp.RawProperties) uint16 { return uint16(p[0])<<8 | uint16(p[1]) }

// book queues the confirm behind those of earlier publishes.
func (ch *channel) book(out core.Outcome) {
	o := &ch.conn.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if out.Full {
		ch.confirms.Nack()
	} else {
		ch.confirms.Ack(uint64(out.LSN))
	}
	if !ch.confirming {
		ch.confirming = true
		o.confirming = append(o.confirming, ch)
	}
}

// sendBack returns a mandatory message that no queue took. It is in the outbox
// before its confirm is booked, so the client sees it first.
func (ch *channel) sendBack(m *core.Message) {
	back := amqp.BasicReturn{
		ReplyCode:  amqp.NoRoute,
		ReplyText:  "NO_ROUTE",
		Exchange:   m.Exchange,
		RoutingKey: m.Key,
	}
	frames, err := back.AppendFrame(nil, ch.number)
	if err != nil { // its strings came in as short strings
		return
	}
	ch.conn.sendOwned(appendContent(frames, ch.number, m, ch.conn.session.FrameMax()))
}

// look looks at the properties of a message: what they name beside its routing key, and what is wrong with them. It fills in the reply-to of a request that
// expects a direct reply.
func (ch *channel) look(exchange string, props amqp.RawProperties) (amqp.RawProperties, error) {
	mentions, checked := ch.mentions(exchange, props), flags(props)&checkedProperties != 0
	if !mentions && !checked {
		return props, nil
	}
	view, err := props.View()
	if err == nil && mentions {
		err = ch.mayMention(exchange, &view)
	}
	if err != nil || !checked {
		return props, err
	}
	if err := ch.checkProperties(&view); err != nil {
		if wrong := ch.conn.client.MayPublishTo(exchange); wrong != nil {
			return nil, wrong // RabbitMQ looks at the exchange first
		}
		return nil, err
	}
	if expectsReply(&view) {
		return props.WithReplyTo(ch.replies.Name)
	}
	return props, nil
}

// expectsReply says whether a direct reply is expected.
func expectsReply(view *amqp.PropertiesView) bool { return string(view.ReplyTo) == core.ReplyQueue }

// checkProperties refuses what is wrong.
func (ch *channel) checkProperties(view *amqp.PropertiesView) error {
	switch {
	case expectsReply(view) && ch.replies == nil:
		return amqp.Errorf(amqp.PreconditionFailed, "fast reply consumer does not exist")
	case view.UserID != nil && string(view.UserID) != ch.conn.user.Name && !ch.conn.permitted().Impersonates():
		return amqp.Errorf(amqp.PreconditionFailed, "user_id property set to '%s' but authenticated user was '%s'", view.UserID, ch.conn.user.Name)
	case view.Expiration != nil && !core.IsExpiration(view.Expiration):
		return core.CheckExpiration(string(view.Expiration))
	}
	return nil
}
