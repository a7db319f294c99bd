package amqp

import (
	"encoding/binary"
	"slices"
)

const contentHead = 12 // class, weight, body size

// ParseHeader parses the payload of a header frame. props aliases it and has been checked
// to the last octet, its tables too, so that it can be passed on as it is.
//
// A payload with no room for class, weight, size and flags is an *Error with code 501,
// a weight other than 0 one with code 505, malformed properties one with code 502.
func ParseHeader(payload []byte) (class uint16, bodySize uint64, props RawProperties, err error) {
	class, bodySize, props, headers, err := splitHeader(payload)
	if headers != nil {
		_, err = CheckTable(headers)
	}
	if err != nil {
		return 0, 0, nil, err
	}
	return class, bodySize, props, nil
}

// SplitHeader is ParseHeader for who copes with any headers: brokers may pass on what is beyond the bounds of a table, and whether there
// is more in a table than its length is not looked at.
func SplitHeader(payload []byte) (class uint16, bodySize uint64, props RawProperties, err error) {
	class, bodySize, props, _, err = splitHeader(payload)
	return class, bodySize, props, err
}

// splitHeader returns the table of headers, too, unless there is none.
func splitHeader(payload []byte) (class uint16, bodySize uint64, props RawProperties, headers []byte, err error) {
	if len(payload) < contentHead+2 {
		return 0, 0, nil, nil, Errorf(FrameError, "content header of %d octets ends too early", len(payload))
	}
	class = binary.BigEndian.Uint16(payload)
	// "The weight field is unused and must be zero."
	if weight := binary.BigEndian.Uint16(payload[2:]); weight != 0 {
		return 0, 0, nil, nil, Errorf(UnexpectedFrame, "content header for class %d with weight %d", class, weight)
	}
	props = RawProperties(payload[contentHead:])
	if headers, err = props.check(); err != nil {
		return 0, 0, nil, nil, err
	}
	return class, binary.BigEndian.Uint64(payload[4:]), props, headers, nil
}

// AppendHeaderFrame appends the header frame of content of bodySize octets. props
// is written as it is; nil means no properties.
func AppendHeaderFrame(dst []byte, channel uint16, class uint16, bodySize uint64, props RawProperties) []byte {
	start := len(dst)
	dst = beginFrame(dst, FrameHeader, channel)
	dst = append(dst, byte(class>>8), byte(class), 0, 0)
	dst = binary.BigEndian.AppendUint64(dst, bodySize)
	if len(props) == 0 {
		dst = append(dst, 0, 0)
	} else {
		dst = append(dst, props...)
	}
	return endFrame(dst, start)
}

// AppendBodyFrames appends body as frames of at most frameMax octets, FrameOverhead
// included; none if it is empty. A frameMax of 0 or beyond 128 MiB means 128 MiB, any other
// below MinFrameMax means MinFrameMax.
func AppendBodyFrames(dst []byte, channel uint16, body []byte, frameMax uint32) []byte {
	piece := bodyPiece(frameMax)
	if frames := (len(body) + piece - 1) / piece; frames > 1 {
		dst = slices.Grow(dst, len(body)+frames*FrameOverhead)
	}
	for len(body) > piece {
		dst = appendBodyFrame(dst, channel, body[:piece])
		body = body[piece:]
	}
	if len(body) > 0 {
		dst = appendBodyFrame(dst, channel, body)
	}
	return dst
}

// bodyPiece returns how much of a body fits a frame.
func bodyPiece(frameMax uint32) int {
	switch {
	case frameMax == 0 || frameMax > defaultFrameMax:
		frameMax = defaultFrameMax
	case frameMax < MinFrameMax:
		frameMax = MinFrameMax
	}
	return int(frameMax) - FrameOverhead
}

func appendBodyFrame(dst []byte, channel uint16, piece []byte) []byte {
	n := len(piece)
	dst = append(dst, FrameBody, byte(channel>>8), byte(channel), byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	dst = append(dst, piece...)
	return append(dst, FrameEnd)
}
