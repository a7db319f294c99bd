package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/probe"
)

// letter is a dead letter as --json prints it. A node has written down its handlers' tries, a broker the deaths; either may be missing.
type letter struct {
	Position     int        `json:"position"` // in its queue when that was looked at, from 1
	ID           string     `json:"id,omitempty"`
	From         string     `json:"from,omitempty"`
	Tries        int64      `json:"tries,omitempty"`
	Reason       string     `json:"reason,omitempty"`
	FirstFailure *time.Time `json:"firstFailure,omitempty"`
	LastFailure  *time.Time `json:"lastFailure,omitempty"`
	Origin       string     `json:"origin,omitempty"` // the queue that it died in
	Deaths       []death    `json:"deaths,omitempty"`
	ContentType  string     `json:"contentType,omitempty"`
	SealedBy     string     `json:"sealedBy,omitempty"`
	Body         string     `json:"body,omitempty"`
	BodyBase64   []byte     `json:"bodyBase64,omitempty"`

	props amqp.Properties
}

func newLetter(m *probe.Message, position int) (*letter, error) {
	l := &letter{Position: position}
	p := &l.props
	var err error
	if *p, err = propertiesOf(m.Props); err != nil {
		return nil, err
	}
	l.ID, l.From, l.ContentType, l.Deaths = p.MessageID, p.AppID, p.ContentType, deathsIn(p.Headers)
	if tries, ok := amqp.Integer(p.Headers[nodeHeader+"tries"]); ok && tries > 0 {
		l.Tries = tries
	}
	l.Reason, _ = p.Headers[nodeHeader+"reason"].(string)
	l.FirstFailure = moment(p.Headers, nodeHeader+"first-failure")
	l.LastFailure = moment(p.Headers, nodeHeader+"last-failure")
	l.Origin, _ = p.Headers[nodeHeader+"target"].(string)
	if d := gaveUp(l.Deaths); d != nil && !l.handled() { // the broker's doing, not a handler's
		l.Origin, l.Reason = d.Queue, d.Reason
	}
	return l, nil
}

// propertiesOf are the properties of a message. Its headers are there raw, too, and only so where they are beyond the bounds of a table, as RabbitMQ lets them pass.
func propertiesOf(raw amqp.RawProperties) (p amqp.Properties, err error) {
	if err = p.ParseRaw(raw, nil); err == nil && p.RawHeaders != nil {
		_, p.Headers, _ = amqp.ParseTable(p.RawHeaders)
	}
	return p, err
}

// handled says whether a handler of a node has failed upon it.
func (l *letter) handled() bool { return l.Tries > 0 }

// name is what a letter is called by: its id, or, for want of one, its position.
func (l *letter) name() string { return cmp.Or(l.ID, at(l.Position)) }

func at(position int) string { return fmt.Sprint("@", position) }

// among says whether a letter is one of those that are named.
func (l *letter) among(names []string) (name string, yes bool) {
	i := slices.IndexFunc(names, func(s string) bool { return s == l.ID && s != "" || s == at(l.Position) })
	if i < 0 {
		return "", false
	}
	return names[i], true
}

// history is the letter's in a few words.
func (l *letter) history() string {
	if d := gaveUp(l.Deaths); d != nil && !l.handled() {
		return d.String()
	}
	if !l.handled() && l.Reason == "" {
		return "does not say why"
	}
	return several(int(l.Tries), "try", "tries") + "  " + firstLine(l.Reason)
}

func moment(headers amqp.Table, name string) *time.Time {
	ms, ok := amqp.Integer(headers[name])
	if !ok {
		return nil
	}
	t := time.UnixMilli(ms).UTC()
	return &t
}

// death is an entry of the header x-death: that a message left a queue, for a reason, without being acknowledged.
type death struct {
	Queue       string     `json:"queue"`
	Reason      string     `json:"reason"` // rejected, expired, maxlen, delivery_limit
	Count       int64      `json:"count,omitempty"`
	Time        *time.Time `json:"time,omitempty"` // of the first one
	Exchange    string     `json:"exchange"`       // that it had been published to; empty for the default one
	RoutingKeys []string   `json:"routingKeys,omitempty"`
}

// deathsIn are those that brokers have written down, the latest first.
func deathsIn(headers amqp.Table) (all []death) {
	list, _ := headers["x-death"].([]any)
	for _, x := range list {
		t, ok := x.(amqp.Table)
		if !ok {
			continue
		}
		var d death
		if d.Queue, _ = t["queue"].(string); d.Queue == "" { // no broker has written it
			continue
		}
		d.Reason, _ = t["reason"].(string)
		d.Exchange, _ = t["exchange"].(string)
		d.Count, _ = amqp.Integer(t["count"])
		if when, ok := t["time"].(time.Time); ok {
			d.Time = &when
		}
		keys, _ := t["routing-keys"].([]any)
		for _, k := range keys {
			if s, ok := k.(string); ok {
				d.RoutingKeys = append(d.RoutingKeys, s)
			}
		}
		all = append(all, d)
	}
	for _, which := range []string{"x-last-death-", "x-first-death-"} {
		if len(all) > 0 {
			break
		}
		var d death
		if d.Queue, _ = headers[which+"queue"].(string); d.Queue != "" {
			d.Reason, _ = headers[which+"reason"].(string)
			d.Exchange, _ = headers[which+"exchange"].(string)
			all = append(all, d)
		}
	}
	return all
}

// gaveUp is the death that tells where a message was to be handled, nil if there is none: the latest that is no expiry, for messages
// that wait for another try expire in the queue where they wait; or else the latest.
func gaveUp(deaths []death) *death {
	i := slices.IndexFunc(deaths, func(d death) bool { return d.Reason != "expired" })
	if i < 0 && len(deaths) == 0 {
		return nil
	}
	return &deaths[max(i, 0)]
}

// reasons are those of x-death in words.
var reasons = map[string]string{
	"rejected": "rejected", "expired": "expired", "maxlen": "dropped from a full queue", "delivery_limit": "delivered too often",
}

// String tells what happened, where, how often and how the message had come there.
func (d *death) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, in %s", cmp.Or(reasons[d.Reason], d.Reason, "died"), d.Queue)
	if d.Count > 1 {
		fmt.Fprintf(&b, ", %d times", d.Count)
	}
	if d.Time != nil {
		fmt.Fprintf(&b, ", %s", d.Time.UTC().Format(time.RFC3339))
	}
	if d.Exchange != "" {
		fmt.Fprintf(&b, ", by way of exchange %s", d.Exchange)
		if len(d.RoutingKeys) > 0 {
			fmt.Fprintf(&b, " with key %s", strings.Join(d.RoutingKeys, ", "))
		}
	}
	return b.String()
}
