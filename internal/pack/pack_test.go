package pack

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

type message struct{ id, body string }

func packed(list ...message) (b []byte) {
	for _, m := range list {
		b = Append(b, []byte(m.id), []byte(m.body))
	}
	return b
}

func unpacked(b []byte) (list []message) {
	for len(b) > 0 {
		var id, body []byte
		var ok bool
		if id, body, b, ok = Next(b); !ok {
			return nil
		}
		list = append(list, message{string(id), string(body)})
	}
	return list
}

func TestWhatIsPackedComesOut(t *testing.T) {
	list := []message{{"a-1", "one"}, {"", ""}, {strings.Repeat("i", 255), strings.Repeat("b", 1000)}, {"a-2", ""}}
	b := packed(list...)
	if n := Count(b); n != len(list) {
		t.Errorf("%d messages in a pack of %d", n, len(list))
	}
	if got := unpacked(b); !slices.Equal(got, list) {
		t.Errorf("%v came out of a pack of %v", got, list)
	}
	for _, m := range list {
		if is, most := len(packed(m)), Size(len(m.id), len(m.body)); is > most {
			t.Errorf("a message of %d and %d octets takes %d, more than the %d that it was to take", len(m.id), len(m.body), is, most)
		}
	}
}

func TestAPackHoldsSoManyAndNoMore(t *testing.T) {
	var most []message
	for i := range MaxMessages {
		most = append(most, message{fmt.Sprint(i), "x"})
	}
	if n := Count(packed(most...)); n != MaxMessages {
		t.Errorf("a full pack holds %d", n)
	}
	if n := Count(packed(append(most, message{"one", "more"})...)); n != 0 {
		t.Errorf("a pack of one more holds %d", n)
	}
}

// The beginning of a pack is none, but where a message ends.
func TestATruncatedPackIsNone(t *testing.T) {
	list := []message{{"a-1", "one"}, {"a-2", strings.Repeat("two", 100)}, {"a-3", "three"}}
	ends := map[int]int{0: 0}
	for i := range list {
		ends[len(packed(list[:i+1]...))] = i + 1
	}
	b := packed(list...)
	for cut := range b {
		if n := Count(b[:cut]); n != ends[cut] {
			t.Errorf("%d messages in %d octets of %d", n, cut, len(b))
		}
	}
}

// Whatever comes is either no pack, or comes out as what it would be packed as.
func FuzzCount(f *testing.F) {
	f.Add(packed(message{"a-1", "one"}, message{"a-2", "two"}))
	f.Add([]byte{0, 0})
	f.Add([]byte{0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		n := Count(b)
		if n == 0 {
			return
		}
		list := unpacked(b)
		if len(list) != n {
			t.Fatalf("%d messages came out of a pack of %d", len(list), n)
		}
		if again := packed(list...); len(again) > len(b) || len(again) == len(b) && !bytes.Equal(again, b) { // a length may be written longer than it need be
			t.Fatalf("packed again it is %x, not %x", again, b)
		}
	})
}
