package postrider

import "strconv"

// Grade says how far a message has come for certain. Grades are ordered.
type Grade uint8

const (
	// Pending is the grade of a message nobody has taken responsibility for yet.
	Pending Grade = iota
	// Kept: it is safe on this node's own disk, in the outbox of [Config.Dir], and is sent on even when this process
	// is killed now.
	Kept
	// Stored: a broker took responsibility, after a sync to disk where both the
	// mailbox and the message are durable.
	Stored
	// Received: the message is in the recipient's own inbox, in its process.
	Received
	// Handled: the recipient's handler returned nil, or its loop has acknowledged the message. Known only to who asks for it, see [Until].
	Handled
)

func (g Grade) String() string {
	switch g {
	case Pending:
		return "pending"
	case Kept:
		return "kept"
	case Stored:
		return "stored"
	case Received:
		return "received"
	case Handled:
		return "handled"
	}
	return "grade " + strconv.Itoa(int(g))
}
