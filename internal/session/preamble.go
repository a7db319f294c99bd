package session

import (
	"bytes"
	"fmt"

	"github.com/postrider-mq/postrider/amqp"
)

// A PreambleError says that what came first on a connection is not AMQP 0-9-1.
type PreambleError struct {
	Looks string // what it looks like, and what to do about it
}

func (e *PreambleError) Error() string { return "not AMQP 0-9-1: " + e.Looks }

// looksLike names what a stranger on an AMQP port said first.
func looksLike(b []byte) string {
	switch {
	case len(b) >= 2 && b[0] == 0x16 && b[1] == 3:
		return "a TLS hello on a port without TLS; use amqp:// instead of amqps://, or the TLS port"
	case bytes.HasPrefix(b, []byte("AMQP")):
		return otherAMQP(b[4:])
	}
	for _, verb := range [...]string{"GET ", "POST ", "PUT ", "HEAD ", "DELETE ", "OPTIONS ", "CONNECT ", "PATCH ", "PRI * "} {
		if bytes.HasPrefix(b, []byte(verb)) {
			return "an HTTP request; this port speaks AMQP"
		}
	}
	return fmt.Sprintf("%q", b[:min(len(b), len(amqp.ProtocolHeader))])
}

func otherAMQP(version []byte) string {
	if len(version) < 4 {
		return "an unknown version of AMQP; only 0-9-1 is spoken here"
	}
	switch [4]byte(version) {
	case [4]byte{0, 1, 0, 0}, [4]byte{2, 1, 0, 0}, [4]byte{3, 1, 0, 0}:
		return "a client of AMQP 1.0; only 0-9-1 is spoken here"
	case [4]byte{1, 1, 0, 9}, [4]byte{1, 1, 8, 0}, [4]byte{1, 1, 9, 0}:
		return "a client of AMQP 0-8 or 0-9; only 0-9-1 is spoken here"
	}
	return fmt.Sprintf("a client of AMQP version %v; only 0-9-1 is spoken here", version[:4])
}

// Greeting looks at the first bytes that a server sent, before they are parsed
// as a frame. It returns a *PreambleError when they are no AMQP 0-9-1 frame.
func (c *Client) Greeting(b []byte) error {
	switch {
	case len(b) == 0 || b[0] == amqp.FrameMethod:
		return nil
	case bytes.HasPrefix(b, []byte("AMQP")):
		return &PreambleError{Looks: "the server refused our protocol header and asks for another version of AMQP"}
	case bytes.HasPrefix(b, []byte("HTTP/")):
		return &PreambleError{Looks: "the answer of an HTTP server; is the port right? AMQP's is 5672"}
	case b[0] == 0x15 && len(b) > 1 && b[1] == 3:
		return &PreambleError{Looks: "a TLS alert; the port wants TLS: use amqps:// instead of amqp://"}
	}
	return &PreambleError{Looks: fmt.Sprintf("the server began with %q", b[:min(len(b), 8)])}
}
