package brokers

import (
	"fmt"
	"testing"

	"github.com/postrider-mq/postrider/internal/rabbitmq"
)

// Cluster is some RabbitMQs that are one.
type Cluster struct {
	Nodes []*Rabbit
}

// RabbitMQCluster runs a cluster of so many RabbitMQs until the test ends: on this host's loopback, with a name server and a
// cookie of their own. They find each other by what their configuration says, as a cluster's nodes do in containers.
func RabbitMQCluster(t testing.TB, nodes int) *Cluster {
	t.Helper()
	installed(t)
	names, err := rabbitmq.StartNameServer(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	ends(t, names)
	c, members := &Cluster{}, []string{"cluster_formation.peer_discovery_backend = classic_config"}
	for i := range nodes {
		n, err := rabbitmq.New(rabbitmq.Config{Dir: t.TempDir(), Names: names})
		if err != nil {
			t.Fatal(err)
		}
		ends(t, n)
		members = append(members, fmt.Sprintf("cluster_formation.classic_config.nodes.%d = %s", i+1, n.Name))
		c.Nodes = append(c.Nodes, &Rabbit{n})
	}
	for _, r := range c.Nodes {
		r.Set(members...)
		if err := r.Launch(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range c.Nodes {
		if err := r.Await(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// URLs are those of all nodes.
func (c *Cluster) URLs() (all []string) {
	for _, r := range c.Nodes {
		all = append(all, "amqp://"+r.Addr)
	}
	return all
}

// Kill ends the node with signal 9.
func (r *Rabbit) Kill(t testing.TB) {
	t.Helper()
	if err := r.Node.Kill(); err != nil {
		t.Fatal(err)
	}
}

// Restart starts the node again after [Rabbit.Kill], and waits until it serves. Any goroutine may call it.
func (r *Rabbit) Restart(t testing.TB) error {
	if err := r.Launch(t.Context()); err != nil {
		return err
	}
	return r.Await(t.Context())
}
