package main

import (
	"context"
	"crypto/tls"
	"strings"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/probe"
	"github.com/postrider-mq/postrider/internal/client"
)

// kind is the sort of thing that a TARGET names.
type kind uint8

const (
	toPeer kind = iota
	toMailbox
	toURL
	toInbox // this node's own
)

// targetName is a TARGET of the command line.
type targetName struct {
	kind kind
	name string // or the URL
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
	}
	if what == s && s != "" { // a bare word
		return targetName{}, usagef("target %q: want peer:NAME, mailbox:NAME or amqp://HOST:PORT/NAME: did you mean mailbox:%s?", s, s)
	}
	return targetName{}, usagef("target %q: want peer:NAME, mailbox:NAME or amqp://HOST:PORT/NAME", s)
}

// check finds what is wrong with a target before anything is started.
func (t targetName) check(o *nodeOptions) error {
	switch t.kind {
	case toPeer:
		peers, err := parsePeers(o.peers)
		if _, known := peers[t.name]; err != nil || known || t.name == o.name {
			return err
		}
		return usagef("nobody says where peer %s is: give --peer %s=HOST:PORT", t.name, t.name)
	case toURL:
		if _, err := client.ParseURL(t.name); err != nil {
			return usageError{err}
		}
	}
	return nil
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
	switch t.kind {
	case toPeer, toURL:
		return usagef("what is sent to %s is received in its own process; there, it is: inbox --name NAME --listen HOST:PORT", t.name)
	case toInbox:
		if o.listen == "" && o.dir == "" {
			return usagef("nobody can reach this node's inbox: give --listen HOST:PORT, and with --name the name to send to; or name a mailbox, as in mailbox:jobs")
		}
	}
	return t.check(o)
}

// of is the target as the node knows it. A URL without a name means the inbox of whoever listens there.
func (t targetName) of(ctx context.Context, n *postrider.Node, trust *tls.Config) (*postrider.Target, error) {
	switch t.kind {
	case toMailbox:
		return n.Mailbox(t.name), nil
	case toInbox:
		return n.Inbox(), nil
	case toURL:
		url, err := t.withName(ctx, trust)
		return n.Peer(url), err
	}
	return n.Peer(t.name), nil
}

// withName is the URL with the name of the node at its end, which it asks for if need be.
func (t targetName) withName(ctx context.Context, trust *tls.Config) (string, error) {
	at, err := client.ParseURL(t.name)
	if err != nil {
		return "", usageError{err}
	}
	if at.VHost != "/" {
		return t.name, nil
	}
	l, err := probe.Dial(ctx, at, trust)
	if err != nil {
		return "", unreachable(at.String(), err)
	}
	defer l.Close()
	return strings.TrimSuffix(t.name, "/") + "/" + l.Server().Name, nil
}
