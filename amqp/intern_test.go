package amqp

import (
	"fmt"
	"strings"
	"testing"
	"unsafe"
)

func TestAnInternerReturnsWhatItWasGiven(t *testing.T) {
	var in Interner
	for range 3 {
		for i := range 2000 {
			want := fmt.Sprintf("name.%d.%s", i, strings.Repeat("x", i%300))
			if got := in.String([]byte(want)); got != want {
				t.Fatalf("%q, want %q", got, want)
			}
		}
	}
	var none *Interner
	if none.String([]byte("a")) != "a" || none.String(nil) != "" {
		t.Error("a nil Interner changes strings")
	}
}

func TestAnInternerKeepsNoReferenceToTheBuffer(t *testing.T) {
	var in Interner
	b := []byte("orders")
	s := in.String(b)
	copy(b, "xxxxxx")
	if s != "orders" || in.String([]byte("orders")) != "orders" {
		t.Error("the string changed with the buffer")
	}
}

func TestTwoNamesInTurnStayRemembered(t *testing.T) {
	// Whichever two they are, a pair of slots holds both.
	for i := range 500 {
		var in Interner
		a, b := []byte("a"), fmt.Appendf(nil, "b%d", i)
		in.String(a)
		in.String(b)
		if n := testing.AllocsPerRun(10, func() { in.String(a); in.String(b) }); n != 0 {
			t.Fatalf("%s: %v allocations", b, n)
		}
	}
}

func TestAnUnusedInternerIsSmall(t *testing.T) {
	if n := unsafe.Sizeof(Interner{}); n > 16 {
		t.Errorf("%d octets", n)
	}
}

func TestAnInternerCopiesNoNameThatIsKnown(t *testing.T) {
	names := map[string]string{}
	for i := range 2000 {
		name := fmt.Sprint("name.", i)
		names[name] = name
	}
	in := Interner{Known: func(b []byte) (string, bool) { s, ok := names[string(b)]; return s, ok }}
	var octets []byte
	if n := testing.AllocsPerRun(10, func() {
		for name := range names {
			octets = append(octets[:0], name...)
			if got := in.String(octets); got != name {
				t.Fatalf("%q, want %q", got, name)
			}
		}
	}); n > 2 { // the slots, and octets
		t.Errorf("%v allocations", n)
	}
	if got := in.String([]byte("stranger")); got != "stranger" {
		t.Errorf("%q", got)
	}
}
