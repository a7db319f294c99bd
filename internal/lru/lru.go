package lru

import (
	"container/list"
	"iter"
)

// Map is for one goroutine at a time.
type Map[K comparable, V any] struct {
	most  int
	at    map[K]*list.Element
	order *list.List // of *entry, that which was used last in front
}

type entry[K comparable, V any] struct {
	key   K
	value V
}

// New makes a map of at most so many entries.
func New[K comparable, V any](most int) *Map[K, V] {
	return &Map[K, V]{most: most, at: make(map[K]*list.Element), order: list.New()}
}

// Len is how many entries there are.
func (m *Map[K, V]) Len() int { return len(m.at) }

// Use returns an entry, which is used with that.
func (m *Map[K, V]) Use(key K) (value V, ok bool) {
	e := m.at[key]
	if e == nil {
		return value, false
	}
	m.order.MoveToFront(e)
	return e.Value.(*entry[K, V]).value, true
}

// Look returns an entry, and leaves it as it is.
func (m *Map[K, V]) Look(key K) (value V, ok bool) {
	e := m.at[key]
	if e == nil {
		return value, false
	}
	return e.Value.(*entry[K, V]).value, true
}

// Add adds an entry whose key is not there yet, and returns the value of the one whose place it took, if it did.
func (m *Map[K, V]) Add(key K, value V) (forgotten V, full bool) {
	if len(m.at) == m.most {
		forgotten, full = m.Forget()
	}
	m.at[key] = m.order.PushFront(&entry[K, V]{key, value})
	return forgotten, full
}

// Forget takes out the entry that was used least recently, and returns its value.
func (m *Map[K, V]) Forget() (value V, ok bool) {
	e := m.order.Back()
	if e == nil {
		return value, false
	}
	last := m.order.Remove(e).(*entry[K, V])
	delete(m.at, last.key)
	return last.value, true
}

// All yields the values, from that which was used least recently.
func (m *Map[K, V]) All() iter.Seq[V] {
	return func(yield func(V) bool) {
		for e := m.order.Back(); e != nil; e = e.Prev() {
			if !yield(e.Value.(*entry[K, V]).value) {
				return
			}
		}
	}
}
