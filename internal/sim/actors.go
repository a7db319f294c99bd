package sim

import (
	"slices"
)

// Who acts in a run, beside the programmed steps: the journal's three workers,
// the timer, and for each connection its reader, its writer and the network in
// both directions. Each acts when it is drawn, and does one thing.

// micro lets n randomly drawn actors act.
func (w *World) micro(n int) {
	for range n {
		if w.dead || w.violation != nil {
			return
		}
		switch k := w.rnd.IntN(6 + 4*len(w.peers) + len(w.chores)); {
		case k < 3:
			w.runWriter()
		case k == 3:
			w.runPreparer()
		case k == 4:
			w.runCoroutine(w.reclaimer)
		case k == 5:
			w.tick()
		case k < 6+4*len(w.peers):
			w.actPeer(w.peers[(k-6)/4], (k-6)%4, 1+w.rnd.IntN(1<<uint(w.rnd.IntN(13))))
		default:
			w.runChore(k - 6 - 4*len(w.peers))
		}
	}
}

func (w *World) actPeer(p *peer, what, n int) bool {
	switch what {
	case 0:
		return w.runReader(p)
	case 1:
		return p.write()
	case 2:
		return p.wire.deliverUp(n)
	default:
		if p.client == nil || p.client.stalled {
			return false
		}
		return p.client.receive(n)
	}
}

// runWriter and runPreparer keep one out while the other is in the midst of an
// operation: they share a lock, and would wait for each other.
func (w *World) runWriter() bool { return !w.preparer.onIO && w.runCoroutine(w.writer) }

func (w *World) runPreparer() bool { return !w.writer.onIO && w.runCoroutine(w.preparer) }

func (w *World) runCoroutine(c *coroutine) bool {
	if c.over || c == w.writer && w.preparer.onIO || c == w.preparer && w.writer.onIO {
		return false
	}
	w.turned = false
	c.resume()
	return w.turned || c.onIO
}

// runReader resumes a connection's reader, if it can go on.
func (w *World) runReader(p *peer) bool {
	if p.reader.over || p.wire.reading && !p.wire.readable() {
		return false
	}
	read, size, waited := p.wire.read, p.wire.downSize, p.wire.reading
	p.reader.resume()
	if w.dead {
		return true
	}
	w.note(uint64(p.wire.read), "")
	if p.reader.over {
		w.over(p)
		return true
	}
	if p.wire.reading && len(p.wire.in) == 0 {
		w.ledger.handled(p)
	}
	return p.wire.read != read || p.wire.downSize != size || p.wire.reading != waited
}

// over takes a connection that the broker has ended from the list.
func (w *World) over(p *peer) {
	for p.write() {
	}
	if p.client != nil {
		p.client.receive(1 << 30)
	}
	w.lost(p)
	w.peers = slices.DeleteFunc(w.peers, func(x *peer) bool { return x == p })
}

func (w *World) tick() bool {
	due, ok := w.manual.Deadline()
	if !ok || due > w.core.Now() {
		return false
	}
	w.manual.Tick()
	return true
}

// quiesce has everybody act until nothing is left to do.
func (w *World) quiesce() {
	for range 20_000 {
		if w.dead || w.violation != nil {
			return
		}
		busy := w.runWriter()
		busy = w.runPreparer() || busy
		busy = w.runCoroutine(w.reclaimer) || busy
		busy = w.tick() || busy
		for i := len(w.chores) - 1; i >= 0 && !w.dead; i-- {
			busy = w.runChore(i) || busy
		}
		for _, p := range slices.Clone(w.peers) {
			for what := range 4 {
				busy = w.actPeer(p, what, 1<<30) || busy
				if w.dead {
					return
				}
			}
		}
		if !busy {
			return
		}
	}
	w.violate("livelock", "there is no end to what the broker does")
}

// unstall has all clients read again.
func (w *World) unstall() {
	for _, c := range w.clients {
		c.stalled = false
	}
}
