package server

import (
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/access"
	"github.com/postrider-mq/postrider/internal/core"
)

// login verifies who the client says it is.
func (c *conn) login(m *amqp.ConnectionStartOk) error {
	user, err := c.server.cfg.Access.Login(c.ctx, m.Mechanism, []byte(m.Response), c.peer())
	if err != nil {
		return c.refuse(err)
	}
	c.user, c.mechanism = user, m.Mechanism
	c.log = c.log.With("user", user.Name)
	c.send(c.session.AcceptLogin())
	return nil
}

// refuse answers a failed login. The client learns no more than that.
func (c *conn) refuse(err error) error {
	var denied *access.Denied
	if !errors.As(err, &denied) {
		return c.failed(0, err)
	}
	c.log.Warn("login refused", "reason", denied.Reason)
	return c.failed(0, amqp.Errorf(amqp.AccessRefused, "%s", denied.Text))
}

func (c *conn) peer() access.Peer {
	p := access.Peer{}
	if addr, err := netip.ParseAddrPort(c.net.RemoteAddr().String()); err == nil {
		p.Addr = addr.Addr().Unmap()
	}
	t, secure := c.net.(*tls.Conn)
	if p.TLS = secure; secure && c.server.cfg.External {
		p.Names = namesOf(t.ConnectionState())
	}
	return p
}

// mechanisms are those that a client is offered.
func (s *Server) mechanisms(nc net.Conn) string {
	if _, secure := nc.(*tls.Conn); secure && s.cfg.External {
		return access.MechanismsOverTLS
	}
	return access.Mechanisms
}

// namesOf are the subject alternative names of a certificate that the client
// showed and that was verified.
func namesOf(state tls.ConnectionState) []string {
	if len(state.VerifiedChains) == 0 {
		return nil
	}
	cert := state.PeerCertificates[0]
	names := slices.Concat(cert.DNSNames, cert.EmailAddresses)
	for _, u := range cert.URIs {
		names = append(names, u.String())
	}
	for _, ip := range cert.IPAddresses {
		names = append(names, ip.String())
	}
	return names
}

// open lets the client into a virtual host; with it the handshake is over.
func (c *conn) open(m *amqp.ConnectionOpen) error {
	vhost, ok := c.core.VHost(m.VirtualHost)
	if !ok {
		return c.failed(0, blame(amqp.Errorf(amqp.NotAllowed, "vhost %s not found", m.VirtualHost), m))
	}
	if err := c.succeed(vhost); err != nil {
		return c.failed(0, blame(err, m))
	}
	if err := c.enter(vhost); err != nil {
		return c.failed(0, blame(err, m))
	}
	c.server.doors.leave(c.net.RemoteAddr())
	c.frameMax.Store(c.session.FrameMax())
	c.session.Recognise(vhost.QueueName)
	c.listenUntil(time.Time{})
	c.startHeartbeat()
	if vhost.IsDeleted() { // whoever deleted it did not see this connection, or did and will say so again
		c.dismiss(amqp.Errorf(amqp.ConnectionForced, "vhost '%s' is deleted", vhost.Name))
	}
	if !c.permitted().Exists() {
		c.reconsider() // likewise
	}
	c.send(c.session.AcceptOpen())
	c.log.Debug("connection open", "vhost", m.VirtualHost, "name", c.client.Name)
	return nil
}

// enter takes a place in a virtual host, if the user may have one.
func (c *conn) enter(vhost *core.VHost) error {
	c.server.entering.Lock()
	defer c.server.entering.Unlock()
	permit := c.server.cfg.Access.Users().Permit(c.user, vhost.Name)
	if err := c.mayEnter(vhost); err != nil { // in RabbitMQ's order
		return err
	}
	if err := c.mayOpenConnection(permit); err != nil {
		return err
	}
	if !permit.Enters() {
		return noEntry(permit)
	}
	name := c.session.Peer().Text("connection_name")
	if name == "" {
		name = c.net.RemoteAddr().String()
	}
	c.client = vhost.NewClient(name)
	c.introduce(c.mechanism)
	return nil
}

// startHeartbeat watches both directions: when nothing was sent for half an
// interval a heartbeat is, and when nothing was received for two the peer
// counts as gone.
//
// "The client and server should send heartbeats at least twice per interval."
func (c *conn) startHeartbeat() {
	interval := time.Duration(c.session.Heartbeat()) * time.Second
	if interval == 0 {
		return
	}
	h := &heartbeat{conn: c, interval: interval}
	h.reads, h.writes = c.link.Activity()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.timer = time.AfterFunc(interval/2, h.beat)
	c.heartbeat = h
}

// heartbeat watches one connection until it is stopped.
type heartbeat struct {
	conn     *conn
	interval time.Duration

	mu            sync.Mutex
	timer         *time.Timer
	stopped       bool
	reads, writes uint64
	silent        int // half intervals without a byte from the peer
}

func (h *heartbeat) stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopped = true
	h.timer.Stop()
}

func (h *heartbeat) beat() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopped {
		return
	}
	c := h.conn
	reads, writes := c.link.Activity()
	if reads != h.reads || !c.listening.Load() { // who does not listen hears nothing
		h.silent = 0
	} else if h.silent++; h.silent >= 4 {
		c.log.Warn("missed heartbeats from client", "timeout", h.interval.String())
		c.link.Close(errSilent)
		return
	}
	if writes == h.writes {
		c.sendOwned(amqp.AppendHeartbeat(nil))
		c.link.Wake()
		writes++ // this one is no reason to leave out the next
	}
	h.reads, h.writes = reads, writes
	h.timer.Reset(h.interval / 2)
}

var errSilent = errors.New("nothing was heard from the client for two heartbeat intervals")
