package access

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"runtime"
	"sync"
)

// A verifier compares passwords with their hashes, which is dear by design, without letting a crowd of logins make
// the machine pay for it: each core does one at a time, few wait, the same question that is asked by many is answered
// once, and what was right before is right at once.
type verifier struct {
	key     [32]byte // of this process; nothing that it signs leaves it
	cores   chan struct{}
	waiting chan struct{}
	matches func(*passwordHash, string) bool

	mu      sync.Mutex
	proven  map[proof]struct{}
	flights map[proof]*flight
}

// A proof stands for a name, a password and the hash that they are compared with. So another password makes another
// proof, and what was proven with the old one is of no use.
type proof [sha256.Size]byte

// A flight is a comparison under way. right and err are written before done is closed.
type flight struct {
	done  chan struct{}
	right bool
	err   error
}

const (
	maxWaiting = 64
	maxProven  = 4096
)

// errBusy says that too many logins wait already.
var errBusy = errors.New("access: busy")

func newVerifier() *verifier {
	v := &verifier{
		cores:   make(chan struct{}, runtime.GOMAXPROCS(0)),
		waiting: make(chan struct{}, maxWaiting+runtime.GOMAXPROCS(0)),
		matches: (*passwordHash).matches,
		proven:  map[proof]struct{}{},
		flights: map[proof]*flight{},
	}
	rand.Read(v.key[:])
	return v
}

// verify tells whether l has the password of h. Unless that is known already, pay is called first: nothing is compared
// when it returns an error. Errors: that, errBusy, or ctx's if it ends first.
func (v *verifier) verify(ctx context.Context, h passwordHash, l login, pay func() error) (bool, error) {
	p := v.proofOf(&h, l)
	for {
		f, mine, proven := v.join(p)
		if proven {
			return true, nil
		}
		if mine {
			f.err = pay()
			v.fly(ctx, f, p, &h, l.password)
			return f.right, f.err
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			return false, ctx.Err()
		}
		if f.err == nil || f.err == errBusy {
			return f.right, f.err
		}
		// Whoever asked first gave up, or could not pay; it is for the next of us.
	}
}

// proofOf takes the parts with their lengths, so that no two different logins are written alike.
func (v *verifier) proofOf(h *passwordHash, l login) (p proof) {
	mac := hmac.New(sha256.New, v.key[:])
	writeSized(mac, string(h.bytes()))
	writeSized(mac, l.name)
	writeSized(mac, l.password)
	mac.Sum(p[:0])
	return p
}

func writeSized(w hash.Hash, s string) {
	w.Write(binary.BigEndian.AppendUint32(nil, uint32(len(s))))
	w.Write([]byte(s))
}

// join returns the flight for p, and whether it is the caller's to fly; or that p is proven already.
func (v *verifier) join(p proof) (f *flight, mine, proven bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, ok := v.proven[p]; ok {
		return nil, false, true
	}
	if f, ok := v.flights[p]; ok {
		return f, false, false
	}
	f = &flight{done: make(chan struct{})}
	v.flights[p] = f
	return f, true, false
}

// fly compares, when it is its turn, and lands.
func (v *verifier) fly(ctx context.Context, f *flight, p proof, h *passwordHash, password string) {
	defer v.land(f, p)
	if f.err != nil {
		return
	}
	select {
	case v.waiting <- struct{}{}:
	default:
		f.err = errBusy
		return
	}
	defer func() { <-v.waiting }()
	select {
	case v.cores <- struct{}{}:
	case <-ctx.Done():
		f.err = ctx.Err()
		return
	}
	defer func() { <-v.cores }()
	f.right = v.matches(h, password)
}

func (v *verifier) land(f *flight, p proof) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.flights, p)
	if f.right {
		v.remember(p)
	}
	close(f.done)
}

// remember keeps p among the proven, in place of any other when there are many.
func (v *verifier) remember(p proof) {
	if len(v.proven) >= maxProven {
		for other := range v.proven {
			delete(v.proven, other)
			break
		}
	}
	v.proven[p] = struct{}{}
}
