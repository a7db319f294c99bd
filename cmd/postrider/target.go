package main

import (
	"context"
	"strings"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/internal/client"
)

// kind is the sort of thing that a TARGET names.
type kind uint8

const (
	toPeer kind = iota
	toMailbox
	toTopic
	toURL
	toInbox // this node's own
)

// onBroker reports whether what is sent there is kept by a broker.
func (k kind) onBroker() bool { return k == toMailbox || k == toTopic }

// targetName is a TARGET of the command line.
type targetName struct {
	kind kind
	name string // or the URL
}

// String is the target as the library names it.
func (t targetName) String() string {
	switch t.kind {
	case toMailbox:
		return "mailbox " + t.name
	case toTopic:
		return "topic " + t.name
	case toInbox:
		return "the inbox"
	}
	return "peer " + t.name
}

// parseTarget parses a TARGET.
func parseTarget(s string) (targetName, error) {
	if s == "inbox" {
		return targetName{kind: toInbox}, nil
	}
	if scheme, _, ok := strings.Cut(s, "://"); ok {
		if scheme != "amqp" && scheme != "amqps" {
			return targetName{}, usagef("target %q: want an amqp:// or amqps:// URL", s)
		}
		return targetName{toURL, s}, nil
	}
	what, name, _ := strings.Cut(s, ":")
	switch {
	case name == "":
	case what == "peer":
		return targetName{toPeer, name}, nil
	case what == "mailbox":
		return targetName{toMailbox, name}, nil
	case what == "topic":
		return targetName{toTopic, name}, nil
	}
	err := usagef("target %q: want peer:NAME, mailbox:NAME, topic:NAME or amqp://HOST:PORT/NAME", s)
	switch {
	case name != "" && what == "queue":
		err = usagef("%w: did you mean mailbox:%s?", err, name)
	case name != "" && what == "exchange":
		err = usagef("%w: did you mean topic:%s?", err, name)
	case what == s && s != "": // a bare word
		err = usagef("%w: did you mean mailbox:%s?", err, s)
	}
	return targetName{}, err
}

// check finds what is wrong with a target before anything is started.
func (t targetName) check(o *nodeOptions) error {
	switch {
	case o.partitions != 0 && t.kind != toMailbox:
		return usagef("--partitions: only a mailbox has them")
	case o.partitions < 0 || o.partitions > maxPartitions:
		return usagef("--partitions %d: want 1 to %d, or 0, which is none", o.partitions, maxPartitions)
	}
	switch t.kind {
	case toPeer:
		_, err := parsePeers(o.peers)
		return err
	case toURL:
		if _, err := client.ParseURL(t.name); err != nil {
			return usageError{err}
		}
	}
	return nil
}

// unknown is the name of a peer of which only the brokers may know where it is; "" for all else.
func (t targetName) unknown(o *nodeOptions) string {
	peers, _ := parsePeers(o.peers) // checked
	if _, known := peers[t.name]; known || t.kind != toPeer || t.name == o.name {
		return ""
	}
	return t.name
}

// sendable checks a target that is sent to.
func (t targetName) sendable(o *nodeOptions) error {
	if t.kind == toInbox {
		return usagef("target inbox is this node's own: name the node to send to, as peer:NAME or amqp://HOST:PORT/NAME")
	}
	return t.check(o)
}

// receivable checks a target that is received from.
func (t targetName) receivable(o *nodeOptions) error {
	if t.kind != toTopic && (o.subscription != "" || len(o.matching) > 0) {
		return usagef("--subscription and --match go with a topic, as in topic:prices")
	}
	switch t.kind {
	case toPeer, toURL:
		return usagef("what is sent to %s is received in its own process: there, the target is inbox, with --name NAME and --listen HOST:PORT", t.name)
	case toInbox:
		if o.listen == "" && o.dir == "" {
			return usagef("nobody can reach this node's inbox: give --listen HOST:PORT, and with --name the name to send to; or name a mailbox, as in mailbox:jobs")
		}
	}
	return t.check(o)
}

// of is the target as the node knows it. A URL without a name means the inbox of whoever listens there.
func (t targetName) of(ctx context.Context, n *postrider.Node, o *nodeOptions) (*postrider.Target, error) {
	switch t.kind {
	case toMailbox:
		if o.partitions == 0 {
			return n.Mailbox(t.name), nil
		}
		return n.Mailbox(t.name, postrider.Partitions(o.partitions)), nil
	case toTopic:
		return o.topic(n, t.name), nil
	case toInbox:
		return n.Inbox(), nil
	case toURL:
		url, err := t.withName(ctx, o)
		return n.Peer(url), err
	}
	return n.Peer(t.name), nil
}

// topic is a topic as the flags want to subscribe to it.
func (o *nodeOptions) topic(n *postrider.Node, name string) *postrider.Target {
	var options []postrider.TopicOption
	if o.subscription != "" {
		options = append(options, postrider.Durable(o.subscription))
	}
	if len(o.matching) > 0 {
		options = append(options, postrider.Matching(o.matching...))
	}
	return n.Topic(name, options...)
}

// maxPartitions is how many partitions a mailbox may have.
const maxPartitions = 256

// withName is the URL with the name of the node at its end, which it asks for if need be.
func (t targetName) withName(ctx context.Context, o *nodeOptions) (string, error) {
	url, err := o.enter(t.name)
	if err != nil {
		return "", err
	}
	at, err := client.ParseURL(url)
	if err != nil {
		return "", usageError{err}
	}
	if at.VHost != "/" {
		return url, nil
	}
	l, err := o.dial(ctx, at)
	if err != nil {
		return "", unreachable(at.String(), err)
	}
	defer l.Close()
	return strings.TrimSuffix(url, "/") + "/" + l.Server().Name, nil
}
