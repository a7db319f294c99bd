package server

import (
	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/access"
	"github.com/postrider-mq/postrider/internal/core"
)

// mayEnter asks whether the virtual host has room for one more connection. The
// caller holds server.entering.
func (c *conn) mayEnter(vhost *core.VHost) error {
	if vhost.Limits().MaxConnections == nil { // who counts them all the same makes a thousand that come together cost half a million looks
		return nil
	}
	n := 0
	for _, other := range c.server.all() {
		if about := other.about.Load(); about != nil && about.VHost == vhost.Name {
			n++
		}
	}
	if limit, is := vhost.ConnectionsReached(n); is {
		return amqp.Errorf(amqp.NotAllowed, "access to vhost '%s' refused for user '%s': connection limit (%d) is reached", vhost.Name, c.user.Name, limit)
	}
	return nil
}

// mayOpenConnection asks whether the user has a connection left. The caller
// holds server.entering, so that no two take the last one.
func (c *conn) mayOpenConnection(permit *access.Permit) error {
	limit := permit.Limits().MaxConnections
	if limit == nil {
		return nil
	}
	var n int64
	for _, other := range c.server.all() {
		if about := other.about.Load(); about != nil && about.User == permit.User {
			n++
		}
	}
	if n < *limit {
		return nil
	}
	return amqp.Errorf(amqp.NotAllowed, "connection refused for user '%s': user connection limit (%d) is reached", permit.User, *limit)
}

// mayOpenChannel asks whether the user has a channel left, on all of his
// connections together. Two that are opened at once on different connections may
// exceed it by one.
func (c *conn) mayOpenChannel() error {
	permit := c.permitted()
	limit := permit.Limits().MaxChannels
	if limit == nil {
		return nil
	}
	var n int64
	for _, other := range c.server.all() {
		if about := other.about.Load(); about != nil && about.User == permit.User {
			n += int64(len(other.openChannels()))
		}
	}
	if n < *limit {
		return nil
	}
	return amqp.Errorf(amqp.NotAllowed, "number of channels opened for user '%s' has reached the maximum allowed user limit of (%d)", permit.User, *limit)
}
