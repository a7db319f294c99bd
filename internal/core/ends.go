package core

import "github.com/postrider-mq/postrider/internal/route"

// An end is a queue or an exchange that bindings lead from or to.
type end struct {
	vhost, name string
	queue       bool
}

// ends are the keys of the bindings that are being recovered, by both their ends: whatever is deleted takes its bindings along, and where
// many were deleted nobody could look at all bindings for each. It is nil until something is.
type ends map[end]map[string]struct{}

func endsOf(b *fact[route.Binding]) [2]end {
	return [2]end{{b.vhost, b.value.Source, false}, {b.vhost, b.value.Destination, b.value.ToQueue}}
}

func (n ends) enter(key string, b *fact[route.Binding]) {
	if n == nil {
		return
	}
	for _, e := range endsOf(b) {
		if n[e] == nil {
			n[e] = map[string]struct{}{}
		}
		n[e][key] = struct{}{}
	}
}

func (n ends) leave(key string, b *fact[route.Binding]) {
	for _, e := range endsOf(b) {
		if delete(n[e], key); len(n[e]) == 0 {
			delete(n, e)
		}
	}
}

// unbind takes out a binding that holds no more.
func (r *recovery) unbind(key string) {
	if b, ok := r.bindings[key]; ok {
		r.ends.leave(key, &b)
		withdraw(r, r.bindings, key)
	}
}

// unbindAll does so with all that have an end that is no more.
func (r *recovery) unbindAll(e end) {
	if r.ends == nil {
		r.ends = ends{}
		for key, b := range r.bindings {
			r.ends.enter(key, &b)
		}
	}
	for key := range r.ends[e] {
		r.unbind(key)
	}
}
