package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/broker"
	"github.com/postrider-mq/postrider/internal/client"
)

// brokerProcess is `postrider serve` with a directory: the program itself, or when there is none, or a profile is wanted, the same
// broker inside this process.
type brokerProcess struct {
	order   order
	address string
	service *service
	broker  *broker.Broker
}

func (p *brokerProcess) prepare(o order) (string, error) {
	p.order = o
	var err error
	if o.Program != "" {
		p.service, p.address, err = startPostrider(o.Program, o.Dir)
		return p.address, err
	}
	p.broker, err = broker.Open(broker.Config{Dir: o.Dir, Logger: warnings()})
	if err != nil {
		return "", err
	}
	var ln net.Listener
	if ln, p.address, err = listenLocal(); err == nil {
		go p.broker.Serve(ln)
	}
	return p.address, err
}

// startPostrider returns when the broker has said where it listens.
func startPostrider(program, dir string) (*service, string, error) {
	c := exec.Command(program, "serve", "--listen", "127.0.0.1:0", "--dir", dir, "--log-level", "warn")
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	s, err := startService(c)
	if err != nil {
		return nil, "", err
	}
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			s.close()
			return nil, "", fmt.Errorf("postrider serve did not say where it listens: %w", err)
		}
		if address, ok := strings.CutPrefix(line, "listening on amqp://"); ok {
			go io.Copy(io.Discard, lines)
			return s, strings.TrimSpace(address), nil
		}
	}
}

// warnings goes to stderr, which the parent shows when something fails.
func warnings() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

func (p *brokerProcess) pid() int { return p.service.pid() }

// work serves until the clients are gone, and then looks that they have settled everything.
func (p *brokerProcess) work(stop <-chan struct{}) (tally, error) {
	p.service.begin()
	<-stop
	t := tally{CPU: p.service.cpu(), Broker: true}
	if p.order.Queues > 0 {
		return t, nil // they went with their consumer
	}
	left, err := p.left()
	switch {
	case err != nil:
		return t, err
	case p.order.Kept: // it counts what it has
		t.Messages, t.Broker = uint64(left), false
		return t, nil
	case left > 0:
		return t, fmt.Errorf("%d messages were not acknowledged", left)
	}
	return t, nil
}

// left is how many messages are in the mailbox.
func (p *brokerProcess) left() (uint32, error) {
	at, err := client.ParseURL("amqp://" + p.address)
	if err != nil {
		return 0, err
	}
	w, err := openWire(context.Background(), at, nil)
	if err != nil {
		return 0, err
	}
	defer w.close()
	m, err := w.ask(1, &amqp.QueueDeclare{Queue: p.order.Mailbox, Passive: true}, amqp.QueueDeclareOkID)
	if err != nil {
		return 0, err
	}
	return m.(*amqp.QueueDeclareOk).MessageCount, nil
}

func (p *brokerProcess) close() error {
	p.service.end()
	if p.broker == nil {
		return nil
	}
	return p.broker.Close()
}
