package differential

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/postrider-mq/postrider/amqp"
)

// A world plays one program against one broker. It belongs to one goroutine.
type world struct {
	at      Target
	links   [connections]*link // of the program; nil where none is open
	control *link              // inspects the queues
	queues  map[string]bool    // that may be there
	names   names
	replyTo string // of the request that was delivered last
	step    int
	showing showing

	policies map[Policy]bool // that may be there, by kind and name
	quorum   bool            // the program has quorum queues
	sharing  *sharing        // if it has consistent-hash exchanges
	barriers int             // purges that are due, each written behind everything else
}

// Play runs a program and returns what each of its steps showed; the last
// element is what is in the queues when all channels are closed. Afterwards
// nothing of it is left in the virtual host. An error means that the broker
// could not be talked to at all.
func Play(at Target, p Program) (shown [][]string, err error) {
	w := &world{at: at, queues: map[string]bool{}, names: names{vhost: at.VHost}, policies: map[Policy]bool{}, quorum: p.quorum()}
	if p.shares() {
		w.sharing = newSharing()
	}
	if w.control, err = w.connect("control"); err != nil {
		return nil, err
	}
	defer w.hangUp()
	for i, s := range p {
		w.step = i
		if err := w.perform(s); err != nil {
			return nil, err
		}
		w.settle()
		w.noteSharing(&s)
		shown = append(shown, w.showing.lines(&w.names))
	}
	w.step = len(p)
	w.finish()
	return append(shown, w.showing.lines(&w.names)), nil
}

// noteSharing follows the bindings to consistent-hash exchanges.
func (w *world) noteSharing(s *Step) {
	if w.sharing != nil {
		w.sharing.after(s, w.showing.places[fmt.Sprintf("%d.%d replies", s.Conn, s.Channel)])
	}
}

func (w *world) hangUp() {
	w.control.close()
	for _, l := range w.links {
		if l != nil {
			l.close()
		}
	}
}

// link is a connection with its channels.
type link struct {
	*wire
	world    *world
	name     string
	channels map[uint16]*channel
	ended    bool

	purged     int  // how often the barrier's queue was
	inspecting bool // its channel of that number is open
	answers    []amqp.Method
	shown      *event // the last of them
}

func (w *world) connect(name string) (*link, error) {
	conn, err := dial(w.at)
	if err != nil {
		return nil, err
	}
	l := &link{wire: conn, world: w, name: name, channels: map[uint16]*channel{}}
	// It ends with the connection, and so tells when that is all over.
	l.ask(&amqp.QueueDeclare{Queue: mark(name), Exclusive: true})
	return l, nil
}

func mark(name string) string { return "mark of " + name }

// channel is what a client has to remember of a channel.
type channel struct {
	name        string
	number      uint16
	closing     bool
	flows       int // questions that are not answered
	published   uint64
	confirming  bool
	unconfirmed map[uint64]bool
	confirmOf   map[string]uint64 // by body
	consuming   bool              // no-ack of what is being asked for
	noAck       map[string]bool   // by consumer tag
	outstanding []outstanding
	undone      []outstanding // settled in a transaction
	inTx        bool
	committing  bool
	settled     uint64
	lastTag     uint64
}

// outstanding is a delivery that waits for its settlement.
type outstanding struct {
	tag      uint64
	step     int
	consumer string
}

// channel returns an open one, opening what has to be opened.
func (w *world) channel(s *Step) (*link, *channel, error) {
	l := w.links[s.Conn]
	if l == nil || l.ended {
		var err error
		if l, err = w.connect(fmt.Sprint(s.Conn)); err != nil {
			return nil, nil, err
		}
		w.links[s.Conn] = l
	}
	ch := l.channels[s.Channel]
	if ch == nil {
		ch = &channel{
			name: fmt.Sprintf("%s.%d", l.name, s.Channel), number: s.Channel,
			unconfirmed: map[uint64]bool{}, confirmOf: map[string]uint64{}, noAck: map[string]bool{},
		}
		l.channels[s.Channel] = ch
		l.say(ch.number, &amqp.ChannelOpen{})
	}
	return l, ch, nil
}

// perform sends what the step says.
func (w *world) perform(s Step) error {
	if s.Policy != nil {
		return w.manage(s.Policy)
	}
	l, ch, err := w.channel(&s)
	if err != nil {
		return err
	}
	if s.HangUp {
		l.close()
		l.end()
		return nil
	}
	b, ok := w.octets(&s, ch)
	if !ok {
		return nil
	}
	if err := l.write(b); err != nil {
		w.showing.add(l.name, "cannot be written to")
	}
	return nil
}

// octets is what the step puts on the wire; ok is false when it aims at a
// delivery and there is none.
func (w *world) octets(s *Step, ch *channel) (b []byte, ok bool) {
	m, ok := w.aimed(s, ch)
	if !ok {
		return nil, false
	}
	if m != nil {
		ch.expect(m)
		if m.ID() == amqp.ConnectionCloseID {
			b, _ = m.AppendFrame(b, 0)
		} else {
			b, _ = m.AppendFrame(b, ch.number)
		}
		if q, ok := m.(*amqp.QueueDeclare); ok && q.Queue != "" {
			w.queues[q.Queue] = true
		}
	}
	if m != nil && m.ID() == amqp.BasicPublishID {
		if w.sharing != nil {
			w.sharing.before(s)
		}
		if ch.confirming {
			ch.published++
			ch.unconfirmed[ch.published] = true
			ch.confirmOf[s.Body] = ch.published
		}
		raw, err := s.Props.Append(nil)
		if err != nil {
			raw = nil
		}
		b = amqp.AppendHeaderFrame(b, ch.number, 60, uint64(len(s.Body)), raw)
		b = amqp.AppendBodyFrames(b, ch.number, []byte(s.Body), 131072)
	}
	return append(b, s.Octets...), true
}

// aimed is the step's method with the delivery tag that it aims at.
func (w *world) aimed(s *Step, ch *channel) (m amqp.Method, ok bool) {
	switch m := s.Method.(type) {
	case *amqp.BasicAck:
		c := *m
		ok = ch.aim(s, &c.DeliveryTag, c.Multiple)
		return &c, ok
	case *amqp.BasicNack:
		c := *m
		ok = ch.aim(s, &c.DeliveryTag, c.Multiple)
		return &c, ok
	case *amqp.BasicReject:
		c := *m
		ok = ch.aim(s, &c.DeliveryTag, false)
		return &c, ok
	case *amqp.BasicPublish:
		if s.Reply {
			c := *m
			c.RoutingKey = w.replyTo
			return &c, w.replyTo != ""
		}
	}
	return s.Method, true
}

// expect notes what the method means for what will come.
func (ch *channel) expect(m amqp.Method) {
	switch m := m.(type) {
	case *amqp.ConfirmSelect:
		ch.confirming = !ch.inTx
	case *amqp.TxSelect:
		ch.inTx = true
	case *amqp.TxCommit:
		ch.committing = true
		ch.undone = nil
	case *amqp.TxRollback:
		ch.outstanding = append(ch.outstanding, ch.undone...)
		ch.undone = nil
	case *amqp.BasicConsume:
		ch.consuming = m.NoAck
		if m.NoWait {
			ch.noAck[m.ConsumerTag] = m.NoAck
		}
	case *amqp.BasicGet:
		ch.consuming = m.NoAck
	case *amqp.BasicRecover, *amqp.BasicRecoverAsync:
		ch.outstanding = nil
	case *amqp.ChannelClose:
		ch.closing = true
	}
}

// aim finds the tag that the step means and takes what it settles off the books.
func (ch *channel) aim(s *Step, tag *uint64, multiple bool) bool {
	switch s.Aim {
	case one, through:
		if len(ch.outstanding) == 0 {
			return false
		}
		*tag = ch.target(s)
	case again:
		if ch.settled == 0 {
			return false
		}
		*tag = ch.settled
	}
	ch.strike(*tag, multiple)
	return true
}

// target is the tag of the delivery that the step aims at. Deliveries of
// different consumers in one step come in any order, so they are counted in that
// of their steps and consumers.
func (ch *channel) target(s *Step) (tag uint64) {
	slices.SortStableFunc(ch.outstanding, func(a, b outstanding) int {
		if a.step != b.step {
			return a.step - b.step
		}
		return strings.Compare(a.consumer, b.consumer)
	})
	chosen := ch.outstanding[s.Index%len(ch.outstanding)]
	if s.Aim == one {
		return chosen.tag
	}
	for _, o := range ch.outstanding {
		if o.step <= chosen.step {
			tag = max(tag, o.tag)
		}
	}
	return tag
}

func (ch *channel) strike(tag uint64, multiple bool) {
	var left []outstanding
	for _, o := range ch.outstanding {
		if o.tag == tag || multiple && (tag == 0 || o.tag <= tag) {
			ch.settled = o.tag
			if ch.inTx {
				ch.undone = append(ch.undone, o)
			}
			continue
		}
		left = append(left, o)
	}
	ch.outstanding = left
}

// live are the connections that are open, the control connection first.
func (w *world) live() []*link {
	list := []*link{w.control}
	for _, l := range w.links {
		if l != nil && !l.ended {
			list = append(list, l)
		}
	}
	return list
}

func (l *link) each() []*channel {
	list := make([]*channel, 0, len(l.channels))
	for _, n := range slices.Sorted(maps.Keys(l.channels)) {
		list = append(list, l.channels[n])
	}
	return list
}
