package server

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/access"
	"github.com/postrider-mq/postrider/internal/core"
	"github.com/postrider-mq/postrider/internal/journal"
	"github.com/postrider-mq/postrider/internal/link"
	"github.com/postrider-mq/postrider/internal/session"
)

// conn is one client's connection.
type conn struct {
	server *Server
	core   *core.Core
	log    *slog.Logger
	net    net.Conn
	link   *link.Link
	ctx    context.Context // ends with the link
	cancel context.CancelFunc

	// Owned by R, the goroutine of run, or who reads in its place: see lull.go.
	session   *session.Server
	greeted   bool // the protocol header has passed
	user      *access.User
	mechanism string         // that user logged in by
	permit    *access.Permit // what user may do in client's virtual host; see permitted
	client    *core.Client   // nil until the virtual host is open
	place     *place         // nil unless the client connects again
	channels  []*channel     // by number; nil where closed; R changes it under out.mu, for others look
	burst     core.Burst
	commands  int // of this burst
	calls     int // those of them that were calls; see confirmSoon
	settling  []outstanding
	positions []uint64
	heartbeat *heartbeat
	yield     func() // lets others go on, where there is no goroutine to wait in; else nil
	loader    core.Loader
	room      []core.Message // for messages to come
	made      int            // how many were made room for together
	published bool           // in this burst
	held      bool           // a publish comes next, and the broker is low on something
	stuffed   bool           // more comes, and too many answers lie unread
	looks     int            // at a client that is not read; see left
	packed    bool           // in this burst, a pack
	alone     int            // bursts in a row with a publish that was all that waited for a confirm
	consumes  bool           // or did: others than its own publishes count on R
	reminder  *time.Timer    // wakes the writer when a call's confirm has waited; reminded while it runs
	reminded  atomic.Bool
	seat      link.Seat
	relieve   func() // readOn, bound once

	crowded   atomic.Bool   // the last burst had many commands, not all of them calls: what the client gets can wait for more of it
	listening atomic.Bool   // R waits for the client, not for the broker
	frameMax  atomic.Uint32 // for Next
	notified  atomic.Bool   // the core will call Durable
	out       outbox

	orders  orders
	about   atomic.Pointer[ConnectionInfo] // nil until the virtual host is open
	waiting atomic.Bool                    // to publish, because the broker is low on memory or disk
}

func newConn(s *Server, nc net.Conn, manual bool) *conn {
	c := &conn{
		server: s,
		core:   s.cfg.Core,
		net:    nc,
		permit: &access.Permit{},
		session: session.NewServer(session.ServerConfig{
			Limits:     s.cfg.Limits,
			Properties: s.cfg.Properties,
			Mechanisms: s.mechanisms(nc),
		}),
	}
	c.ctx, c.cancel = context.WithCancel(s.ctx)
	c.orders.came = make(chan struct{}, 1)
	c.log = s.cfg.Logger.With("peer", nc.RemoteAddr().String())
	c.frameMax.Store(c.session.FrameMax())
	c.burst.Waiting = func() { c.link.Wake() }
	c.out.room = make(chan struct{}, 1)
	c.relieve = c.readOn
	c.link = link.New(nc, c, link.Config{Ended: c.cancel, Manual: manual})
	return c
}

// run is R. It ends when the connection does, and cleans up; or when another goroutine has become R.
func (c *conn) run() {
	c.listenUntil(time.Now().Add(c.server.cfg.Handshake))
	c.end(c.read())
}

// end cleans up after the connection.
func (c *conn) end(err error) {
	if err == errRelieved {
		return
	}
	c.report(err)
	c.release()
	c.server.successions.leave(c)
	c.link.Close(err)
	c.link.Quiesce(c.out.end)
	if c.client == nil {
		c.server.doors.leave(c.net.RemoteAddr())
	}
	c.server.removeConn(c)
}

// errOver ends a connection that was closed in good order.
var errOver = errors.New("closed")

// read handles bursts until there are no more.
func (c *conn) read() error {
	for {
		c.listening.Store(true)
		b, err := c.link.Read()
		c.listening.Store(false)
		if err != nil {
			if !c.obey() {
				return err
			}
			c.endBurst()
			continue
		}
		for again := true; again; again = c.held || c.stuffed {
			if b, err = c.work(b); err != nil {
				return err
			}
		}
	}
}

// hold waits until more may be read.
func (c *conn) hold() error {
	err := c.slowDown()
	if err == nil {
		c.awaitRoom()
	}
	return err
}

// work handles a burst, waits for what has to be waited for, and returns what is left of the burst.
func (c *conn) work(b []byte) ([]byte, error) {
	now := c.core.Now()
	c.burst.Begin(now)
	c.session.At(time.Duration(now))
	c.held, c.stuffed = false, false
	rest, err := c.handle(b)
	c.link.Keep(rest)
	c.session.Rest()
	c.room, c.made = nil, 0
	c.endBurst()
	if err != nil {
		c.seat.Leave()
		c.link.Drain(time.Now().Add(lastWords))
		return nil, err
	}
	if !c.seat.Lend(c.relieve) {
		return nil, errRelieved
	}
	return rest, c.hold()
}

// handle does everything for the frames in b, but for a publish while the broker is low on something and what follows it, and for what
// follows an answer with which too many lie unread. It returns what is left of b.
func (c *conn) handle(b []byte) ([]byte, error) {
	if !c.greeted {
		rest, reply, ok, err := c.session.Preamble(b)
		c.send(reply)
		if err != nil || !ok {
			return rest, err
		}
		c.greeted, b = true, rest
	}
	low := c.core.Shortage() != 0
	for {
		rest, f, ok, err := amqp.ParseFrame(b, c.session.FrameMost())
		if err != nil {
			return nil, c.unreadable(err)
		}
		if !ok {
			return rest, nil
		}
		if low && c.waits(f) {
			c.held = true
			return b, nil
		}
		b = rest
		if low {
			err = c.mayGoOn(f)
		}
		if err != nil {
			err = c.failed(0, err)
		} else {
			err = c.frame(f)
		}
		if err == errStuffed {
			c.stuffed = true
			return b, nil
		} else if err != nil {
			return b, err
		}
	}
}

// errStuffed ends a burst before its end: what was answered so far has to leave first.
var errStuffed = errors.New("too many answers lie unread")

// unreadable ends a connection whose bytes are not frames: nothing that
// follows can be understood, not even the answer to our close.
func (c *conn) unreadable(err error) error {
	var problem *amqp.Error
	if errors.As(err, &problem) {
		c.fail(0, problem)
	}
	return err
}

// frame handles one frame. An error ends the connection; what was to be said
// about it is in the outbox.
func (c *conn) frame(f amqp.Frame) error {
	ev, err := c.session.Receive(f)
	if err != nil {
		return c.failed(f.Channel, err)
	}
	switch ev.Kind {
	case session.Publish:
		err = c.channels[ev.Channel].publish(ev.Method.(*amqp.BasicPublish), ev.Content)
	case session.Command:
		err = c.command(ev)
	case session.Login:
		return c.login(ev.Method.(*amqp.ConnectionStartOk))
	case session.Open:
		return c.open(ev.Method.(*amqp.ConnectionOpen))
	case session.ChannelOpen:
		if err = c.mayOpenChannel(); err == nil {
			c.openChannel(ev.Channel)
		}
	case session.ChannelClosed:
		c.closeChannel(ev.Channel)
	case session.Closed:
		c.release() // before close-ok: who comes again finds the names of exclusive queues free
		c.send(ev.Reply)
		return errOver
	}
	switch {
	case err == errStuffed:
		return err
	case err != nil:
		return c.failed(ev.Channel, blame(err, ev.Method))
	}
	c.send(ev.Reply)
	return nil
}

// blame names the method that led to err, as the close that follows does. The
// error itself may be known to others, so it is not changed.
func blame(err error, m amqp.Method) error {
	var problem *amqp.Error
	if !errors.As(err, &problem) || problem.Method != 0 || m == nil {
		return err
	}
	blamed := *problem
	blamed.Method = m.ID()
	return &blamed
}

// failed closes what err is to close: the channel or the connection. It returns an error
// when there is nothing left to wait for.
func (c *conn) failed(number uint16, err error) error {
	var problem *amqp.Error
	if !errors.As(err, &problem) {
		c.log.Error("a command failed", "channel", number, "error", err)
		problem = amqp.Errorf(amqp.InternalError, "%v", err)
	}
	c.fail(number, problem)
	if c.session.Closed() {
		return problem
	}
	return nil
}

// severity of a channel's error: a passive declare that finds nothing is a question, not a mistake.
func severity(problem *amqp.Error) slog.Level {
	if problem.Code == amqp.NotFound && (problem.Method == amqp.QueueDeclareID || problem.Method == amqp.ExchangeDeclareID) {
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// farewell logs why a connection is ended. An order to go is the broker's own doing, and no error; a login that is refused has been
// logged with its reason.
func (c *conn) farewell(number uint16, problem *amqp.Error) {
	switch {
	case problem.Code == amqp.ConnectionForced:
		c.log.Info("connection closed", "reason", problem.Text)
	case problem.Code == amqp.AccessRefused && number == 0:
		c.log.Debug("connection closed with an error", "error", problem.Error())
	default:
		c.log.Warn("connection closed with an error", "channel", number, "error", problem.Error())
	}
}

func (c *conn) fail(number uint16, problem *amqp.Error) {
	reply := append([]byte(nil), c.session.Fail(number, problem)...)
	if number != 0 && problem.Scope() == amqp.ScopeChannel {
		c.log.Log(c.ctx, severity(problem), "channel closed with an error", "channel", number, "error", problem.Error())
		c.closeChannel(number)
	} else {
		c.farewell(number, problem)
		c.release()
		c.listenUntil(time.Now().Add(lastWords)) // for its close-ok
	}
	c.sendOwned(reply)
}

// endBurst does what the burst left to be done. What this connection has to say
// goes first: at once if it was little, for somebody waits for it; by the writer
// if it was much. Waking others may cost a switch of threads.
func (c *conn) endBurst() {
	c.burst.Urgent = c.commands <= urgentBurst
	c.burst.Patient = c.patient()
	switch {
	case c.burst.Patient:
		c.alone++
	case c.published:
		c.alone = 0
	}
	c.burst.Lone = c.alone > aloneOften
	calls := c.calls == c.commands && c.calls > 0 && c.yield == nil
	if (calls || c.burst.Urgent && c.published) && c.yield == nil && !c.held && !c.stuffed { // it has nothing else to say then
		c.burst.Lull = &c.seat.Lull
	}
	c.crowded.Store(!c.burst.Urgent && !calls)
	c.commands, c.calls = 0, 0
	switch {
	case calls:
		c.confirmSoon()
	case c.burst.Urgent:
		c.link.Flush()
	default:
		c.link.Wake()
	}
	c.burst.End()
	c.burst.Lull = nil
}

// soon is how long the confirm of a call may wait for the answer.
const soon = time.Millisecond

// confirmSoon leaves the confirms of calls to be sent with what is sent next: their callers wait for answers on this connection, and
// a confirm by itself would cost both sides a system call and the caller a wake.
func (c *conn) confirmSoon() {
	if c.reminded.Swap(true) {
		return
	}
	if c.reminder == nil {
		c.reminder = time.AfterFunc(soon, c.remind)
	} else {
		c.reminder.Reset(soon)
	}
}

func (c *conn) remind() {
	c.reminded.Store(false)
	if c.out.owesConfirms() {
		c.link.Wake()
	}
}

// patient says whether R may wait for the disk, and so write to it in the place of the journal's writer: its client sent one publish, which
// is all that waits for a confirm, and gets nothing from R but confirms. That is how a client publishes that waits for each confirm.
func (c *conn) patient() bool {
	return c.commands == 1 && c.published && !c.consumes && c.out.awaitsOne()
}

// aloneOften is how many publishes in a row came when all before was confirmed, of a client that always waits.
const aloneOften = 16

// urgentBurst is up to how many commands a burst counts as one that somebody waits for.
const urgentBurst = 8

// send puts a copy of encoded frames into the outbox.
func (c *conn) send(frames []byte) {
	if len(frames) > 0 {
		c.sendOwned(append([]byte(nil), frames...))
	}
}

// sendOwned is send for bytes that nobody else will change. The link is woken
// at the end of the burst. It says whether too many answers wait by then.
func (c *conn) sendOwned(frames []byte) (crowded bool) {
	if len(frames) == 0 {
		return false
	}
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	c.out.put(item{frames: frames})
	return c.out.answers >= fullOutbox
}

// reply sends a method on a channel.
func (c *conn) reply(channel uint16, m amqp.Method) error {
	frame, err := m.AppendFrame(nil, channel)
	if err != nil {
		return err
	}
	c.sendOwned(frame)
	return nil
}

// Next implements link.Source: the deliveries and replies in their order, then
// the confirms. To resume consumers and to read what was paged out may wait for
// the journal, whose writer may be the one that is in a hurry.
func (c *conn) Next(hurried bool) []byte {
	o := &c.out
	if o.over {
		return nil
	}
	if o.done() {
		o.swap(uint64(c.core.Durable()))
		if o.acked > 0 {
			c.core.Count(core.Confirmed, o.acked)
		}
		if o.relief && !hurried {
			c.resumePaused()
		}
		c.askForDurable()
	}
	piece := o.encode(c.frameMax.Load(), hurried)
	if hurried && o.leftAside() {
		c.link.Wake()
	}
	return piece
}

// resumePaused lets consumers go on that were paused because this outbox was full, as far as there is room again: the others are the first next time.
func (c *conn) resumePaused() {
	var b core.Burst
	b.Begin(c.core.Now())
	inTurn(&b, c.out.relieved(), c.out.waitOn)
	b.End()
}

// awaitRoom waits while the client leaves answers to its own commands lying:
// messages that it got, and those that it has back. What is delivered to its
// consumers is not counted, for these are paused in time.
func (c *conn) awaitRoom() {
	for c.out.crowded() {
		select {
		case <-c.out.room:
		case <-c.ctx.Done():
			return
		}
	}
}

// askForDurable makes sure that the journal's next progress wakes this
// connection if it waits for it.
func (c *conn) askForDurable() {
	if c.out.awaited == 0 || c.notified.Swap(true) {
		return
	}
	if !c.core.NotifyDurable(c, journal.LSN(c.out.awaited)) {
		c.Durable(false) // meanwhile it is
	}
}

// Durable implements core.Waiter. A few confirms are sent by the journal's writer
// itself, which saves their publisher a switch to another goroutine.
func (c *conn) Durable(urgent bool) {
	c.notified.Store(false)
	if urgent && c.out.brief() {
		c.link.Flush()
	} else {
		c.link.Wake()
	}
}

// release lets go of all that the connection holds in the core.
func (c *conn) release() {
	if c.heartbeat != nil {
		c.heartbeat.stop()
	}
	c.burst.Begin(c.core.Now())
	for _, ch := range c.channels {
		if ch != nil {
			ch.halt() // what one channel gives back is for others than those that are about to close
		}
	}
	for n := range c.channels {
		c.closeChannel(uint16(n))
	}
	if c.client != nil {
		c.client.Close(&c.burst)
	}
	c.burst.End()
}

// report logs how the connection ended.
func (c *conn) report(err error) {
	var strange *session.PreambleError
	var problem *amqp.Error
	switch {
	case errors.Is(err, errOver):
		c.log.Debug("connection closed")
	case errors.Is(c.link.Err(), errSucceeded):
		c.log.Info("connection closed", "reason", errSucceeded.Error())
	case errors.As(err, &problem): // fail has logged it
	case errors.As(err, &strange):
		c.log.Warn("connection refused", "reason", err.Error())
	case c.client == nil && isTimeout(err):
		c.log.Warn("connection refused", "reason", "the handshake took longer than "+c.server.cfg.Handshake.String())
	case errors.Is(err, io.EOF) && c.client == nil: // load balancers do so, to see whether somebody listens
		c.log.Debug("connection closed before login")
	case c.noTLS():
		c.log.Warn("connection refused", "reason", tlsReason(err))
	case errors.Is(err, io.EOF) && c.session.Closing(): // the broker has told it to go, and said why
		c.log.Debug("connection closed")
	case errors.Is(err, io.EOF):
		c.log.Warn("client went away without closing the connection")
	case c.server.ctx.Err() != nil:
	default:
		c.log.Warn("connection lost", "error", err)
	}
}

// noTLS reports whether the connection ended in its TLS handshake.
func (c *conn) noTLS() bool {
	t, ok := c.net.(*tls.Conn)
	return ok && !t.ConnectionState().HandshakeComplete
}

// tlsReason tells why there was no TLS, and what to do.
func tlsReason(err error) string {
	if _, plain := errors.AsType[tls.RecordHeaderError](err); plain {
		return "no TLS on a port that wants it; use amqps:// instead of amqp://, or the port without TLS"
	}
	return "the TLS handshake failed; see that the client trusts the certificate, for the name that it calls: " + err.Error()
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}
