package session

import "github.com/postrider-mq/postrider/amqp"

// channel is one channel in use. A number without one is free.
type channel struct {
	state    channelState
	assembly assembly

	// The methods that carry content. They are parsed in place, and there is
	// one of each per channel, for contents of different channels interleave.
	publish amqp.BasicPublish // a server's
	parsed  []byte            // what publish was parsed from; empty: nothing
	deliver amqp.BasicDeliver // a client's
	getOk   amqp.BasicGetOk
	returns amqp.BasicReturn
}

type channelState uint8

const (
	channelOpening channelState = iota // open was sent, by a client
	channelOpen
	channelClosing // close was sent; the number is kept until close-ok
)

// channels are the channels of one connection by number. There is room for the
// highest number that was used, never beyond the negotiated channel_max.
type channels struct {
	list []*channel
	max  uint16
	used int
}

// at returns channel n, nil when the number is free.
func (c *channels) at(n uint16) *channel {
	if int(n) < len(c.list) {
		return c.list[n]
	}
	return nil
}

func (c *channels) add(n uint16, state channelState) *channel {
	if int(n) >= len(c.list) {
		room := min(int(c.max)+1, max(2*len(c.list), int(n)+1))
		list := make([]*channel, room)
		copy(list, c.list)
		c.list = list
	}
	ch := &channel{state: state}
	c.list[n] = ch
	c.used++
	return ch
}

func (c *channels) free(n uint16) {
	c.list[n] = nil
	c.used--
}

// lowest returns the lowest free number.
func (c *channels) lowest() (n uint16, ok bool) {
	if c.used >= int(c.max) {
		return 0, false
	}
	for n := 1; n < len(c.list); n++ {
		if c.list[n] == nil {
			return uint16(n), true
		}
	}
	return uint16(max(1, len(c.list))), true
}

// check refuses a number that may not be used on this connection.
func (c *channels) check(n uint16) error {
	switch {
	case n <= c.max:
		return nil
	case c.used >= int(c.max):
		return c.errFull()
	}
	return amqp.Errorf(amqp.NotAllowed, "channel %d is above the negotiated channel_max (%d)", n, c.max)
}

func (c *channels) errFull() error {
	return amqp.Errorf(amqp.NotAllowed,
		"number of channels opened (%d) has reached the negotiated channel_max (%d)", c.used, c.max)
}
