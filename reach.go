package postrider

import (
	"runtime"
	"time"
	"weak"

	"github.com/postrider-mq/postrider/internal/client"
)

// reach is how this node comes to the process of a peer. A node that has to do with others all year, each for a while, would have a connection to each of
// them for ever, and look for those that are gone. So a peer that the configuration does not know is forgotten:
//
//	used ◄──Peer────────────── unused ──looked at twice, nothing under way──► let go
//	  └──no Target is kept any more──▲
type reach struct {
	conn *client.Conn
	lane *client.Conn // for control messages; nil: there were none

	users  int // targets that go this way, of which those of the configuration stay
	unused int // looks in a row that have found none of them
	look   *time.Timer
}

const lookEvery = time.Minute

// connTo returns the connection to a peer's process, for one more user. The caller holds mu.
func (n *Node) connTo(at place) *client.Conn {
	r := n.reaches[at]
	if r == nil {
		r = &reach{conn: n.conn([]place{at}, toPeer)}
		r.look = time.AfterFunc(lookEvery, func() { n.lookAt(at, r) })
		n.reaches[at] = r
	}
	r.users++
	r.unused = 0
	return r.conn
}

// laneTo returns the connection for control messages to a peer that connTo was called for. The caller holds mu.
func (n *Node) laneTo(at place) *client.Conn {
	r := n.reaches[at]
	if r.lane == nil {
		r.lane = n.conn([]place{at}, toPeer)
	}
	return r.lane
}

// keep has a target be found by its key, for as long as somebody has it or for good. The caller holds mu.
func (n *Node) keep(t *Target, key targetKey) {
	if _, known := n.peers[key.name]; key.kind != "peer" || known || t.relay != nil {
		n.targets[key] = t
		return
	}
	n.found[key] = weak.Make(t)
	past := pastTarget{node: weak.Make(n), key: key}
	if t.peerAt != nil {
		past.at = *t.peerAt
	}
	runtime.AddCleanup(t, pastTarget.forget, past)
}

// pastTarget is what is known of a target that nobody has any more.
type pastTarget struct {
	node weak.Pointer[Node]
	key  targetKey
	at   place
}

// forget is called by the runtime, which a test's bubble does not contain: so it starts no timer and closes nothing.
func (p pastTarget) forget() {
	n := p.node.Value()
	if n == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.found[p.key].Value() == nil { // or it was asked for again
		delete(n.found, p.key)
	}
	if r := n.reaches[p.at]; r != nil {
		r.users--
	}
}

// lookAt lets go of a reach that has been unused for long enough.
func (n *Node) lookAt(at place, r *reach) {
	if !n.letGo(at, r) {
		return
	}
	for _, c := range r.all() {
		c.Close()
	}
}

// letGo takes a reach out of the node if it is to end; else it is looked at later.
func (n *Node) letGo(at place, r *reach) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return false
	}
	if r.unused++; r.users > 0 || !r.quiet() {
		r.unused = 0
	}
	if r.unused < 2 {
		r.look.Reset(lookEvery)
		return false
	}
	delete(n.reaches, at)
	return true
}

// stopLooking is for a node that ends. The caller holds mu.
func (n *Node) stopLooking() {
	for _, r := range n.reaches {
		r.look.Stop()
	}
}

func (r *reach) all() []*client.Conn {
	if r.lane == nil {
		return []*client.Conn{r.conn}
	}
	return []*client.Conn{r.conn, r.lane}
}

// quiet says that nothing is under way.
func (r *reach) quiet() bool {
	for _, c := range r.all() {
		if !c.Publisher().Quiet() {
			return false
		}
	}
	return true
}
