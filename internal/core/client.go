package core

import (
	"crypto/rand"
	"encoding/base64"
	"sync"
	"sync/atomic"
)

// Client is one connection's hold on a virtual host, through a socket or in
// this process: it owns exclusive queues, which go when it closes.
type Client struct {
	VHost *VHost
	Name  string // for people

	closed atomic.Bool
	mu     sync.Mutex
	owned  map[*Queue]struct{}
}

// NewClient returns a client of v. It must be closed.
func (v *VHost) NewClient(name string) *Client { return &Client{VHost: v, Name: name} }

// Close deletes the client's exclusive queues. Its consumers must have been
// cancelled and its deliveries requeued before.
func (c *Client) Close(b *Burst) {
	if c.closed.Swap(true) {
		return
	}
	for _, q := range c.exclusive() {
		c.VHost.removeQueue(b, q)
	}
}

func (c *Client) exclusive() []*Queue {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]*Queue, 0, len(c.owned))
	for q := range c.owned {
		list = append(list, q)
	}
	return list
}

func (c *Client) own(q *Queue) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.owned == nil {
		c.owned = map[*Queue]struct{}{}
	}
	c.owned[q] = struct{}{}
}

func (c *Client) disown(q *Queue) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.owned, q)
}

// randomName is a prefix and 128 random bits, as RabbitMQ names what clients
// leave unnamed.
func randomName(prefix string) string {
	var bits [16]byte
	rand.Read(bits[:]) // never fails
	return prefix + base64.RawURLEncoding.EncodeToString(bits[:])
}
