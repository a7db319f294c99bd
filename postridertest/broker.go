package postridertest

import (
	"log/slog"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/broker"
)

// Broker is a broker of the network.
type Broker struct {
	*broker.Broker // another one after Restart
	net            *Network
	name           string
	cfg            broker.Config
}

// Broker starts a broker in memory that is reached under its name.
func (n *Network) Broker(name string) *Broker {
	n.t.Helper()
	return n.BrokerWith(name, broker.Config{})
}

// BrokerWith is Broker with a configuration: with a Dir, such as the test's TempDir, a broker that was closed or restarted has what it had
// confirmed.
func (n *Network) BrokerWith(name string, cfg broker.Config) *Broker {
	n.t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	b := &Broker{net: n, name: name, cfg: cfg}
	b.start()
	n.t.Cleanup(func() { b.Close() })
	return b
}

func (b *Broker) start() {
	b.net.t.Helper()
	var err error
	if b.Broker, err = broker.Open(b.cfg); err != nil {
		b.net.t.Fatal(err)
	}
	go b.Serve(b.net.Listen(b.name))
}

// Restart closes the broker, unless it is closed, and starts it anew. Its clients connect again by themselves. It has what it had confirmed when its
// configuration has a Dir, see [Network.BrokerWith], and nothing otherwise. It is for the goroutine of the test, and for nobody who uses the Broker beside it.
func (b *Broker) Restart() {
	b.net.t.Helper()
	b.Close()
	b.start()
}

// URL is what [postrider.Config.Brokers] takes.
func (b *Broker) URL() string { return "amqp://" + Address(b.name) }

// Use makes a node of the network use the broker for its mailboxes.
func (b *Broker) Use(cfg *postrider.Config) { cfg.Brokers = append(cfg.Brokers, b.URL()) }
