package session

import "github.com/postrider-mq/postrider/amqp"

// Limits are what one side is ready to take.
type Limits struct {
	FrameMax   uint32 // bytes, the frame's own eight included; 0 = 128 KiB, at least 4096
	ChannelMax uint16 // the highest channel number; 0 = 2047
	Heartbeat  uint16 // seconds; 0 = none from a server, whatever the server says from a client
	MaxMessage uint64 // bytes of a body; 0 = 128 MiB

	// Slab is how many bytes small messages that come together may share, and so what one that is kept longer than the others
	// may keep in memory; 0 = 1 KiB.
	Slab int
}

// DefaultSlab is that of Limits.
const DefaultSlab = 1 << 10

const (
	defaultFrameMax   = 128 << 10
	defaultChannelMax = 2047
	defaultMaxMessage = 128 << 20
	mostMaxMessage    = 1 << 40 // sums with it do not overflow

	// "Prior to tuning, frames of up to 4096 bytes": real clients put more than
	// that into start-ok, so twice as much is let in.
	preTuneFrameMax = 8192
)

func (l Limits) withDefaults() Limits {
	if l.FrameMax == 0 {
		l.FrameMax = defaultFrameMax
	}
	l.FrameMax = max(l.FrameMax, amqp.MinFrameMax)
	if l.ChannelMax == 0 {
		l.ChannelMax = defaultChannelMax
	}
	if l.MaxMessage == 0 {
		l.MaxMessage = defaultMaxMessage
	}
	l.MaxMessage = min(l.MaxMessage, mostMaxMessage)
	if l.Slab == 0 {
		l.Slab = DefaultSlab
	}
	return l
}

// negotiated checks what a client chose of what was offered to it: "the client
// is free to lower" a limit, and 0 says that it has none of its own.
func negotiated(field string, choice, least, offer uint32) (uint32, error) {
	word, bound, limit := "", "", uint32(0)
	switch {
	case choice == 0:
		return offer, nil
	case choice < least:
		word, bound, limit = "lower", "minimum", least
	case choice > offer:
		word, bound, limit = "higher", "maximum", offer
	default:
		return choice, nil
	}
	err := amqp.Errorf(amqp.NotAllowed, "negotiated %s = %d is %s than the %s allowed value (%d)",
		field, choice, word, bound, limit)
	err.Method = amqp.ConnectionTuneOkID
	return 0, err
}
