package postridertest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/postrider-mq/postrider"
)

// What happened to a message.
type What string

// What a sender's node notes.
const (
	Sent        What = "sent"        // somebody called Send, Post, Call or Gather
	Confirmed   What = "confirmed"   // it has come as far as was asked for, see Event.Grade; a call was answered
	Undelivered What = "undelivered" // the send failed, see Event.Err
)

// What a receiver's node notes, see [postrider.Step].
const (
	Delivered What = "delivered" // it was handed to a handler or a loop
	Handled   What = "handled"   // the handler returned nil, or the loop acknowledged it
	Failed    What = "failed"    // the handler returned an error, see Event.Err
	Returned  What = "returned"  // it was put back, and comes again
	Dead      What = "dead"      // it is safe among the dead letters, where others may have received it before
)

// Event is one thing that happened to a message. As a pattern, for [Recorder.Wait] and the like, it fits events that have
// what it has: fields that are zero fit everything, and so do At, Message and Err unless that is an error that [errors.Is]
// finds.
type Event struct {
	What   What
	Node   string // the name of the node that noted it: the sender's, or the receiver's
	Target string // as [postrider.Target.String] names it to a sender: "peer bob", "mailbox jobs"; "" where it was received
	Verb   postrider.Verb
	From   string
	To     string // the name of the target
	ID     string
	Key    string
	Body   string // of what is neither a string nor a []byte, its JSON
	Grade  postrider.Grade
	Tries  int // how many handlers have failed upon it before
	Err    error

	At      time.Time
	Message *postrider.Message // where it was received: what else is known of it
}

// String is the event as a line of a record:
//
//	warehouse: failed at orders from shop "a lamp" (id 7, failed once before): out of lamps
func (e Event) String() string {
	var b strings.Builder
	if e.Node != "" {
		b.WriteString(e.Node + ": ")
	}
	b.WriteString(string(e.What))
	if where := cmp.Or(e.Target, e.To); where != "" {
		b.WriteString(e.What.preposition() + where)
	}
	if e.From != "" && e.From != e.Node {
		b.WriteString(" from " + e.From)
	}
	if e.Body != "" {
		fmt.Fprintf(&b, " %.60q", e.Body)
		if len(e.Body) > 60 {
			fmt.Fprintf(&b, "… of %d bytes", len(e.Body))
		}
	}
	if details := e.details(); len(details) > 0 {
		fmt.Fprintf(&b, " (%s)", strings.Join(details, ", "))
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

func (w What) preposition() string {
	if w == Sent || w == Undelivered {
		return " to "
	}
	return " at "
}

func (e Event) details() (all []string) {
	if e.Verb != "" {
		all = append(all, string(e.Verb))
	}
	if e.Grade != postrider.Pending {
		all = append(all, e.Grade.String())
	}
	if e.ID != "" {
		all = append(all, "id "+e.ID)
	}
	if e.Key != "" {
		all = append(all, "key "+e.Key)
	}
	switch {
	case e.Tries == 1:
		all = append(all, "failed once before")
	case e.Tries > 1:
		all = append(all, fmt.Sprintf("failed %d times before", e.Tries))
	}
	return all
}

// fits reports whether the event is one as the pattern says.
func (e Event) fits(like Event) bool {
	return wanted(e.What, like.What) && wanted(e.Node, like.Node) && wanted(e.Target, like.Target) && wanted(e.Verb, like.Verb) &&
		wanted(e.From, like.From) && wanted(e.To, like.To) && wanted(e.ID, like.ID) && wanted(e.Key, like.Key) &&
		wanted(e.Body, like.Body) && wanted(e.Grade, like.Grade) && wanted(e.Tries, like.Tries) &&
		(like.Err == nil || errors.Is(e.Err, like.Err))
}

func wanted[T comparable](have, want T) bool {
	var whatever T
	return want == whatever || have == want
}

// textOf is the body of a message on its way out.
func textOf(body any) string {
	switch body := body.(type) {
	case string:
		return body
	case []byte:
		return string(body)
	}
	b, err := json.Marshal(body)
	if err != nil {
		return fmt.Sprint(body)
	}
	return string(b)
}
