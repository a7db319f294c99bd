package session

import "github.com/postrider-mq/postrider/amqp"

// Client is the side that opened the connection. All of it is owned by the
// goroutine that reads the connection; whoever else calls it (OpenChannel,
// CloseChannel, Close) needs that owner's lock.
type Client struct {
	endpoint
	want       Limits
	properties amqp.Table
	vhost      string
}

// ClientConfig is what a Client asks for.
type ClientConfig struct {
	Limits
	Properties amqp.Table // product, connection_name, …; the capabilities are added
	VHost      string
	Brief      uint16 // the channel of which no properties are needed after [Client.Rest]; 0: there is none
}

// NewClient returns a connection of which nothing has been sent.
func NewClient(cfg ClientConfig) *Client {
	c := &Client{
		want:       cfg.Limits.withDefaults(),
		properties: introduce(cfg.Properties, clientCapabilities),
		vhost:      cfg.VHost,
	}
	c.brief = cfg.Brief
	// A broker may let pass what ours does not, and would deliver it again and again, were the connection to end over it.
	c.header = amqp.SplitHeader
	c.maxMessage, c.slab.most = c.want.MaxMessage, c.want.Slab
	c.frameMax = c.want.FrameMax // servers with many properties do not keep to 4096
	return c
}

// Hello returns the protocol header, the first thing to send.
func (c *Client) Hello() []byte {
	c.state = starting
	c.out = append(c.out[:0], amqp.ProtocolHeader[:]...)
	return c.out
}

// Respond follows a Start event: it returns the start-ok to send, with the
// mechanism chosen and its response.
func (c *Client) Respond(mechanism, response string) (reply []byte, err error) {
	c.out = c.out[:0]
	err = c.send(0, &amqp.ConnectionStartOk{
		ClientProperties: c.properties, Mechanism: mechanism, Response: response, Locale: "en_US",
	})
	if err != nil {
		return nil, err
	}
	c.state = tuning
	return c.out, nil
}

// OpenChannel opens the lowest free channel number and returns the open to
// send. A ChannelOpen event follows when the server agreed. The error is an
// *amqp.Error: all numbers are in use (530), or the connection is not open (504).
func (c *Client) OpenChannel() (n uint16, open []byte, err error) {
	c.out = c.out[:0]
	if c.state != running {
		return 0, nil, amqp.Errorf(amqp.ChannelError, "the connection is %s", c.state)
	}
	n, ok := c.channels.lowest()
	if !ok {
		return 0, nil, c.channels.errFull()
	}
	c.channels.add(n, channelOpening)
	c.send(n, &amqp.ChannelOpen{})
	return n, c.out, nil
}

// CloseChannel returns the close to send for a channel that is no longer
// needed; nil when it is closed or being closed. What arrives on it is
// discarded from now on; a ChannelClosed event says that its number is free.
func (c *Client) CloseChannel(n uint16) (reply []byte) {
	c.out = c.out[:0]
	ch := c.channels.at(n)
	if c.state != running || ch == nil || ch.state == channelClosing {
		return nil
	}
	ch.state = channelClosing
	ch.assembly.reset()
	c.send(n, &amqp.ChannelClose{ReplyCode: amqp.ReplySuccess, ReplyText: "bye"})
	return c.out
}

// Close returns the close to send for the connection; nil when it is closed or
// being closed. Everything that arrives is discarded until the Closed event.
func (c *Client) Close() (reply []byte) {
	c.out = c.out[:0]
	if c.state == greeting || c.state >= closing {
		return nil
	}
	c.state = closing
	c.dropChannels()
	c.send(0, &amqp.ConnectionClose{ReplyCode: amqp.ReplySuccess, ReplyText: "bye"})
	return c.out
}

// Receive takes the next frame. An error is always an *amqp.Error, and a fault
// of the server's; what it ends is for Fail to decide, with the frame's channel.
func (c *Client) Receive(f amqp.Frame) (Event, error) {
	c.begin()
	switch {
	case f.Channel == 0:
		return c.onConnection(f, c.onOwn)
	case c.state == running:
	case c.state >= closing:
		return Event{}, nil
	default:
		return Event{}, unexpectedFrame(f)
	}
	ch := c.channels.at(f.Channel)
	if ch == nil {
		return Event{}, c.onFreeNumber(f)
	}
	if ch.state == channelClosing {
		event, freed := c.drained(f.Channel, f)
		if freed {
			event.Kind = ChannelClosed
		}
		return event, nil
	}
	if f.Type == amqp.FrameMethod {
		return c.onMethod(f.Channel, ch, f.Payload)
	}
	whole, err := c.receiveContent(ch, f)
	if err != nil || !whole {
		return Event{}, err
	}
	return Event{Kind: Deliver, Channel: f.Channel, Method: ch.assembly.method, Content: &c.content}, nil
}

func (c *Client) onFreeNumber(f amqp.Frame) error {
	if f.Type != amqp.FrameMethod {
		return errNoMethod(f)
	}
	id, _, err := amqp.PeekMethod(f.Payload)
	if err != nil {
		return err
	}
	return blamed(id, amqp.Errorf(amqp.ChannelError, "channel %d is not open", f.Channel))
}

// onMethod handles a method on a channel that is open or about to be.
func (c *Client) onMethod(n uint16, ch *channel, payload []byte) (Event, error) {
	id, args, err := amqp.PeekMethod(payload)
	switch {
	case err != nil:
		return Event{}, err
	case ch.assembly.stage != idle:
		return Event{}, ch.assembly.interrupted()
	case id == amqp.ChannelCloseID:
		return c.channelLeft(n, args)
	case ch.state == channelOpening:
		return c.onOpening(n, ch, id, args)
	}
	switch id {
	case amqp.BasicDeliverID:
		return c.announce(ch, &ch.deliver, args)
	case amqp.BasicGetOkID:
		return c.announce(ch, &ch.getOk, args)
	case amqp.BasicReturnID:
		return c.announce(ch, &ch.returns, args)
	case amqp.BasicAckID:
		return c.pass(Confirm, n, &c.ack, args)
	case amqp.BasicNackID:
		return c.pass(Confirm, n, &c.nack, args)
	case amqp.BasicCancelID:
		return c.onCancel(n, args)
	case amqp.ChannelFlowID:
		return c.onFlow(n, args)
	}
	return c.onReply(n, id, args)
}

// announce parses a method that carries content in place.
func (c *Client) announce(ch *channel, m amqp.Method, args []byte) (Event, error) {
	if err := m.Parse(args, &c.in); err != nil {
		return Event{}, err
	}
	ch.assembly.begin(m)
	return Event{}, nil
}

// pass hands a method to the shell.
func (c *Client) pass(kind Kind, n uint16, m amqp.Method, args []byte) (Event, error) {
	if err := m.Parse(args, &c.in); err != nil {
		return Event{}, err
	}
	return Event{Kind: kind, Channel: n, Method: m}, nil
}

// onOpening handles a channel that waits for its open-ok: nothing may precede it.
func (c *Client) onOpening(n uint16, ch *channel, id amqp.MethodID, args []byte) (Event, error) {
	if id != amqp.ChannelOpenOkID {
		return Event{}, blamed(id, amqp.Errorf(amqp.ChannelError, "expected 'channel.open-ok'"))
	}
	ch.state = channelOpen
	return c.pass(ChannelOpen, n, &amqp.ChannelOpenOk{}, args)
}

// onReply handles the answers to what the shell sent. Whether they were asked
// for is the shell's to know.
func (c *Client) onReply(n uint16, id amqp.MethodID, args []byte) (Event, error) {
	info, known := id.Info()
	if !known || !info.FromServer || info.IsSync || id.Class() == amqp.ConnectionStartID.Class() ||
		id == amqp.ChannelOpenOkID || id == amqp.ChannelCloseOkID {
		return Event{}, unimplemented(id)
	}
	return c.pass(Reply, n, amqp.NewMethod(id), args)
}

func (c *Client) onCancel(n uint16, args []byte) (Event, error) {
	m := &amqp.BasicCancel{}
	event, err := c.pass(Cancelled, n, m, args)
	if err == nil && !m.NoWait {
		c.send(n, &amqp.BasicCancelOk{ConsumerTag: m.ConsumerTag})
		event.Reply = c.out
	}
	return event, err
}

func (c *Client) onFlow(n uint16, args []byte) (Event, error) {
	m := &amqp.ChannelFlow{}
	event, err := c.pass(Flow, n, m, args)
	if err == nil {
		c.send(n, &amqp.ChannelFlowOk{Active: m.Active})
		event.Reply = c.out
	}
	return event, err
}

// onOwn handles a method on channel 0 that is the server's.
func (c *Client) onOwn(id amqp.MethodID, args []byte) (Event, error) {
	switch {
	case id == amqp.ConnectionStartID && c.state == starting:
		return c.onStart(args)
	case id == amqp.ConnectionTuneID && c.state == tuning:
		return c.onTune(args)
	case id == amqp.ConnectionOpenOkID && c.state == opening:
		c.state = running
		return c.pass(Ready, 0, &amqp.ConnectionOpenOk{}, args)
	case id == amqp.ConnectionBlockedID && c.state == running:
		return c.pass(Blocked, 0, &amqp.ConnectionBlocked{}, args)
	case id == amqp.ConnectionUnblockedID && c.state == running:
		return c.pass(Unblocked, 0, &amqp.ConnectionUnblocked{}, args)
	case id == amqp.ConnectionUpdateSecretOkID && c.state == running:
		return c.pass(Reply, 0, &amqp.ConnectionUpdateSecretOk{}, args)
	}
	return Event{}, unexpectedMethod(id, c.state)
}

func (c *Client) onStart(args []byte) (Event, error) {
	m := &amqp.ConnectionStart{}
	event, err := c.pass(Start, 0, m, args)
	if err != nil {
		return event, err
	}
	c.peer = Peer{Properties: m.ServerProperties}
	c.state = verifying
	return event, nil
}

// onTune answers with the lower of each pair of limits and enters the virtual
// host in the same breath.
func (c *Client) onTune(args []byte) (Event, error) {
	var m amqp.ConnectionTune
	if err := m.Parse(args, nil); err != nil {
		return Event{}, err
	}
	if m.FrameMax != 0 && m.FrameMax < amqp.MinFrameMax {
		return Event{}, blamed(m.ID(), amqp.Errorf(amqp.NotAllowed,
			"the server offers a frame_max of %d, below the %d of the protocol", m.FrameMax, amqp.MinFrameMax))
	}
	c.frameMax = lower(m.FrameMax, c.want.FrameMax)
	c.channels.max = lower(m.ChannelMax, c.want.ChannelMax)
	c.heartbeat = lower(m.Heartbeat, c.want.Heartbeat)
	c.send(0, &amqp.ConnectionTuneOk{ChannelMax: c.channels.max, FrameMax: c.frameMax, Heartbeat: c.heartbeat})
	if err := c.send(0, &amqp.ConnectionOpen{VirtualHost: c.vhost}); err != nil {
		return Event{}, err
	}
	c.state = opening
	return Event{Reply: c.out}, nil
}

// lower returns the lower of two limits, 0 being no limit.
func lower[T uint16 | uint32](a, b T) T {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}
