package postridertest

// Cut breaks every connection from or to the one of that name. New ones can be made at once.
func (n *Network) Cut(name string) {
	n.cut(func(c *conn) bool { return c.from == name || c.to == name })
}

// CutAll breaks every connection there is.
func (n *Network) CutAll() { n.cut(func(*conn) bool { return true }) }

// Isolate takes the one of that name off the network, as if its cable was pulled and both sides noticed, until Rejoin.
func (n *Network) Isolate(name string) {
	n.mu.Lock()
	n.away[name] = true
	n.mu.Unlock()
	n.Cut(name)
}

// Rejoin ends Isolate.
func (n *Network) Rejoin(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.away, name)
}

// Split parts two who can still reach others, until Heal.
func (n *Network) Split(a, b string) {
	n.mu.Lock()
	n.apart[pair(a, b)] = true
	n.mu.Unlock()
	n.cut(func(c *conn) bool { return pair(c.from, c.to) == pair(a, b) })
}

// Heal ends Split.
func (n *Network) Heal(a, b string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.apart, pair(a, b))
}

func (n *Network) cut(which func(*conn) bool) {
	n.mu.Lock()
	var broken []*conn
	for c := range n.conns {
		if which(c) {
			broken = append(broken, c)
		}
	}
	n.mu.Unlock()
	for _, c := range broken {
		c.Close()
	}
}
