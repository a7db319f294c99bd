package behaviour

import (
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider/broker"
)

// inABubble tells all stories, each in a bubble of its own time. Whatever is started has to have ended when it ends.
func inABubble(t *testing.T, stage func(t *testing.T, net *Network) *Stage) {
	for _, story := range Stories {
		t.Run(strings.ReplaceAll(story.Name, " ", "_"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := stage(t, NewNetwork())
				if story.Shared && len(s.Brokers) == 0 {
					t.Skip("there is one node alone")
				}
				story.Tell(NewWorld(t, s))
			})
		})
	}
}

func inMemory(net *Network, brokers ...string) *Stage {
	return &Stage{
		Brokers:  brokers,
		Listen:   listen(net),
		Dial:     net.Dial,
		Patience: 100 * time.Hour,
	}
}

func listen(n *Network) func(string) (net.Listener, error) {
	return func(name string) (net.Listener, error) { return n.Listen(name + ":1"), nil }
}

func TestEmbedded(t *testing.T) {
	inABubble(t, func(_ *testing.T, net *Network) *Stage { return inMemory(net) })
}

func TestOnABrokerInMemory(t *testing.T) {
	inABubble(t, func(t *testing.T, net *Network) *Stage {
		b, err := broker.Open(broker.Config{})
		if err != nil {
			t.Fatal(err)
		}
		go b.Serve(net.Listen("mq:1"))
		t.Cleanup(func() { b.Close() })
		return inMemory(net, "amqp://mq:1")
	})
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
