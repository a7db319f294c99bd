package session

import (
	"time"

	"github.com/postrider-mq/postrider/amqp"
)

// crossings are the numbers of the channels that a client has left, and since when. Clients whose goroutines share a channel close it in one of them
// while another still acknowledges, publishes or closes it too: what was sent before the close-ok was read crosses it, and the rest of the
// connection must not end over it. RabbitMQ discards it as well, as long as it is closing the channel.
type crossings struct {
	now  time.Duration // on the shell's clock
	left map[uint16]time.Duration
}

// crossingTime is how long something may still come on a channel that was left. Later it is a mistake, and told as such.
const crossingTime = 10 * time.Second

// At tells the time of the frames that follow, on any clock that does not go back.
func (s *Server) At(now time.Duration) { s.crossings.now = now }

func (c *crossings) leave(n uint16) {
	if c.left == nil {
		c.left = map[uint16]time.Duration{}
	}
	c.left[n] = c.now
}

// crosses says whether what comes on a free number may have been sent before the client knew that it was free.
func (c *crossings) crosses(n uint16) bool {
	since, is := c.left[n]
	return is && c.now-since < crossingTime
}

// onLeftNumber discards a frame for a channel that the client has left, unless it opens or closes it again.
func (s *Server) onLeftNumber(f amqp.Frame) (Event, error) {
	id, args, err := amqp.PeekMethod(f.Payload)
	switch {
	case f.Type != amqp.FrameMethod || err != nil:
		return Event{}, nil
	case id == amqp.ChannelOpenID:
		return s.open(f.Channel, args)
	case id == amqp.ChannelCloseID:
		s.send(f.Channel, &amqp.ChannelCloseOk{})
		return Event{Channel: f.Channel, Reply: s.out}, nil
	}
	return Event{}, nil
}
