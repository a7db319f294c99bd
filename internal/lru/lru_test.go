package lru

import (
	"slices"
	"testing"
)

func TestWhatWasUsedLeastRecentlyIsForgotten(t *testing.T) {
	m := New[string, int](3)
	for i, key := range []string{"a", "b", "c"} {
		if _, full := m.Add(key, i); full {
			t.Error("something was forgotten for", key)
		}
	}
	if v, ok := m.Use("a"); !ok || v != 0 {
		t.Error("a is", v, ok)
	}
	if v, ok := m.Look("b"); !ok || v != 1 {
		t.Error("b is", v, ok)
	}
	if v, full := m.Add("d", 3); !full || v != 1 {
		t.Error("forgotten was", v, full)
	}
	if _, ok := m.Use("b"); ok {
		t.Error("b is still there")
	}
	if all := slices.Collect(m.All()); !slices.Equal(all, []int{2, 0, 3}) || m.Len() != 3 {
		t.Error(all, m.Len())
	}
	for _, want := range []int{2, 0, 3} {
		if v, ok := m.Forget(); !ok || v != want {
			t.Error("forgotten was", v, ok)
		}
	}
	if _, ok := m.Forget(); ok || m.Len() != 0 {
		t.Error("something was left")
	}
}
