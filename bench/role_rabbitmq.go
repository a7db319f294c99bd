package main

import (
	"context"

	"github.com/postrider-mq/postrider/internal/rabbitmq"
)

// rabbitServer is Debian's RabbitMQ. It takes seconds to start, so that one serves all rows of a run; while others run it has
// nothing to do.
type rabbitServer struct {
	stopped context.Context
	node    *rabbitmq.Node
}

// rabbitErlang keeps the last of the virtual machine's schedulers from spinning, too, as RabbitMQ's own guide advises where others need
// the cores: here its clients do.
const rabbitErlang = "+sbwtdcpu none +sbwtdio none"

func (p *rabbitServer) heed(stopped context.Context) { p.stopped = stopped }

func (p *rabbitServer) prepare(o order) (string, error) {
	var err error
	p.node, err = rabbitmq.Start(p.stopped, rabbitmq.Config{Dir: o.Dir, Erlang: rabbitErlang})
	if err != nil {
		return "", err
	}
	return p.node.Addr, nil
}

func (p *rabbitServer) pid() int { return p.node.Pid() }

func (p *rabbitServer) work(stop <-chan struct{}) (tally, error) {
	<-stop
	return tally{Broker: true}, nil
}

func (p *rabbitServer) close() error {
	if p.node == nil {
		return nil
	}
	return p.node.Close()
}
