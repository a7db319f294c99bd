package admin

import (
	"net"
	"net/netip"

	"github.com/postrider-mq/postrider/internal/access"
	"github.com/postrider-mq/postrider/internal/server"
)

var connectionRoutes = []endpoint{
	{"GET", "/api/connections", everyUser, listConnections},
	{"GET", "/api/vhosts/{vhost}/connections", inVHost, listConnections},
	{"GET", "/api/connections/{connection}", everyUser, getConnection},
	{"DELETE", "/api/connections/{connection}", everyUser, closeConnection},
	{"GET", "/api/connections/{connection}/{more}", everyUser, moreOfConnections},
	{"DELETE", "/api/connections/{connection}/{more}", everyUser, closeConnectionsOf},
}

type connectionJSON struct {
	Name        string         `json:"name"`
	Given       string         `json:"user_provided_name,omitempty"`
	User        string         `json:"user"`
	VHost       string         `json:"vhost"`
	Node        string         `json:"node"`
	State       string         `json:"state"`
	Type        string         `json:"type"`
	Protocol    string         `json:"protocol"`
	Mechanism   string         `json:"auth_mechanism"`
	PeerHost    string         `json:"peer_host"`
	PeerPort    uint16         `json:"peer_port"`
	Host        string         `json:"host"`
	Port        uint16         `json:"port"`
	SSL         bool           `json:"ssl"`
	SSLProtocol string         `json:"ssl_protocol,omitempty"`
	SSLCipher   string         `json:"ssl_cipher,omitempty"`
	Channels    int            `json:"channels"`
	ChannelMax  uint16         `json:"channel_max"`
	FrameMax    uint32         `json:"frame_max"`
	Timeout     uint16         `json:"timeout"`
	ConnectedAt int64          `json:"connected_at"`
	Properties  map[string]any `json:"client_properties"`
}

func (a *Admin) connectionOf(c server.ConnectionInfo) connectionJSON {
	j := connectionJSON{
		Name: c.Name, Given: c.Given, User: c.User, VHost: c.VHost, Node: a.node, State: "running", Type: "network",
		Protocol: "AMQP 0-9-1", Mechanism: c.Mechanism, Channels: c.Channels, ChannelMax: c.ChannelMax, FrameMax: c.FrameMax,
		Timeout: c.Heartbeat, ConnectedAt: c.ConnectedAt.UnixMilli(), Properties: toJSON(c.Properties),
	}
	if c.Blocked {
		j.State = "blocked"
	}
	j.PeerHost, j.PeerPort = hostPort(c.Peer)
	j.Host, j.Port = hostPort(c.Local)
	if c.TLS != nil {
		j.SSL, j.SSLProtocol, j.SSLCipher = true, tlsVersion(c.TLS), tlsCipher(c.TLS)
	}
	return j
}

func hostPort(addr net.Addr) (string, uint16) {
	ap, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return addr.String(), 0
	}
	return ap.Addr().Unmap().String(), ap.Port()
}

// connections are those that the caller may see: a monitor all, others their own.
func (r *request) connections() (all []server.ConnectionInfo) {
	for _, c := range r.admin.server.ConnectionInfos() {
		if !r.caller.tagged(access.Monitoring) && c.User != r.caller.name {
			continue
		}
		if r.meant(c.VHost, c.User) {
			all = append(all, c)
		}
	}
	return all
}

func listConnections(r *request) (any, error) {
	all := []connectionJSON{}
	for _, c := range r.connections() {
		all = append(all, r.admin.connectionOf(c))
	}
	return list(all), nil
}

// connection is the one in the path. Errors: 404.
func (r *request) connection() (server.ConnectionInfo, error) {
	for _, c := range r.connections() {
		if c.Name == r.PathValue("connection") {
			return c, nil
		}
	}
	return server.ConnectionInfo{}, errNotFound
}

func getConnection(r *request) (any, error) {
	c, err := r.connection()
	if err != nil {
		return nil, err
	}
	return r.admin.connectionOf(c), nil
}

// mayClose says whether the caller may end a connection: his own, or anyone's if he is an administrator.
func (r *request) mayClose(c *server.ConnectionInfo) bool {
	return r.caller.tagged(access.Administrator) || c.User == r.caller.name
}

// reason is what the client of a connection is told, as RabbitMQ takes it.
func (r *request) reason() string {
	if why := r.Header.Get("X-Reason"); why != "" {
		return why
	}
	return "Closed via management plugin"
}

func closeConnection(r *request) (any, error) {
	c, err := r.connection()
	if err != nil {
		return nil, err
	}
	if !r.mayClose(&c) {
		return nil, errNotYours
	}
	return deletedOr(r.admin.server.Disconnect(c.Name, r.reason()), nil)
}

// moreOfConnections is connections/username/USER or connections/CONNECTION/channels.
func moreOfConnections(r *request) (any, error) {
	switch {
	case r.PathValue("connection") == "username":
		r.SetPathValue("user", r.PathValue("more"))
		return listConnections(r)
	case r.PathValue("more") == "channels":
		return listChannels(r)
	}
	return nil, errNotFound
}

// closeConnectionsOf is connections/username/USER.
func closeConnectionsOf(r *request) (any, error) {
	if r.PathValue("connection") != "username" {
		return nil, errNotFound
	}
	r.SetPathValue("user", r.PathValue("more"))
	for _, c := range r.connections() {
		if !r.mayClose(&c) {
			return nil, errNotYours
		}
		r.admin.server.Disconnect(c.Name, r.reason())
	}
	return nil, nil
}

var errNotYours = &problem{401, "not_authorized", "User not authorised to access object"}
