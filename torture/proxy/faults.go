package proxy

import "time"

// The directions of a connection, and the sides that they lead to.
const (
	toServer = 0
	toClient = 1
)

// faults are what happens to one connection.
type faults struct {
	refused bool
	cut     [2]int        // after so many bytes; -1: never
	silent  [2]bool       // in place of the cut it says nothing more in that direction
	rest    time.Duration // for how long, before it is cut
	rude    bool          // cut with a reset, which takes along what is on its way
	late    time.Duration // before each piece
	stall   [2]int        // after so many bytes it stands still for rest, once; -1: never
	piece   int           // no more bytes at once; 0: all that there are
	lingers time.Duration // one side stays open so long when the other has closed
	double  bool          // what passes to the server is said once more on another connection
}

// draw decides the faults of one more connection. The caller holds mu.
func (p *Proxy) draw() faults {
	f := faults{cut: [2]int{-1, -1}, stall: [2]int{-1, -1}}
	if p.calm {
		return f
	}
	one := func(in int) bool { return p.random.IntN(in) == 0 }
	f.refused = one(12)
	f.cut = [2]int{p.bytes(), p.bytes()}
	f.silent = [2]bool{one(6), one(6)}
	f.rest = time.Duration(50+p.random.IntN(1500)) * time.Millisecond
	f.rude = one(2)
	if one(4) {
		f.late = time.Duration(p.random.IntN(20_000)) * time.Microsecond
	}
	if one(5) {
		f.stall[p.random.IntN(2)] = p.random.IntN(10_000)
	}
	if one(5) {
		f.piece = 1 + p.random.IntN(9)
	}
	if one(4) {
		f.lingers = time.Duration(50+p.random.IntN(2500)) * time.Millisecond
	}
	f.double = p.doubles && one(4)
	return f
}

// bytes is how many pass before something happens: sometimes the handshake does not come to its end. The caller holds mu.
func (p *Proxy) bytes() int {
	switch p.random.IntN(6) {
	case 0:
		return p.random.IntN(800)
	case 1:
		return 400 + p.random.IntN(200_000)
	}
	return 400 + p.random.IntN(30_000)
}
