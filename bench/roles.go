package main

import (
	"fmt"
	"slices"
)

// These serve until they are stopped; the address of the first of them is where the others find the mailbox.
const (
	roleBroker    = "broker"
	roleJetStream = "jetstream"
	roleNATS      = "nats"
	roleRedis     = "redis"
	roleRabbitMQ  = "rabbitmq"
)

// schemes are those of the addresses of brokers.
var schemes = map[string]string{roleBroker: "amqp://", roleJetStream: "nats://", roleNATS: "nats://", roleRedis: ""}

var makeRole = map[string]func() role{
	"echo":   func() role { return new(echo) },
	"caller": func() role { return new(caller) },

	"shared-echo":   func() role { return new(sharedEcho) },
	"shared-caller": func() role { return new(sharedCaller) },

	"sink":   func() role { return new(sink) },
	"source": func() role { return new(source) },
	"disk":   func() role { return new(disk) },

	roleBroker: func() role { return new(brokerProcess) },
	"sender":   func() role { return new(sender) },
	"receiver": func() role { return new(receiver) },

	"wire-sender":   func() role { return new(wireSender) },
	"wire-receiver": func() role { return new(wireReceiver) },

	"host":   func() role { return new(host) },
	"guests": func() role { return new(guests) },

	"crowd-sender":   func() role { return new(crowdSender) },
	"crowd-receiver": func() role { return new(crowdReceiver) },

	"grpc-server": func() role { return new(grpcServer) },
	"grpc-client": func() role { return new(grpcClient) },

	roleNATS:        func() role { return new(natsServer) },
	"nats-sender":   func() role { return new(natsSender) },
	"nats-receiver": func() role { return new(natsReceiver) },

	roleJetStream: func() role { return new(jetServer) },
	"js-sender":   func() role { return new(jetSender) },
	"js-receiver": func() role { return new(jetReceiver) },

	roleRedis:        func() role { return new(redisServer) },
	"redis-sender":   func() role { return new(redisSender) },
	"redis-receiver": func() role { return new(redisReceiver) },

	"zmq-rep":  func() role { return zmqServer("rep") },
	"zmq-req":  func() role { return zmqClient("req") },
	"zmq-pull": func() role { return zmqServer("pull") },
	"zmq-push": func() role { return zmqClient("push") },

	roleRabbitMQ:       func() role { return new(rabbitServer) },
	"amqp091-sender":   func() role { return new(rabbitSender) },
	"amqp091-receiver": func() role { return new(rabbitReceiver) },
	"pika-sender":      func() role { return pika("send") },
	"pika-receiver":    func() role { return pika("receive") },
}

func newRole(name string) (role, error) {
	if r, ok := makeRole[name]; ok {
		return r(), nil
	}
	return nil, fmt.Errorf("no role %q", name)
}

// waits tells a role that works until it is told to stop, from one that knows its last message.
func waits(role string, o order) bool {
	switch role {
	case "receiver":
		return o.Call
	case "grpc-server", "nats-receiver":
		return !o.Post
	}
	_, broker := schemes[role]
	return broker
}

// isTuned tells the senders and receivers from brokers, from those whose memory is looked at, and from nodes, which come as they are.
func isTuned(role string) bool {
	_, broker := schemes[role]
	return !broker && !slices.Contains([]string{"sender", "receiver", "host", "guests"}, role)
}

// gcPercent is for senders and receivers in Go with the libraries of others: with the usual 100 they collect a heap of 4 MiB a
// hundred times a second, which says more about a small heap than about a library.
const gcPercent = 400

// needs are the programs that a role has to be given.
var needs = map[string]string{
	"zmq-rep": needZMQ, "zmq-req": needZMQ, "zmq-pull": needZMQ, "zmq-push": needZMQ,
	roleRedis: needRedis, roleBroker: needPostrider, roleNATS: needNATS, roleJetStream: needNATS, "pika-sender": needPika, "pika-receiver": needPika,
}
