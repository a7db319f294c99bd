package session

import (
	"slices"
	"testing"
)

func TestASlabIsSharedByWhatComesTogether(t *testing.T) {
	s := slab{most: 1024}
	var sizes []int
	for range 12 {
		b := s.take(100)
		if len(b) != 0 || cap(b) != 100 {
			t.Fatalf("%d of %d bytes, want 0 of 100", len(b), cap(b))
		}
		sizes = append(sizes, s.size)
	}
	want := []int{100, 200, 200, 400, 400, 400, 400, 800, 800, 800, 800, 800}
	if !slices.Equal(sizes, want) {
		t.Errorf("slabs of %v, want %v", sizes, want)
	}
	if large := s.take(300); cap(large) != 300 || s.size != 800 {
		t.Errorf("a large content has %d bytes, and the slab %d", cap(large), s.size)
	}
	s.rest()
	if s.take(50); s.size != 50 {
		t.Errorf("the first of the next burst has a slab of %d bytes", s.size)
	}
}

func TestWhatASlabGivesOutDoesNotOverlap(t *testing.T) {
	s := slab{most: 256}
	var all [][]byte
	for i := range 200 {
		b := s.take(i % 70)
		for range i % 70 {
			b = append(b, byte(i))
		}
		all = append(all, b)
	}
	for i, b := range all {
		for _, c := range b {
			if c != byte(i) {
				t.Fatalf("content %d was overwritten: %v", i, b)
			}
		}
	}
}
