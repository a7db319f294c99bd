package admin

import (
	"cmp"
	"slices"
	"strings"

	"github.com/postrider-mq/postrider/internal/core"
	"github.com/postrider-mq/postrider/internal/server"
)

var consumerRoutes = []endpoint{
	{"GET", "/api/consumers", everyUser, listConsumers},
	{"GET", "/api/consumers/{vhost}", inVHost, listConsumers},
}

type consumerJSON struct {
	Queue     queueName `json:"queue"`
	Tag       string    `json:"consumer_tag"`
	Exclusive bool      `json:"exclusive"`
	Ack       bool      `json:"ack_required"`
	Channel   struct {
		Name       string `json:"name"`
		Number     uint16 `json:"number"`
		Connection string `json:"connection_name"`
		PeerHost   string `json:"peer_host"`
		PeerPort   uint16 `json:"peer_port"`
	} `json:"channel_details"`
}

type queueName struct {
	Name  string `json:"name"`
	VHost string `json:"vhost"`
}

func consumerOf(c core.ConsumerStatus) consumerJSON {
	j := consumerJSON{Queue: queueName{c.Queue, c.VHost}, Tag: c.Tag, Exclusive: c.Exclusive, Ack: !c.NoAck}
	connection, number, peer, ok := server.Owner(c.Sink)
	if !ok {
		j.Channel.Connection = "(in process)"
		return j
	}
	j.Channel.Name, j.Channel.Number, j.Channel.Connection = channelName(connection, number), number, connection
	j.Channel.PeerHost, j.Channel.PeerPort = hostPort(peer)
	return j
}

func listConsumers(r *request) (any, error) {
	var all []core.ConsumerStatus
	for _, v := range r.vhosts() { // by name
		first := len(all)
		for _, q := range v.AllQueues() {
			all = append(all, q.Consumers()...)
		}
		slices.SortFunc(all[first:], func(a, b core.ConsumerStatus) int {
			return cmp.Or(strings.Compare(a.Queue, b.Queue), strings.Compare(a.Tag, b.Tag))
		})
	}
	return listOf(all, func(c core.ConsumerStatus, _ columns) consumerJSON { return consumerOf(c) }), nil
}
