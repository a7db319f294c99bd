package main

import (
	"context"
	"fmt"

	"github.com/postrider-mq/postrider"
)

// host is a node to which many peers are connected.
type host struct{ node *postrider.Node }

func (h *host) prepare(order) (address string, err error) {
	ctx := context.Background()
	h.node, err = postrider.Start(ctx, postrider.Config{Name: receiverName, Listen: "127.0.0.1:0", Logger: warnings()})
	if err != nil {
		return "", err
	}
	return h.node.Addr().String(), h.node.Handle(ctx, h.node.Inbox(), func(context.Context, *postrider.Message) error { return nil })
}

func (h *host) work(stop <-chan struct{}) (tally, error) {
	<-stop
	return tally{Broker: true}, nil
}

func (h *host) close() error {
	if h.node == nil {
		return nil
	}
	return h.node.Close()
}

// guests are nodes that have each sent a message to a host.
type guests struct{ nodes []*postrider.Node }

func (g *guests) prepare(o order) (string, error) {
	ctx := context.Background()
	for i := range o.Callers {
		n, err := postrider.Start(ctx, postrider.Config{
			Name: fmt.Sprintf("%s-%d", senderName, i), Peers: map[string]string{receiverName: o.Address}, Logger: warnings(),
		})
		if err != nil {
			return "", err
		}
		g.nodes = append(g.nodes, n)
		if err := n.Peer(receiverName).Send(ctx, "here"); err != nil {
			return "", fmt.Errorf("peer %d of %d: %w", i+1, o.Callers, err)
		}
	}
	return "", nil
}

func (g *guests) work(stop <-chan struct{}) (tally, error) {
	<-stop
	return tally{Broker: true}, nil
}

func (g *guests) close() error {
	for _, n := range g.nodes {
		n.Close()
	}
	return nil
}
