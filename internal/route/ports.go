package route

// A port is where bindings lead: to a queue or an exchange.
type port[Q comparable] struct {
	name    string
	queue   Q // if toQueue
	toQueue bool
	uses    uint32 // how many bindings lead here in the same way
}

// ports is an immutable set of destinations. Two bindings may lead to one in the same way, differing in their arguments,
// or in their keys where keys do not matter; so each counts its uses.
type ports[Q comparable] struct{ set trie[port[Q]] }

func (s ports[Q]) len() int { return s.set.len() }

// with returns the set with one more use of p.
func (s ports[Q]) with(p port[Q]) ports[Q] {
	key := portKey(p.name, p.toQueue)
	old, _ := s.set.get(key)
	p.uses = old.uses + 1
	return ports[Q]{s.set.with(key, p)}
}

// without returns the set with one use less of the destination of b.
func (s ports[Q]) without(b *binding) ports[Q] {
	key := portKey(b.Destination, b.ToQueue)
	p, ok := s.set.get(key)
	if !ok {
		return s
	}
	if p.uses--; p.uses == 0 {
		return ports[Q]{s.set.without(key)}
	}
	return ports[Q]{s.set.with(key, p)}
}

func portKey(name string, toQueue bool) string { return string(kindByte(toQueue)) + name }
