package admin

import (
	"fmt"

	"github.com/postrider-mq/postrider/internal/access"
	"github.com/postrider-mq/postrider/internal/server"
)

var channelRoutes = []endpoint{
	{"GET", "/api/channels", everyUser, listChannels},
	{"GET", "/api/channels/{channel}", everyUser, getChannel},
	{"GET", "/api/vhosts/{vhost}/channels", inVHost, listChannels},
}

type channelJSON struct {
	Name           string         `json:"name"`
	Number         uint16         `json:"number"`
	User           string         `json:"user"`
	VHost          string         `json:"vhost"`
	Node           string         `json:"node"`
	State          string         `json:"state"`
	Confirm        bool           `json:"confirm"`
	Transactional  bool           `json:"transactional"`
	Prefetch       int            `json:"prefetch_count"`
	GlobalPrefetch int            `json:"global_prefetch_count"`
	Consumers      int            `json:"consumer_count"`
	Unacked        int            `json:"messages_unacknowledged"`
	Held           int64          `json:"messages_unacknowledged_for"` // seconds, at least; RabbitMQ does not tell
	Unconfirmed    int            `json:"messages_unconfirmed"`
	Connection     connectionName `json:"connection_details"`
}

type connectionName struct {
	Name     string `json:"name"`
	PeerHost string `json:"peer_host"`
	PeerPort uint16 `json:"peer_port"`
}

func channelName(connection string, number uint16) string {
	return fmt.Sprintf("%s (%d)", connection, number)
}

func (a *Admin) channelOf(c server.ChannelInfo) channelJSON {
	j := channelJSON{
		Name: channelName(c.Connection, c.Number), Number: c.Number, User: c.User, VHost: c.VHost, Node: a.node, State: "running",
		Confirm: c.Confirm, Prefetch: c.Prefetch, GlobalPrefetch: c.GlobalPrefetch, Consumers: c.Consumers,
		Unacked: c.Unacked, Held: int64(c.Held.Seconds()), Unconfirmed: c.Unconfirmed, Connection: connectionName{Name: c.Connection},
	}
	j.Connection.PeerHost, j.Connection.PeerPort = hostPort(c.Peer)
	return j
}

func (r *request) channels() []channelJSON {
	all := []channelJSON{}
	for _, c := range r.admin.server.ChannelInfos() {
		mine := r.caller.tagged(access.Monitoring) || c.User == r.caller.name
		of := r.PathValue("connection")
		if mine && r.meant(c.VHost, c.User) && (of == "" || of == c.Connection) {
			all = append(all, r.admin.channelOf(c))
		}
	}
	return all
}

func listChannels(r *request) (any, error) { return list(r.channels()), nil }

func getChannel(r *request) (any, error) {
	for _, c := range r.channels() {
		if c.Name == r.PathValue("channel") {
			return c, nil
		}
	}
	return nil, errNotFound
}
