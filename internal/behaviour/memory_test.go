package behaviour

import (
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider/broker"
	"github.com/postrider-mq/postrider/postridertest"
)

// inABubble tells all stories, each in a bubble of its own time. Whatever is started has to have ended when it ends.
func inABubble(t *testing.T, brokers func(net *postridertest.Network) []string) {
	for _, story := range Stories {
		t.Run(strings.ReplaceAll(story.Name, " ", "_"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				net := postridertest.New(t)
				s := inMemory(net, brokers(net))
				if story.Shared && len(s.Brokers) == 0 {
					t.Skip("there is one node alone")
				}
				story.Tell(NewWorld(t, s))
			})
		})
	}
}

func inMemory(network *postridertest.Network, brokers []string) *Stage {
	return &Stage{
		Brokers:  brokers,
		Listen:   func(name string) (net.Listener, error) { return network.Listen(name), nil },
		Dial:     network.Dialer("a node"),
		Patience: 100 * time.Hour,
	}
}

func TestEmbedded(t *testing.T) {
	inABubble(t, func(*postridertest.Network) []string { return nil })
}

func TestOnABrokerInMemory(t *testing.T) {
	inABubble(t, func(net *postridertest.Network) []string { return []string{net.Broker("mq").URL()} })
}

// The same over sockets, in this process.
func TestOnABrokerOverTCP(t *testing.T) {
	b, err := broker.Open(broker.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go b.Serve(ln)
	t.Cleanup(func() { b.Close() })
	Loopback("amqp://" + ln.Addr().String()).Tell(t)
}
