package postrider

import (
	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/client"
)

// What a connection is for.
type purpose uint8

const (
	toReceive purpose = iota // from brokers
	toSend                   // to brokers
	toPeer
)

// conn makes a connection. The caller holds mu.
func (n *Node) conn(to []place, why purpose) *client.Conn {
	cfg := client.Config{
		Name:        n.cfg.Name,
		TLS:         n.cfg.TLS,
		Dial:        n.cfg.Dial,
		Logger:      n.log,
		Publishes:   why != toReceive,
		Doubts:      why == toPeer,
		MaxMessages: n.cfg.OutboxMessages,
		MaxBytes:    n.cfg.OutboxBytes,
	}
	if n.kept != nil {
		cfg.Keeper = n.kept
	}
	cfg.Answered, cfg.Lost = n.answered, n.asked.lost
	cfg.Addresses, cfg.Find = n.whereabouts(to)
	cfg.To = names(to)
	return client.New(cfg)
}

// answered is told of each answer that no call waits for.
func (n *Node) answered(props amqp.RawProperties, body []byte) {
	if v, err := props.View(); err == nil && n.rolls.answered(string(v.CorrelationID), body) {
		return
	}
	n.asked.answered(props, body)
}

// peerConn is the connection to a peer that the configuration knows; nil to others.
func (n *Node) peerConn(name string) *client.Conn {
	n.mu.Lock()
	defer n.mu.Unlock()
	at, ok := n.peers[name]
	if !ok || n.closed {
		return nil
	}
	return n.connTo(at)
}

// sendingConn is the connection that gives messages to the brokers.
func (n *Node) sendingConn() *client.Conn {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.sendingLocked()
}

// sendingLocked is sendingConn for who holds mu.
func (n *Node) sendingLocked() *client.Conn {
	if n.sending == nil {
		n.sending = n.conn(n.mail, toSend)
		if n.closed {
			n.sending.Close()
		}
	}
	return n.sending
}

// receivingConn is the connection that takes messages from the brokers.
func (n *Node) receivingConn() *client.Conn {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.receiving == nil {
		n.receiving = n.conn(n.mail, toReceive)
		if n.closed {
			n.receiving.Close()
		}
	}
	return n.receiving
}

func (n *Node) connections() []*client.Conn {
	n.mu.Lock()
	defer n.mu.Unlock()
	var all []*client.Conn
	if n.sending != nil {
		all = append(all, n.sending)
	}
	if n.receiving != nil {
		all = append(all, n.receiving)
	}
	for _, r := range n.reaches {
		all = append(all, r.conn)
	}
	return all
}

func (n *Node) laneConnections() (all []*client.Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, r := range n.reaches {
		if r.lane != nil {
			all = append(all, r.lane)
		}
	}
	return all
}
