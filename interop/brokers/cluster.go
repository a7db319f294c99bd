package brokers

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Cluster is some RabbitMQs that are one.
type Cluster struct {
	Nodes []*Rabbit
}

// RabbitMQCluster runs a cluster of so many RabbitMQs until the test ends: on this host's loopback, with a name server and a
// cookie of their own. They find each other by what their configuration says, as a cluster's nodes do in containers.
func RabbitMQCluster(t testing.TB, nodes int) *Cluster {
	t.Helper()
	home, found := t.TempDir(), scripts(t)
	if err := os.WriteFile(filepath.Join(home, ".erlang.cookie"), []byte("POSTRIDERPOSTRIDER"), 0o400); err != nil {
		t.Fatal(err)
	}
	c, epmd := &Cluster{}, freePort(t)
	var members strings.Builder
	for i := range nodes {
		port := freePort(t)
		r := &Rabbit{Addr: "127.0.0.1:" + port, dir: t.TempDir(), node: fmt.Sprintf("postrider-%s@localhost", port), scripts: found}
		r.environment(home, freePort(t), epmd)
		fmt.Fprintf(&members, "cluster_formation.classic_config.nodes.%d = %s\n", i+1, r.node)
		c.Nodes = append(c.Nodes, r)
	}
	for _, r := range c.Nodes {
		r.write(t, "rabbitmq.conf", fmt.Sprintf("listeners.tcp.1 = %s\nlog.console.level = info\nlog.connection.level = critical\n"+
			"log.channel.level = critical\ndisk_free_limit.absolute = 50MB\ncluster_formation.peer_discovery_backend = classic_config\n%s",
			r.Addr, &members))
		r.write(t, "enabled_plugins", "[].\n")
	}
	t.Cleanup(func() { c.Nodes[0].endNameServer(t) })
	for _, r := range c.Nodes {
		if err := r.launch(t); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range c.Nodes {
		if err := r.serving(); err != nil {
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
	r.end(t, r.process)
}

// Restart starts the node again after [Rabbit.Kill], and waits until it serves. Any goroutine may call it.
func (r *Rabbit) Restart(t testing.TB) error {
	if err := r.launch(t); err != nil {
		return err
	}
	return r.serving()
}
