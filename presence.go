package postrider

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/client"
)

// A node that listens and has brokers can be found through them: it keeps a small queue there, bound to the exchange of all nodes
// under its name and under that of everyone, and answers who asks there with its card.
//
//	alice ──"where is bob?"──► postrider.nodes ──bob──► bob's queue ──► bob
//	alice ◄──────────────────────── card ──────────────────────────────┘
//
// Whoever may publish on the brokers may ask, and whoever may bind a queue there may answer, in anybody's name.

// Card is what a node says of itself to who asks for it through the brokers, see [Node.Peers].
type Card struct {
	Name string `json:"name"`
	// Addresses are the AMQP URLs at which it listens, without a login, the best first.
	Addresses []string `json:"addresses"`
	// Key is the fingerprint of the public key that it shows there: the SHA-256 of its encoding in base64 (RFC 7469,
	// section 2.4). "" without TLS, or where it has several.
	Key string `json:"key,omitempty"`
}

// nodesExchange is where nodes are asked, by name.
func nodesExchange() *client.Exchange {
	return &client.Exchange{Name: "postrider.nodes", Kind: "direct"}
}

// bePresent answers who asks for this node, and looks once whether another has its name.
func (n *Node) bePresent() {
	if len(n.mail) == 0 || n.local.addr() == nil {
		return
	}
	q := &client.Queue{Name: "postrider.node." + n.cfg.Name, Own: true, From: nodesExchange(), Keys: []string{n.cfg.Name, everyone}}
	answering := n.receivingConn().Consume(q, defaultPrefetch, func(d *client.Delivery) {
		n.showCard(d)
		d.Ack()
	})
	go n.lookForNamesakes(answering)
}

// lookForNamesakes asks for this node's own name as soon as it is answered here: of two that have it, the one that asks last hears both.
func (n *Node) lookForNamesakes(answering *client.Consumer) {
	select {
	case <-answering.First():
	case <-n.ctx.Done():
		return
	}
	for answering.Err() != nil { // the brokers are down, say
		select {
		case <-time.After(lastPause):
		case <-n.ctx.Done():
			return
		}
	}
	r := n.rolls.open(n.ids.next().String())
	defer n.rolls.close(r)
	if n.callRoll(n.ctx, n.cfg.Name, r.id) == nil {
		r.listen(n.ctx, lastPause, n.isOwn, func(c Card, _ error) bool { n.seeNamesake(c); return true })
	}
}

func (n *Node) showCard(d *client.Delivery) {
	v, err := d.Props.View()
	if err != nil || len(v.ReplyTo) == 0 {
		return
	}
	body, err := json.Marshal(n.card())
	if err != nil {
		return
	}
	e, err := client.NewEnvelope("", string(v.ReplyTo), false, amqp.Properties{
		ContentType: TypeJSON, DeliveryMode: amqp.Transient, AppID: n.cfg.Name, CorrelationID: string(v.CorrelationID),
	})
	if err == nil {
		err = n.sendingConn().Publisher().Post(new(client.Fate), e, []byte(n.ids.next().String()), body)
	}
	if err != nil && !errors.Is(err, client.ErrClosed) {
		n.log.Warn("who asked where this node is could not be told", "error", err)
	}
}

func (n *Node) card() Card {
	c := Card{Name: n.cfg.Name}
	scheme := "amqp://"
	if n.cfg.TLS != nil {
		scheme = "amqps://"
		c.Key = n.cfg.publicKey()
	}
	for _, at := range n.advertised() {
		c.Addresses = append(c.Addresses, scheme+at)
	}
	return c
}

// publicKey is that of the certificate which the listener shows; "" where it has more than one, or chooses it for each connection.
func (c *Config) publicKey() string {
	var shown *tls.Certificate
	switch {
	case c.TLS.GetConfigForClient != nil, len(c.TLS.Certificates) > 1:
		return ""
	case len(c.TLS.Certificates) == 1:
		shown = &c.TLS.Certificates[0]
	case c.shown != nil:
		shown = c.shown()
	default:
		return ""
	}
	leaf, err := x509.ParseCertificate(shown.Certificate[0])
	if err != nil {
		return ""
	}
	return client.PublicKey(leaf)
}

// advertised are the addresses of the listener, seen from elsewhere.
func (n *Node) advertised() []string {
	if n.cfg.Advertise != "" {
		return []string{n.cfg.Advertise}
	}
	addr := n.local.addr().String()
	host, port, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsUnspecified() {
		return []string{addr}
	}
	all, err := net.InterfaceAddrs()
	if err != nil {
		n.log.Warn("the addresses of this machine cannot be told: set Config.Advertise", "error", err)
	}
	var list []string
	for _, a := range all {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.IsGlobalUnicast() {
			list = append(list, net.JoinHostPort(ip.IP.String(), port))
		}
	}
	return list
}

// askWhere asks a node where it is. What was asked while its connection ended has gone with its queue, so it is asked again: at once
// where nobody is any more, nobody takes the question.
func (n *Node) askWhere(ctx context.Context, name string) ([]client.Address, error) {
	id := n.ids.next().String()
	deadline, _ := ctx.Deadline() // each attempt to connect has one
	e, err := client.NewEnvelope(nodesExchange().Name, name, true, amqp.Properties{
		DeliveryMode: amqp.Transient, AppID: n.cfg.Name, ReplyTo: client.ReplyTo, CorrelationID: id, Expiration: milliseconds(time.Until(deadline)),
	})
	if err != nil {
		return nil, err
	}
	to := n.sendingConn()
	to.EnsureExchange(nodesExchange())
	reply, _, err := to.Publisher().Call(ctx, firstPause, e, []byte(id), nil)
	for pause := 2 * firstPause; errors.Is(err, client.ErrLate); pause *= 2 {
		reply, _, err = to.Publisher().Call(ctx, pause, e, []byte(id), nil)
	}
	switch {
	case errors.Is(err, client.ErrUnroutable):
		return nil, fmt.Errorf("looking for %q: %w", name, errNobody)
	case err != nil:
		return nil, fmt.Errorf("looking for %q through the brokers: %w", name, err)
	}
	var c Card
	if len(reply.Body) > maxCard {
		return nil, fmt.Errorf("looking for %q: its card is larger than %d bytes", name, maxCard)
	}
	if err := json.Unmarshal(reply.Body, &c); err != nil {
		return nil, fmt.Errorf("looking for %q: its card cannot be read: %w", name, err)
	}
	return n.places(&c)
}

// places are the addresses on a card, of which only those are good that an honest node may listen at: whoever answers gets what is sent there, and
// the login for it.
func (n *Node) places(c *Card) ([]client.Address, error) {
	var all []client.Address
	for _, u := range c.Addresses {
		at, err := client.ParseURL(u)
		if err != nil {
			return nil, fmt.Errorf("the card of %q: %w", c.Name, err)
		}
		if at.Key = c.Key; at.Key != "" && !at.TLS {
			return nil, fmt.Errorf("the card of %q has a key and an address without TLS", c.Name)
		}
		if !at.TLS && n.cfg.TLS != nil {
			return nil, fmt.Errorf("the card of %q has an address without TLS, and this node has Config.TLS", c.Name)
		}
		at.Near = !at.TLS
		n.cfg.logIn(&at)
		all = append(all, at)
	}
	return all, nil
}
