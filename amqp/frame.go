package amqp

import "encoding/binary"

// Frame types.
const (
	FrameMethod    = 1
	FrameHeader    = 2
	FrameBody      = 3
	FrameHeartbeat = 8
)

const (
	// FrameEnd is the last octet of every frame.
	FrameEnd = 0xCE
	// FrameOverhead is what a frame adds to its payload; frame_max counts it too.
	FrameOverhead = frameHead + 1
	// MinFrameMax is the least frame_max that a peer may negotiate.
	MinFrameMax = 4096

	frameHead       = 7
	defaultFrameMax = 128 << 20
)

// ProtocolHeader is what a client says first: AMQP 0-9-1.
var ProtocolHeader = [8]byte{'A', 'M', 'Q', 'P', 0, 0, 9, 1}

// A Frame is one unit of the wire. Payload aliases the buffer it was parsed from.
type Frame struct {
	Type    uint8
	Channel uint16
	Payload []byte
}

// ParseFrame cuts the first frame off b. ok is false while b holds only a part of
// one; rest is then b. max bounds the whole frame, FrameOverhead included, as the negotiated
// frame_max does; 0 means 128 MiB. A malformed frame is an *Error with code 501, as
// soon as it can be told, and leaves the stream unusable.
//
// Whether the channel and the order of frames make sense is not decided here.
func ParseFrame(b []byte, max uint32) (rest []byte, f Frame, ok bool, err error) {
	if max == 0 {
		max = defaultFrameMax
	}
	if len(b) < frameHead {
		return b, Frame{}, false, checkFrameType(b)
	}
	size := uint64(binary.BigEndian.Uint32(b[3:]))
	whole := size + FrameOverhead
	// One test for the common types; the others are sorted out of line.
	if b[0]-FrameMethod > FrameBody-FrameMethod || whole > uint64(max) {
		if err := checkFrameHead(b, max); err != nil {
			return b, Frame{}, false, err
		}
	}
	if uint64(len(b)) < whole {
		return b, Frame{}, false, nil
	}
	if b[whole-1] != FrameEnd {
		return b, Frame{}, false, Errorf(FrameError,
			"type %d, %d octets: frame end is 0x%02x, not 0xce", b[0], size, b[whole-1])
	}
	f.Type = b[0]
	f.Channel = binary.BigEndian.Uint16(b[1:])
	f.Payload = b[frameHead : whole-1 : whole-1]
	return b[whole:], f, true, nil
}

func checkFrameType(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	switch b[0] {
	case FrameMethod, FrameHeader, FrameBody, FrameHeartbeat:
		return nil
	}
	return Errorf(FrameError, "unknown frame type %d", b[0])
}

func checkFrameHead(b []byte, max uint32) error {
	if err := checkFrameType(b); err != nil {
		return err
	}
	size := binary.BigEndian.Uint32(b[3:])
	if uint64(size)+FrameOverhead > uint64(max) {
		return Errorf(FrameError, "type %d, %d octets: frame is larger than %d", b[0], size, max)
	}
	if b[0] == FrameHeartbeat && size != 0 {
		return Errorf(FrameError, "heartbeat frame with a payload of %d octets", size)
	}
	return nil
}

// AppendHeartbeat appends a heartbeat frame, which is always on channel 0.
func AppendHeartbeat(dst []byte) []byte {
	return append(dst, FrameHeartbeat, 0, 0, 0, 0, 0, 0, FrameEnd)
}

// beginFrame appends the head of a frame whose size endFrame will fill in.
func beginFrame(dst []byte, kind uint8, channel uint16) []byte {
	return append(dst, kind, byte(channel>>8), byte(channel), 0, 0, 0, 0)
}

// endFrame closes the frame that began at dst[start].
func endFrame(dst []byte, start int) []byte {
	binary.BigEndian.PutUint32(dst[start+3:], uint32(len(dst)-start-frameHead))
	return append(dst, FrameEnd)
}
