package proxy

import (
	"maps"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// Proxy is one address that stays, in front of a process that comes and goes. Its methods may be called from any goroutine.
type Proxy struct {
	ln      net.Listener
	doubles bool // what is said here may be said twice: nobody takes messages from there
	conns   sync.WaitGroup

	mu     sync.Mutex
	random *rand.Rand
	target string // "": nobody is there
	calm   bool
	closed bool
	open   map[*conn]struct{}
	count  map[string]int
}

// Listen returns a proxy on a port of its own. It is calm, and leads nowhere. What is said to a target that takes messages from nobody but
// only gives them, as a broker does not, may not be said twice: it would acknowledge what it never saw.
func Listen(seed uint64, doubles bool) (*Proxy, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{
		ln: ln, doubles: doubles, calm: true, random: rand.New(rand.NewPCG(seed, 1)),
		open: map[*conn]struct{}{}, count: map[string]int{},
	}
	p.conns.Go(p.accept)
	return p, nil
}

// Addr is where it listens.
func (p *Proxy) Addr() string { return p.ln.Addr().String() }

// Lead has new connections lead to an address; "" to nowhere.
func (p *Proxy) Lead(to string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = to
}

// Rage begins with the faults: the connections that are there are cut.
func (p *Proxy) Rage() { p.change(false) }

// Calm ends all faults: connections that have one are cut, new ones have none.
func (p *Proxy) Calm() { p.change(true) }

func (p *Proxy) change(calm bool) {
	p.mu.Lock()
	p.calm = calm
	open := maps.Clone(p.open)
	p.mu.Unlock()
	for c := range open {
		c.end()
	}
}

// Close cuts all connections and gives the address up.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.ln.Close()
	p.Calm()
	p.conns.Wait()
}

// Count is how often each fault has happened.
func (p *Proxy) Count() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.count)
}

func (p *Proxy) happened(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.calm {
		p.count[what]++
	}
}

func (p *Proxy) accept() {
	for {
		c, err := p.ln.Accept()
		if err != nil {
			return
		}
		p.conns.Go(func() { p.lead(c.(*net.TCPConn)) })
	}
}

// lead connects one client to the target, with the faults that are drawn for it.
func (p *Proxy) lead(client *net.TCPConn) {
	defer client.Close()
	p.mu.Lock()
	target, f := p.target, p.draw()
	p.mu.Unlock()
	if target == "" {
		return
	}
	if f.refused {
		p.happened("refused")
		_ = client.SetLinger(0)
		return
	}
	server, err := net.DialTimeout("tcp", target, time.Second)
	if err != nil {
		return
	}
	c := &conn{proxy: p, faults: f, over: make(chan struct{})}
	c.sides[toServer], c.sides[toClient] = server.(*net.TCPConn), client
	if !p.enter(c) {
		server.Close()
		return
	}
	c.run(target)
	p.leave(c)
}

func (p *Proxy) enter(c *conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.open[c] = struct{}{}
	}
	return !p.closed
}

func (p *Proxy) leave(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, c)
}
