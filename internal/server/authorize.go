package server

import (
	"strings"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/access"
	"github.com/postrider-mq/postrider/internal/core"
	"github.com/postrider-mq/postrider/internal/route"
)

// checks say what each method that a client may send on an open channel asks
// for. A method that is not here is not allowed to anybody.
//
//	configure  declare, delete         of a queue or an exchange
//	write      publish, bind to it     of an exchange; of what is bound, the destination
//	read       consume, get, purge     of a queue; of what is bound, the source
//
// What would be refused to everybody is left to whoever refuses it, for its
// text says more.
var checks = map[amqp.MethodID]func(*channel, amqp.Method) error{
	amqp.QueueDeclareID: mayDeclareQueue,
	amqp.QueueDeleteID: func(ch *channel, m amqp.Method) error {
		return ch.mayOnQueue(access.Configure, m.(*amqp.QueueDelete).Queue)
	},
	amqp.QueuePurgeID:      func(ch *channel, m amqp.Method) error { return ch.mayOnQueue(access.Read, m.(*amqp.QueuePurge).Queue) },
	amqp.QueueBindID:       mayBindQueue,
	amqp.QueueUnbindID:     mayUnbindQueue,
	amqp.ExchangeDeclareID: mayDeclareExchange,
	amqp.ExchangeDeleteID:  mayDeleteExchange,
	amqp.ExchangeBindID:    mayBindExchange,
	amqp.ExchangeUnbindID:  mayUnbindExchange,
	amqp.BasicConsumeID:    mayConsume,
	amqp.BasicGetID:        func(ch *channel, m amqp.Method) error { return ch.mayOnQueue(access.Read, m.(*amqp.BasicGet).Queue) },
	amqp.BasicPublishID: func(ch *channel, m amqp.Method) error {
		p := m.(*amqp.BasicPublish)
		return ch.mayPublish(p.Exchange, p.RoutingKey)
	},

	// What a client holds it may settle, and what is its own it may set.
	amqp.BasicAckID:          nothing,
	amqp.BasicNackID:         nothing,
	amqp.BasicRejectID:       nothing,
	amqp.BasicRecoverID:      nothing,
	amqp.BasicRecoverAsyncID: nothing,
	amqp.BasicQosID:          nothing,
	amqp.BasicCancelID:       nothing,
	amqp.ConfirmSelectID:     nothing,
	amqp.TxSelectID:          nothing,
	amqp.TxCommitID:          nothing,
	amqp.TxRollbackID:        nothing,
	amqp.ChannelFlowID:       nothing,
	amqp.ChannelFlowOkID:     nothing,
	amqp.AccessRequestID:     nothing, // a relic of AMQP 0-8, which gives no rights
}

func nothing(*channel, amqp.Method) error { return nil }

// forPeers are the methods that a peer may always use.
var forPeers = map[amqp.MethodID]bool{
	amqp.BasicPublishID: true, amqp.BasicAckID: true, amqp.BasicNackID: true, amqp.BasicRejectID: true,
	amqp.BasicRecoverID: true, amqp.BasicRecoverAsyncID: true, amqp.BasicQosID: true, amqp.BasicCancelID: true,
	amqp.ConfirmSelectID: true, amqp.ChannelFlowID: true, amqp.ChannelFlowOkID: true,
}

// authorize says whether the user may use a method on a channel. Every method
// passes it, before anything is done. Errors: 403.
func (ch *channel) authorize(m amqp.Method) error {
	permit := ch.conn.permitted()
	if permit.Everything() {
		return nil
	}
	if _, confined := permit.Confined(); confined && !ch.isForPeers(m) {
		return ch.confinedError()
	}
	check, ok := checks[m.ID()]
	if !ok {
		return amqp.Errorf(amqp.AccessRefused, "access to %s refused for user '%s'", m.ID(), permit.User)
	}
	if _, confined := permit.Confined(); confined && m.ID() != amqp.BasicPublishID {
		return nil
	}
	return check(ch, m)
}

// permitted is what the user may do by now.
func (c *conn) permitted() *access.Permit {
	if !c.permit.Current() {
		c.permit = c.server.cfg.Access.Users().Permit(c.user, c.client.VHost.Name)
	}
	return c.permit
}

// isForPeers says whether a peer may use a method, who may publish into one
// inbox, ask whether it is there, and wait for answers.
func (ch *channel) isForPeers(m amqp.Method) bool {
	switch m := m.(type) {
	case *amqp.BasicConsume:
		return m.Queue == core.ReplyQueue
	case *amqp.QueueDeclare:
		return m.Passive && m.Queue != "" && ch.conn.permit.MayReach("", m.Queue)
	}
	return forPeers[m.ID()]
}

func (ch *channel) confinedError() error {
	inbox, _ := ch.conn.permit.Confined()
	return amqp.Errorf(amqp.AccessRefused, "user '%s' may only publish to queue '%s'", ch.conn.user.Name, inbox)
}

// granted is the last publish that was allowed on a channel, so that a run of
// them is asked for once.
type granted struct {
	permit        *access.Permit
	exchange, key string
	anyKey        bool
}

// mayPublish asks for write permission on the exchange, and on the routing key
// if it is a topic that bounds them.
func (ch *channel) mayPublish(exchange, key string) error {
	permit := ch.conn.permitted()
	g := &ch.granted
	if permit.Everything() || permit == g.permit && exchange == g.exchange && (g.anyKey || key == g.key) {
		return nil
	}
	if _, confined := permit.Confined(); confined {
		if !permit.MayReach(exchange, key) {
			return ch.confinedError()
		}
		*g = granted{permit: permit, exchange: exchange, key: key}
		return nil
	}
	if err := ch.may(access.Write, exchangeNamed, exchange); err != nil {
		return err
	}
	if err := ch.mayTopic(access.Write, exchange, key); err != nil {
		return err
	}
	*g = granted{permit: permit, exchange: exchange, key: key, anyKey: !permit.Bounds(exchange)}
	return nil
}

// mentions reports whether a message may name something beside its routing key that is to be asked for. The keys of CC and BCC are asked for as the first is, where
// keys are bounded. An answer or a receipt to a peer's message goes to its reply-to with the rights of the node that gives it.
func (ch *channel) mentions(exchange string, props amqp.RawProperties) bool {
	permit := ch.conn.permitted()
	if permit.Everything() || flags(props)&(amqp.FlagHeaders|amqp.FlagReplyTo) == 0 {
		return false
	}
	_, confined := permit.Confined()
	return confined || permit.Bounds(exchange)
}

// mayMention asks for it.
func (ch *channel) mayMention(exchange string, view *amqp.PropertiesView) error {
	permit := ch.conn.permitted()
	_, confined := permit.Confined()
	for _, key := range core.Copies(view.Headers) {
		if confined && !permit.MayReach("", key) {
			return ch.confinedError()
		}
		if err := ch.mayTopic(access.Write, exchange, key); err != nil {
			return err
		}
	}
	if confined && len(view.ReplyTo) > 0 && !expectsReply(view) && !permit.MayReach("", string(view.ReplyTo)) {
		return ch.confinedError()
	}
	return nil
}

// What a permission is asked for, as error texts call it.
const (
	queueNamed    = "queue"
	exchangeNamed = "exchange"
)

// may asks for a right to a queue or an exchange.
func (ch *channel) may(right access.Right, kind, name string) error {
	if kind == exchangeNamed && name == "" {
		name = "amq.default"
	}
	permit := ch.conn.permitted()
	if permit.May(right, name) {
		return nil
	}
	return refusedTo(permit, kind, name)
}

func refusedTo(permit *access.Permit, kind, name string) error {
	return amqp.Errorf(amqp.AccessRefused, "access to %s '%s' in vhost '%s' refused for user '%s'", kind, name, permit.VHost, permit.User)
}

// mayAny asks for any of the rights.
func (ch *channel) mayAny(kind, name string) error {
	permit := ch.conn.permitted()
	if permit.May(access.Configure, name) || permit.May(access.Write, name) || permit.May(access.Read, name) {
		return nil
	}
	return refusedTo(permit, kind, name)
}

// mayTopic asks whether a routing key is free at a topic exchange.
func (ch *channel) mayTopic(right access.Right, exchange, key string) error {
	permit := ch.conn.permitted()
	if !permit.Bounds(exchange) {
		return nil
	}
	if x, ok := ch.conn.client.Exchange(exchange); !ok || x.Kind != route.Topic || permit.MayTopic(right, exchange, key) {
		return nil
	}
	return amqp.Errorf(amqp.AccessRefused, "access to topic '%s' in exchange '%s' in vhost '%s' refused for user '%s'",
		key, exchange, permit.VHost, permit.User)
}

// mayOnQueue asks for a right to a queue, which may be meant by an empty name.
func (ch *channel) mayOnQueue(right access.Right, queue string) error {
	name, err := ch.named(queue)
	if err != nil {
		return err
	}
	return ch.may(right, queueNamed, name)
}

func mayConsume(ch *channel, m amqp.Method) error {
	queue := m.(*amqp.BasicConsume).Queue
	if queue == core.ReplyQueue {
		return nil
	}
	return ch.mayOnQueue(access.Read, queue)
}

// mayDeclareQueue: a queue that is new and has a dead-letter exchange wants
// more, for its messages go there in the declarer's name.
func mayDeclareQueue(ch *channel, m amqp.Method) error {
	d := m.(*amqp.QueueDeclare)
	if core.IsReplyName(d.Queue) {
		return nil
	}
	if d.Passive {
		name, err := ch.named(d.Queue)
		if err != nil {
			return err
		}
		return ch.mayAny(queueNamed, name)
	}
	exists := d.Queue != "" && ch.conn.client.HasQueue(d.Queue)
	if strings.HasPrefix(d.Queue, "amq.") && !exists {
		return nil // reserved
	}
	if d.Queue == "" {
		ch.fresh = core.FreshQueueName()
		d.Queue = ch.fresh
	}
	if err := ch.may(access.Configure, queueNamed, d.Queue); err != nil {
		return err
	}
	target, dead := d.Arguments["x-dead-letter-exchange"].(string)
	if exists || !dead {
		return nil
	}
	return ch.mayForward(queueNamed, d.Queue, target)
}

// mayForward asks for what it takes to have messages of one thing go to an exchange.
func (ch *channel) mayForward(kind, name, target string) error {
	if err := ch.may(access.Read, kind, name); err != nil {
		return err
	}
	return ch.may(access.Write, exchangeNamed, target)
}

func mayDeclareExchange(ch *channel, m amqp.Method) error {
	d := m.(*amqp.ExchangeDeclare)
	if d.Exchange == "" || !d.Passive && !route.Kind(d.Type).Known() {
		return nil // refused to all
	}
	if d.Passive {
		return ch.mayAny(exchangeNamed, d.Exchange)
	}
	_, exists := ch.conn.client.Exchange(d.Exchange)
	if err := ch.may(access.Configure, exchangeNamed, d.Exchange); err != nil {
		return err
	}
	target, alternate := d.Arguments["alternate-exchange"].(string)
	if exists || !alternate || strings.HasPrefix(d.Exchange, "amq.") {
		return nil
	}
	return ch.mayForward(exchangeNamed, d.Exchange, target)
}

func mayDeleteExchange(ch *channel, m amqp.Method) error {
	name := m.(*amqp.ExchangeDelete).Exchange
	if name == "" || strings.HasPrefix(name, "amq.") {
		return nil // refused to all
	}
	return ch.may(access.Configure, exchangeNamed, name)
}

func mayBindQueue(ch *channel, m amqp.Method) error {
	b := m.(*amqp.QueueBind)
	return ch.mayBindTo(b.Queue, b.Exchange, b.RoutingKey)
}

func mayUnbindQueue(ch *channel, m amqp.Method) error {
	b := m.(*amqp.QueueUnbind)
	return ch.mayBindTo(b.Queue, b.Exchange, b.RoutingKey)
}

func (ch *channel) mayBindTo(queue, source, key string) error {
	b, err := ch.binding(source, queue, key, nil)
	if err != nil {
		return err
	}
	return ch.mayBind(queueNamed, b.Destination, source, b.Key)
}

func mayBindExchange(ch *channel, m amqp.Method) error {
	b := m.(*amqp.ExchangeBind)
	return ch.mayBind(exchangeNamed, b.Destination, b.Source, b.RoutingKey)
}

func mayUnbindExchange(ch *channel, m amqp.Method) error {
	b := m.(*amqp.ExchangeUnbind)
	return ch.mayBind(exchangeNamed, b.Destination, b.Source, b.RoutingKey)
}

// mayBind asks for write permission on what is bound and read permission on
// what it is bound to.
func (ch *channel) mayBind(kind, destination, source, key string) error {
	if err := ch.may(access.Write, kind, destination); err != nil {
		return err
	}
	if source == "" || kind == exchangeNamed && destination == "" {
		return nil // refused to all
	}
	if err := ch.may(access.Read, exchangeNamed, source); err != nil {
		return err
	}
	return ch.mayTopic(access.Read, source, key)
}
