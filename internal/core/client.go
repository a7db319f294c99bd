package core

import (
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"slices"
	"sync"
)

// Client is one connection's hold on a virtual host, through a socket or in
// this process: it owns exclusive queues, which go when it closes.
type Client struct {
	VHost *VHost
	Name  string // for people

	mu     sync.Mutex
	closed bool
	owned  map[*Queue]struct{}
}

// NewClient returns a client of v. It must be closed.
func (v *VHost) NewClient(name string) *Client { return &Client{VHost: v, Name: name} }

// Close deletes the client's exclusive queues. Its consumers must have been
// cancelled and its deliveries requeued before.
func (c *Client) Close(b *Burst) {
	for _, q := range c.end() {
		c.VHost.removeQueue(b, q)
	}
}

// end returns the exclusive queues that there are; no more will be made.
func (c *Client) end() []*Queue {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	list := make([]*Queue, 0, len(c.owned))
	for q := range c.owned {
		list = append(list, q)
	}
	slices.SortFunc(list, func(a, b *Queue) int { return cmp.Compare(a.id, b.id) })
	return list
}

// own says whether c may still have a queue of its own.
func (c *Client) own(q *Queue) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	if c.owned == nil {
		c.owned = map[*Queue]struct{}{}
	}
	c.owned[q] = struct{}{}
	return true
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
