package server

import (
	"cmp"
	"crypto/tls"
	"net"
	"slices"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/core"
)

// ConnectionInfo is a connection as it was a moment ago, for people and their tools.
type ConnectionInfo struct {
	Name        string // both ends of its socket: unique
	Given       string // what the client calls it, if anything
	User        string
	VHost       string
	Mechanism   string
	Properties  amqp.Table // what the client says of itself
	Peer, Local net.Addr
	TLS         *tls.ConnectionState // nil without
	ConnectedAt time.Time
	Heartbeat   uint16 // seconds
	FrameMax    uint32 // bytes
	ChannelMax  uint16
	Channels    int
	Blocked     bool // it publishes, and is not read because the broker is low on memory or disk

	vhost *core.VHost
}

// ChannelInfo is a channel as it was a moment ago.
type ChannelInfo struct {
	Connection     string // its name
	User           string
	VHost          string
	Number         uint16
	Confirm        bool
	Prefetch       int // for consumers to come; 0 = no limit
	GlobalPrefetch int // of all consumers together; 0 = no limit
	Consumers      int
	Unacked        int
	Held           time.Duration // at least so long the oldest of the unacked is out: to the minute, or a thirtieth
	Unconfirmed    int
	Peer           net.Addr
}

// all are the connections, in no order.
func (s *Server) all() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		list = append(list, c)
	}
	return list
}

// ConnectionInfos are the connections whose clients are logged in, by name.
func (s *Server) ConnectionInfos() []ConnectionInfo {
	var list []ConnectionInfo
	for _, c := range s.all() {
		if about := c.about.Load(); about != nil {
			info := *about
			info.Channels, info.Blocked = len(c.openChannels()), c.waiting.Load()
			list = append(list, info)
		}
	}
	slices.SortFunc(list, func(a, b ConnectionInfo) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// ChannelInfos are the open channels, by connection and number.
func (s *Server) ChannelInfos() []ChannelInfo {
	var list []ChannelInfo
	for _, c := range s.all() {
		about := c.about.Load()
		if about == nil {
			continue
		}
		for _, ch := range c.openChannels() {
			list = append(list, ch.info(about))
		}
	}
	slices.SortFunc(list, func(a, b ChannelInfo) int {
		return cmp.Or(cmp.Compare(a.Connection, b.Connection), cmp.Compare(a.Number, b.Number))
	})
	return list
}

// Open is how many connections of logged-in clients there are, and channels.
func (s *Server) Open() (connections, channels int) {
	for _, c := range s.all() {
		if c.about.Load() != nil {
			connections++
			channels += len(c.openChannels())
		}
	}
	return connections, channels
}

// Disconnect closes the connection of that name, saying why; false if there is none.
func (s *Server) Disconnect(name, why string) bool {
	for _, c := range s.all() {
		if about := c.about.Load(); about != nil && about.Name == name {
			c.dismiss(amqp.Errorf(amqp.ConnectionForced, "%s", why))
			return true
		}
	}
	return false
}

// Owner names the connection and the channel that a consumer's deliveries go
// to; false if they stay in this process.
func Owner(sink core.Sink) (connection string, number uint16, peer net.Addr, ok bool) {
	ch, ok := sink.(*channel)
	if !ok {
		return "", 0, nil, false
	}
	about := ch.conn.about.Load()
	if about == nil {
		return "", 0, nil, false
	}
	return about.Name, ch.number, about.Peer, true
}

// introduce publishes what the connection is, once its virtual host is open.
func (c *conn) introduce(mechanism string) {
	peer := c.session.Peer()
	info := &ConnectionInfo{
		Name:        c.net.RemoteAddr().String() + " -> " + c.net.LocalAddr().String(),
		Given:       peer.Text("connection_name"),
		User:        c.user.Name,
		VHost:       c.client.VHost.Name,
		Mechanism:   mechanism,
		Properties:  peer.Public(),
		Peer:        c.net.RemoteAddr(),
		Local:       c.net.LocalAddr(),
		ConnectedAt: time.Now(),
		Heartbeat:   c.session.Heartbeat(),
		FrameMax:    c.session.FrameMax(),
		ChannelMax:  c.session.ChannelMax(),
		vhost:       c.client.VHost,
	}
	if t, ok := c.net.(*tls.Conn); ok {
		state := t.ConnectionState()
		info.TLS = &state
	}
	c.about.Store(info)
	c.core.Count(core.ConnectionsBegun, 1)
}

// openChannels are those that there are; anybody may ask.
func (c *conn) openChannels() []*channel {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	var list []*channel
	for _, ch := range c.channels {
		if ch != nil {
			list = append(list, ch)
		}
	}
	return list
}

func (ch *channel) info(about *ConnectionInfo) ChannelInfo {
	o := &ch.conn.out
	o.mu.Lock()
	defer o.mu.Unlock()
	return ChannelInfo{
		Connection:     about.Name,
		User:           about.User,
		VHost:          about.VHost,
		Number:         ch.number,
		Confirm:        ch.confirmed.Load(),
		Prefetch:       int(ch.prefetch.Load()),
		GlobalPrefetch: ch.credit.limit,
		Consumers:      len(ch.consumers),
		Unacked:        ch.outstanding.Len(),
		Held:           ch.heldFor(ch.conn.core.Now()),
		Unconfirmed:    ch.confirms.Len(),
		Peer:           about.Peer,
	}
}
