package postrider

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/broker"
	"github.com/postrider-mq/postrider/internal/client"
)

// A node takes control messages from a queue of their own beside its inbox, and peers send them over a connection of its own. So they wait
// behind no data: not in the sender's outbox, not on the wire, not in the inbox, and not for a handler.
//
//	alice ══ data ═════► bob        inbox ──► handlers
//	      ── control ──► bob.control      ──► ping, cancel: at once; the application's: a goroutine for each name

// headerControl says what a control message is about.
const headerControl = "x-postrider-control"

// controlSuffix ends the name of the queue for control messages.
const controlSuffix = ".control"

// Control messages of this package's own.
const (
	ownControl    = "postrider." // begins their names
	controlPing   = ownControl + "ping"
	controlCancel = ownControl + "cancel" // the body is the id of a call
)

// Control makes it a control message about name, to be acted upon by what the peer has given to [Node.Control]. It does not wait behind
// messages: a full inbox or outbox or a slow handler does not hold it up. It goes to peers only, and is never on a disk.
// A name has 1 to 255 bytes.
func Control(name string) SendOption {
	return func(o *sendOptions) { o.control = o.named("Control", name) }
}

// Control has h act upon the control messages of a name, one after the other, until the node closes; see the option [Control]. Each
// name has a goroutine of its own. What h returns goes to the caller of a [Call]; otherwise an error is logged, and nothing is tried again.
func (n *Node) Control(name string, h Handler) error {
	if name == "" || strings.HasPrefix(name, ownControl) || len(name) > client.MaxID {
		return fmt.Errorf("postrider: control messages cannot be named %q: want 1 to 255 bytes that do not begin with %s", name, ownControl)
	}
	if h == nil {
		return errNoHandler
	}
	return n.control.handle(name, h)
}

// Ping asks whether the peer's process is there and returns how long it took to answer, be its inbox as full as it may.
func (t *Target) Ping(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	if _, err := Call[string](ctx, t, []byte(nil), Control(controlPing)); err != nil {
		return 0, err
	}
	return time.Since(began), nil
}

// control is the receiving end of a node's lane for control messages. Its handlers are not among the node's workers: Shutdown
// leaves them be until the end.
type control struct {
	node    *Node
	tap     *tap
	running sync.WaitGroup

	mu    sync.Mutex
	names map[string]chan *Message
	over  bool
}

// Bounds of what waits for a goroutine that acts upon control messages.
const (
	maxControl        = 1024 // not looked at yet
	maxControlOfAName = 256
)

// openControl begins to take control messages.
func openControl(ctx context.Context, n *Node) (*control, error) {
	name := n.cfg.Name + controlSuffix
	_, err := n.local.conn.DeclareQueue(ctx, broker.QueueOptions{Name: name, Exclusive: true})
	switch {
	case isRefusal(err, amqp.ResourceLocked), isRefusal(err, amqp.PreconditionFailed):
		return nil, fmt.Errorf("there is a queue %q in Config.Dir already, and a node named %s takes its control messages from a queue of that name: "+
			"give the node another name, or work off and delete the queue, as from a node of another name or with postrider serve --dir: %w", name, n.cfg.Name, err)
	case err != nil:
		return nil, err
	}
	if err := n.local.broker.Bound(name, controlMessages, controlBytes); err != nil {
		return nil, err
	}
	c := &control{node: n, names: make(map[string]chan *Message)}
	way := &local{at: n.local, queue: name, from: n.cfg.Name}
	at := &Target{node: n, name: n.cfg.Name, title: "control of " + n.cfg.Name, grade: Received, takes: true, way: way, control: true, repeats: newRepeats()}
	inbox := n.Inbox()
	at.sealTo, at.sealed = inbox.sealTo, inbox.sealed
	c.tap = newTap(at)
	c.tap.intake = way.take(maxControl, c.tap)
	if err := c.tap.intake.err(); err != nil {
		return nil, err
	}
	c.running.Go(c.run)
	return c, nil
}

func (c *control) run() {
	var press press
	for {
		m, ok := c.tap.next(c.node.ctx, &press)
		if !ok {
			break
		}
		c.act(m)
	}
	c.mu.Lock()
	c.over = true
	for _, to := range c.names {
		close(to)
	}
	c.mu.Unlock()
}

// act does at once what can be, and passes on the application's messages. It never waits.
func (c *control) act(m *Message) {
	name := text(m.headers(), headerControl)
	switch name {
	case controlPing:
		c.conclude(m, nil)
		return
	case controlCancel:
		c.node.calls.cancel(callKey{m.From, string(m.Body), m.attempt()})
		c.conclude(m, nil)
		return
	}
	c.mu.Lock()
	to := c.names[name]
	c.mu.Unlock()
	if to == nil {
		c.conclude(m, &RemoteError{Code: int(amqp.NotFound), Reason: fmt.Sprintf("nothing here acts upon control messages named %q", name)})
		return
	}
	select {
	case to <- m:
	default:
		c.conclude(m, &RemoteError{Code: int(amqp.ResourceError), Reason: fmt.Sprintf("%d control messages named %q wait already", maxControlOfAName, name)})
	}
}

func (c *control) handle(name string, h Handler) error {
	to := make(chan *Message, maxControlOfAName)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.over || c.node.ctx.Err() != nil:
		return ErrClosed
	case c.names[name] != nil:
		return fmt.Errorf("postrider: control messages named %q are acted upon already", name)
	}
	c.names[name] = to
	c.running.Add(1)
	lasting(func() {
		for m := range to {
			c.handled(m, h)
		}
	}, c.running.Done)
	return nil
}

func (c *control) handled(m *Message, h Handler) {
	err := errExited
	defer func() { c.conclude(m, err) }()
	err = m.handle(c.node.ctx, h)
}

// conclude tells who waits, and settles the message: it does not come again.
func (c *control) conclude(m *Message, err error) {
	switch {
	case m.WantsReply():
		var body any = []byte(nil)
		if err != nil {
			body = remoteError(err)
		}
		_ = m.Reply(context.Background(), body) // who asked is told, or gone
	case err != nil:
		m.log().Warn("a control message was not acted upon", "message", m.ID, "from", m.From, "name", text(m.headers(), headerControl), "error", err)
	}
	if err != nil && m.WantsReply() {
		m.handOver(buried)
		return
	}
	m.ack(false)
}

func (c *control) wait() {
	if c != nil {
		c.running.Wait()
	}
}

// lane is the way for control messages to a target.
func (t *Target) lane() (outlet, error) {
	if t.why != nil {
		return nil, t.why
	}
	if t.way == outlet(t.node.inbox) {
		return &local{at: t.node.local, queue: t.name + controlSuffix, from: t.node.cfg.Name}, nil
	}
	if t.peerAt == nil {
		return nil, fmt.Errorf("control messages go to peers, not to %s", t)
	}
	n := t.node
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return nil, client.ErrClosed
	}
	pub := n.laneTo(*t.peerAt).Publisher()
	return &remote{queue: &client.Queue{Name: t.name + controlSuffix}, from: n.cfg.Name, pub: pub}, nil
}

// via is the way for a message with these options, as long as its context has not ended.
func (t *Target) via(ctx context.Context, o *sendOptions) (outlet, error) {
	way, err := t.wayFor(o)
	if err == nil {
		err = ctx.Err()
	}
	return way, err
}

func (t *Target) wayFor(o *sendOptions) (outlet, error) {
	switch {
	case o.control == "":
	case o.until > Received:
		return nil, errors.New("nobody tells when a control message was handled: use Call, which waits for it")
	default:
		o.until = Pending // received is all that there is
		return t.lane()
	}
	return t.way, t.why
}

// abandon tells the handler of a call, if it has one by now, that nobody waits for it any more. It does not wait.
func (t *Target) abandon(call *draft) {
	n := t.node
	key := callKey{n.cfg.Name, call.id.String(), call.attempt()}
	d := draft{id: n.ids.next(), style: styleText + styleTransient, body: []byte(key.id), more: &extras{control: controlCancel, expires: cancelFor, attempt: key.attempt}}
	var way outlet
	var err error
	switch {
	case t.peerAt != nil:
		way, err = t.lane()
	case t.away(), n.cfg.ShareMailboxes:
		n.calls.cancel(key)
		all := &Target{node: n}
		n.mu.Lock()
		all.way = n.wayToAll(all, cancels(), nil, "")
		n.mu.Unlock()
		all.make()
		way, err = all.way, all.why
	default:
		n.calls.cancel(key)
		return
	}
	if err == nil {
		err = way.post(new(client.Fate), d)
	}
	if err != nil && !errors.Is(err, client.ErrClosed) {
		n.log.Debug("the handler of a call was not told that nobody waits for it", "call", key.id, "target", t.String(), "error", err)
	}
}

// cancelFor is how long the word that a call is over is of interest.
const cancelFor = 30 * time.Second

// cancels is where all hear of them who have got calls from mailboxes: nobody knows which of them has a call.
func cancels() *client.Exchange {
	return &client.Exchange{Name: ownControl + "cancel", Kind: "fanout"}
}

// heedCancels begins to hear of calls from mailboxes that nobody waits for any more, if it has not; done with the first call that came from one.
func (n *Node) heedCancels() {
	n.beginToHeed()
	if n.cancels != nil {
		n.awaitCancels()
	}
}

func (n *Node) beginToHeed() {
	n.cancelsOnce.Do(func() {
		q := &client.Queue{Name: n.cfg.Name + ".cancel", Own: true, From: cancels(), Keys: []string{""}}
		if len(n.mail) > 0 {
			n.cancels = n.receivingConn().Consume(q, defaultPrefetch, func(d *client.Delivery) {
				n.heed(d.Props, d.Body)
				d.Ack()
			})
			return
		}
		name, err := n.local.sure(n.ctx, q)
		if err == nil {
			_, err = n.local.conn.Consume(n.ctx, name, broker.ConsumeOptions{NoAck: true}, func(d broker.Delivery) { n.heed(d.Props, d.Body) })
		}
		if err != nil && !errors.Is(err, broker.ErrClosed) {
			n.log.Warn("handlers will not be told of calls that nobody waits for any more", "error", err)
		}
	})
}

// awaitCancels waits, not for long and with no lock held, until calls are heard of, so that the first can be given up, too.
func (n *Node) awaitCancels() {
	select {
	case <-n.cancels.First():
		return
	default:
	}
	ctx, done := context.WithTimeout(n.ctx, time.Second)
	defer done()
	select {
	case <-n.cancels.First():
	case <-ctx.Done():
	}
}

func (n *Node) heed(props amqp.RawProperties, body []byte) {
	if v, err := props.View(); err == nil {
		n.calls.cancel(callKey{string(v.AppID), string(body), text(v.Headers, headerAttempt)})
	}
}
