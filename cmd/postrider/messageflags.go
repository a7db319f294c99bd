package main

import (
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/postrider-mq/postrider"
)

// messageOptions are the flags that say what is sent beside the body, and how far it has to come.
type messageOptions struct {
	id        string
	key       string
	headers   headerFlag
	file      string
	expires   time.Duration
	until     untilFlag
	transient bool
}

// carried adds the flags of what travels with a message.
func (o *messageOptions) carried(f *pflag.FlagSet) {
	f.StringVar(&o.id, "id", "", "`id` of the message, or of a line of stdin ID-1, ID-2 and so on; with --name, a repeat is dropped by who has handled it (default a random one)")
	f.StringVar(&o.key, "key", "", "what it is about, a `text`: messages of one key stay in order with --partitions, subscribers of a topic choose by it")
	f.Var(&o.headers, "header", "`NAME=VALUE` that travels along; may be repeated")
	f.StringVar(&o.file, "file", "", "`file` that is the message, whatever is in it; - is all of stdin")
}

// kept adds the flags of what becomes of a message that is not waited for as a call is.
func (o *messageOptions) kept(f *pflag.FlagSet) {
	f.DurationVar(&o.expires, "expires", 0, "`duration`, as in 30s, after which nobody is to handle it any more; 0 is never")
	f.Var(&o.until, "until", "how `far` it has to come: stored by the broker, received in the peer's inbox, or handled by whoever receives it (default the first that is there)")
	f.BoolVar(&o.transient, "transient", false, "let a broker forget the messages when it stops; it need not wait for its disk")
}

// check finds what does not go with a target.
func (o *messageOptions) check(k kind) error {
	switch {
	case len(o.id) > maxText:
		return usagef("--id: %d bytes are too long, %d are allowed", len(o.id), maxText)
	case len(o.key) > maxText:
		return usagef("--key: %d bytes are too long, %d are allowed", len(o.key), maxText)
	case o.expires < 0 || o.expires > 0 && o.expires < time.Millisecond:
		return usagef("--expires %s: want 1ms or more, or 0, which is never", o.expires)
	case o.until.is(postrider.Stored) && !k.onBroker():
		return usagef("--until stored: what goes to a peer is not stored by a broker: want received or handled")
	case o.until.is(postrider.Received) && k.onBroker():
		return usagef("--until received: what a broker stores is told of when it is handled: want stored or handled")
	}
	return nil
}

// maxText is how long an id, a key and the name of a header may be, in bytes.
const maxText = 255

// of is the options of the n-th message, the id that it has among them.
func (o *messageOptions) of(n int, line bool) (id string, options []postrider.SendOption) {
	switch id = o.id; {
	case id == "":
		id = rand.Text()
	case line:
		id += "-" + strconv.Itoa(n)
	}
	options = []postrider.SendOption{postrider.ID(id)}
	if o.key != "" {
		options = append(options, postrider.Key(o.key))
	}
	for _, h := range o.headers {
		options = append(options, postrider.Header(h.name, h.value))
	}
	if o.expires > 0 {
		options = append(options, postrider.Expires(o.expires))
	}
	if o.until != 0 {
		options = append(options, postrider.Until(postrider.Grade(o.until)))
	}
	if o.transient {
		options = append(options, postrider.Transient())
	}
	return id, options
}

// headerFlag collects headers.
type headerFlag []header

type header struct{ name, value string }

func (h *headerFlag) Type() string   { return "NAME=VALUE" }
func (h *headerFlag) String() string { return "" }

func (h *headerFlag) Set(text string) error {
	name, value, ok := strings.Cut(text, "=")
	switch {
	case !ok || name == "":
		return fmt.Errorf("want NAME=VALUE, as in lang=de")
	case len(name) > maxText:
		return fmt.Errorf("a name may be %d bytes long, not %d", maxText, len(name))
	case strings.HasPrefix(name, nodeHeader):
		return fmt.Errorf("names that begin with %s are reserved", nodeHeader)
	}
	*h = append(*h, header{name, value})
	return nil
}

// nodeHeader begins the names of headers that nodes write.
const nodeHeader = "x-postrider-"

// untilFlag is a grade by its name; 0 = not set.
type untilFlag postrider.Grade

func (u *untilFlag) Type() string { return "far" }

func (u *untilFlag) is(g postrider.Grade) bool { return postrider.Grade(*u) == g }

func (u *untilFlag) String() string {
	if *u == 0 {
		return ""
	}
	return postrider.Grade(*u).String()
}

func (u *untilFlag) Set(text string) error {
	for _, g := range []postrider.Grade{postrider.Stored, postrider.Received, postrider.Handled} {
		if g.String() == text {
			*u = untilFlag(g)
			return nil
		}
	}
	return fmt.Errorf("want stored, received or handled")
}
