package postridertest

import "time"

// Cut breaks every connection from or to the one of that name. New ones can be made at once.
func (n *Network) Cut(name string) {
	n.cut(func(l *line) bool { return l.touches(name) })
}

// CutAll breaks every connection there is.
func (n *Network) CutAll() { n.cut(func(*line) bool { return true }) }

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
	n.cut(func(l *line) bool { return pair(l.from, l.to) == pair(a, b) })
}

// Heal ends Split.
func (n *Network) Heal(a, b string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.apart, pair(a, b))
}

// Mute lets nothing pass from or to the one of that name, and nobody is told: as if its cable was pulled and neither side
// noticed. What is written is lost, who reads waits, who dials waits for his context, and who closes a connection does so
// for himself alone. Until Unmute.
func (n *Network) Mute(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.mute[name] == nil {
		n.mute[name] = make(chan struct{})
	}
	for l := range n.lines {
		if l.touches(name) {
			l.hush()
		}
	}
}

// Unmute ends Mute. Connections that were mute break: something was lost on them.
func (n *Network) Unmute(name string) {
	n.mu.Lock()
	if mute := n.mute[name]; mute != nil {
		close(mute)
		delete(n.mute, name)
	}
	n.mu.Unlock()
	n.cut(func(l *line) bool { return l.touches(name) && l.mute.Load() })
}

// Slow makes whatever is sent from now on by a connection from or to the one of that name, in either direction, arrive so much later. 0 ends it. However
// much is sent, all of it is late by that time alone; but a connection is made in three such ways there and back, for which nodes have 5 s.
func (n *Network) Slow(name string, late time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.late[name] = late
	for l := range n.lines {
		if l.touches(name) {
			l.late.Store(int64(max(n.late[l.from], n.late[l.to])))
		}
	}
}

func (n *Network) cut(which func(*line) bool) {
	n.mu.Lock()
	var broken []*line
	for l := range n.lines {
		if which(l) {
			broken = append(broken, l)
		}
	}
	n.mu.Unlock()
	for _, l := range broken {
		l.snap()
	}
}
