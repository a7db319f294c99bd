package postridertest

import (
	"log/slog"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/broker"
)

// Broker is a broker of the network.
type Broker struct {
	*broker.Broker
	net  *Network
	name string
}

// Broker starts a broker in memory that is reached under its name.
func (n *Network) Broker(name string) *Broker {
	n.t.Helper()
	return n.BrokerWith(name, broker.Config{})
}

// BrokerWith is Broker with a configuration: with a Dir, a broker that was closed can be started again and has
// what it had confirmed.
func (n *Network) BrokerWith(name string, cfg broker.Config) *Broker {
	n.t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	b, err := broker.Open(cfg)
	if err != nil {
		n.t.Fatal(err)
	}
	l := n.Listen(name)
	go b.Serve(l)
	n.t.Cleanup(func() { b.Close() })
	return &Broker{Broker: b, net: n, name: name}
}

// URL is what [postrider.Config.Brokers] takes.
func (b *Broker) URL() string { return "amqp://" + Address(b.name) }

// Use makes a node of the network use the broker for its mailboxes.
func (b *Broker) Use(cfg *postrider.Config) { cfg.Brokers = append(cfg.Brokers, b.URL()) }
