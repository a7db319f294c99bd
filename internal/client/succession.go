package client

import (
	"crypto/rand"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/session"
)

// newSuccession begins one for a connection that takes messages. One that publishes needs none: what comes late of a former connection is a repeat.
func (cfg *Config) newSuccession() (s session.Succession) {
	if !cfg.Publishes {
		s.Name = rand.Text()
	}
	return s
}

// introduction is what the next connection says of itself. It is for the manager.
func (c *Conn) introduction() amqp.Table {
	p := amqp.Table{"product": "Postrider", "connection_name": c.cfg.Name}
	if c.succession.Name != "" {
		c.succession.Turn++
		c.succession.Put(p)
	}
	return p
}
