package policy

import (
	"cmp"
	"slices"
	"strings"
)

// A Matcher is a compiled pattern.
type Matcher interface{ Match(name string) bool }

// A Book is a set of policies with different names. The zero value is empty.
// It never changes: what would change it returns a new one.
type Book struct {
	pages []page // the best first
}

type page struct {
	policy *Policy
	names  Matcher
}

// Len is how many policies there are.
func (b Book) Len() int { return len(b.pages) }

// All returns the policies, by their names.
func (b Book) All() []*Policy {
	list := make([]*Policy, 0, len(b.pages))
	for _, p := range b.pages {
		list = append(list, p.policy)
	}
	slices.SortFunc(list, func(p, q *Policy) int { return strings.Compare(p.Name, q.Name) })
	return list
}

// Get returns the policy of that name, or nil.
func (b Book) Get(name string) *Policy {
	for _, p := range b.pages {
		if p.policy.Name == name {
			return p.policy
		}
	}
	return nil
}

// With returns the book with p in place of the policy of its name, if there was
// one. names is p's pattern.
func (b Book) With(p *Policy, names Matcher) Book {
	rest := b.Without(p.Name).pages
	at, _ := slices.BinarySearchFunc(rest, p, func(x page, p *Policy) int { return better(x.policy, p) })
	return Book{slices.Insert(slices.Clip(rest), at, page{p, names})}
}

// Without returns the book without the policy of that name.
func (b Book) Without(name string) Book {
	pages := slices.Clone(b.pages)
	return Book{slices.DeleteFunc(pages, func(p page) bool { return p.policy.Name == name })}
}

// better orders policies: the highest priority first, among equals by name.
func better(p, q *Policy) int {
	return cmp.Or(cmp.Compare(q.Priority, p.Priority), strings.Compare(p.Name, q.Name))
}

// Find returns the one policy that holds for a thing, or nil.
func (b Book) Find(name string, kind Kind) *Policy {
	for _, p := range b.pages {
		if p.policy.holds(kind) && p.names.Match(name) {
			return p.policy
		}
	}
	return nil
}
