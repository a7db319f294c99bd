package queue

// A Bound is an upper limit. The zero value is none; AtMost(0) allows nothing.
type Bound struct {
	set bool
	n   int64
}

// AtMost returns a bound. A negative one is as one of 0.
func AtMost(n int64) Bound { return Bound{true, max(n, 0)} }

// Value returns the bound; ok is false if there is none.
func (b Bound) Value() (n int64, ok bool) { return b.n, b.set }

// Lower returns the tighter of two bounds.
func (b Bound) Lower(other Bound) Bound {
	if !b.set || other.set && other.n < b.n {
		return other
	}
	return b
}
