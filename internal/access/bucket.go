package access

import (
	"net/netip"
	"sync"
	"time"
)

// What one address may ask the verifier for: so many comparisons at once, and so many a second in the long run. What
// turns out right is given back, so that a host with many honest clients is not held up.
const (
	bucketSize   = 64
	bucketRefill = 10 // a second
	maxBuckets   = 4096
)

// buckets count the comparisons that addresses have asked for. An address whose bucket is full again is forgotten.
type buckets struct {
	now func() time.Time

	mu     sync.Mutex
	byHost map[netip.Addr]bucket
}

type bucket struct {
	left float64
	at   time.Time
}

func newBuckets(now func() time.Time) *buckets {
	return &buckets{now: now, byHost: map[netip.Addr]bucket{}}
}

// HostOf is who an address belongs to: of IPv6, a network of 64 bits.
func HostOf(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	if addr.Is6() && !addr.IsLoopback() {
		if p, err := addr.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return addr
}

// take says whether there was a token left.
func (b *buckets) take(addr netip.Addr) bool {
	host, now := HostOf(addr), b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	k, known := b.byHost[host]
	if !known {
		b.makeRoom(now)
		k = bucket{left: bucketSize}
	} else {
		k.left = k.filled(now)
	}
	k.at = now
	ok := k.left >= 1
	if ok {
		k.left--
	}
	b.byHost[host] = k
	return ok
}

// giveBack returns a token.
func (b *buckets) giveBack(addr netip.Addr) {
	host := HostOf(addr)
	b.mu.Lock()
	defer b.mu.Unlock()
	if k, ok := b.byHost[host]; ok {
		k.left = min(k.left+1, bucketSize)
		b.byHost[host] = k
	}
}

func (k bucket) filled(now time.Time) float64 {
	return min(bucketSize, k.left+bucketRefill*max(0, now.Sub(k.at).Seconds()))
}

// makeRoom drops full buckets when there are many, or any if none is.
func (b *buckets) makeRoom(now time.Time) {
	if len(b.byHost) < maxBuckets {
		return
	}
	for host, k := range b.byHost {
		if k.filled(now) >= bucketSize {
			delete(b.byHost, host)
		}
	}
	for host := range b.byHost {
		if len(b.byHost) < maxBuckets {
			return
		}
		delete(b.byHost, host)
	}
}
