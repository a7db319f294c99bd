package session

import "github.com/postrider-mq/postrider/amqp"

// A client that connects again when its connection breaks says so among its properties: all its connections have one name, which nobody else
// knows, and each a higher turn. A broker that knows of this ends the former connection, if that is still there, before the next one begins. Others see a
// property that they do not know.
const succession = "postrider_succession"

// Succession is which connection of a client this is; the zero value that of one that says nothing about it.
type Succession struct {
	Name string // of this one and all that precede and follow it: a secret
	Turn int64
}

// Put has properties tell of it.
func (s Succession) Put(properties amqp.Table) {
	properties[succession] = amqp.Table{"name": s.Name, "turn": s.Turn}
}

// Succession is what the peer says of it.
func (p Peer) Succession() (s Succession) {
	told, _ := p.Properties[succession].(amqp.Table)
	s.Name, _ = told["name"].(string)
	s.Turn, _ = told["turn"].(int64)
	return s
}

// Public are the properties without what is between this peer and us.
func (p Peer) Public() amqp.Table {
	if _, is := p.Properties[succession]; !is {
		return p.Properties
	}
	rest := make(amqp.Table, len(p.Properties))
	for name, value := range p.Properties {
		if name != succession {
			rest[name] = value
		}
	}
	return rest
}
