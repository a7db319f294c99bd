package admin

import (
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
	all := []consumerJSON{}
	for _, v := range r.vhosts() {
		for _, q := range v.AllQueues() {
			for _, c := range q.Status().Consumers {
				all = append(all, consumerOf(c))
			}
		}
	}
	sortByName(all, func(c consumerJSON) (string, string) { return c.Queue.VHost, c.Queue.Name + "\x00" + c.Tag })
	return list(all), nil
}
