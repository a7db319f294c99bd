package differential

import (
	"fmt"
	"strings"

	"github.com/postrider-mq/postrider/amqp"
)

// A Program is what both brokers are told.
type Program []Step

// A Step is sent on one channel of one connection. Either is opened before, if
// it is not open. Method, if there is one, comes first, with Props and Body if it
// is a publish, Octets come after it, as they are.
type Step struct {
	Conn    int
	Channel uint16
	Method  amqp.Method
	Props   amqp.Properties
	Body    string
	Octets  []byte
	Policy  *Policy // what is asked of the management interface instead

	Aim    aim // which delivery an ack, nack or reject means
	Index  int // among those that are outstanding, modulo their number
	Reply  bool
	HangUp bool // the socket is closed, without a word
}

// aim says which delivery tag is put into an ack, nack or reject. Tags are the
// broker's to assign, so a program cannot name them.
type aim uint8

const (
	asIs    aim = iota // the tag that the method has
	one                // that of one outstanding delivery; no such, no step
	through            // the highest that came no later than that, for multiple
	again              // one that was settled last
)

// String is a step as a reader of a failing program needs it.
func (s Step) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "connection %d channel %d: ", s.Conn, s.Channel)
	switch {
	case s.Policy != nil:
		b.WriteString(s.Policy.String())
	case s.HangUp:
		b.WriteString("hang up")
	case s.Method != nil:
		b.WriteString(showMethod(s.Method))
	}
	if s.Method != nil && s.Method.ID() == amqp.BasicPublishID {
		fmt.Fprintf(&b, " %s body=%q", showProperties(&s.Props), s.Body)
	}
	if s.Aim != asIs {
		fmt.Fprintf(&b, " of %s %d", [...]string{"", "outstanding", "all through outstanding", "settled"}[s.Aim], s.Index)
	}
	if s.Reply {
		b.WriteString(" to the reply-to that was seen last")
	}
	if len(s.Octets) > 0 {
		fmt.Fprintf(&b, " octets %x", s.Octets)
	}
	return b.String()
}

// String is the program, a line a step.
func (p Program) String() string {
	var b strings.Builder
	for i, s := range p {
		fmt.Fprintf(&b, "%3d  %s\n", i, s)
	}
	return b.String()
}
