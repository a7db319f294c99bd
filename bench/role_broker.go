package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"

	"github.com/postrider-mq/postrider/broker"
)

// brokerProcess is what `postrider serve` is: a broker with a directory, behind a socket.
type brokerProcess struct {
	order  order
	broker *broker.Broker
	ln     net.Listener
}

func (p *brokerProcess) prepare(o order) (address string, err error) {
	p.order = o
	p.broker, err = broker.Open(broker.Config{Dir: o.Dir, Logger: warnings()})
	if err != nil {
		return "", err
	}
	p.ln, address, err = listenLocal()
	if err == nil {
		go p.broker.Serve(p.ln)
	}
	return address, err
}

// warnings goes to stderr, which the parent shows when something fails.
func warnings() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// work serves until the clients are gone, and then looks that they have settled everything.
func (p *brokerProcess) work(stop <-chan struct{}) (tally, error) {
	<-stop
	conn, err := p.broker.Dial(broker.DialConfig{Name: "bench"})
	if err != nil {
		return tally{}, err
	}
	defer conn.Close()
	q, err := conn.DeclareQueue(context.Background(), broker.QueueOptions{Name: p.order.Mailbox, Passive: true})
	switch {
	case err != nil:
		return tally{}, err
	case p.order.Kept: // it counts what it has
		return tally{Messages: uint64(q.Messages)}, nil
	case q.Messages > 0:
		return tally{}, fmt.Errorf("%d messages were not acknowledged", q.Messages)
	}
	return tally{Broker: true}, nil
}

func (p *brokerProcess) close() error {
	if p.broker == nil {
		return nil
	}
	return p.broker.Close()
}
