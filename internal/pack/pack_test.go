package pack

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// message has a counted id if its id is empty.
type message struct {
	id, body string
	count    uint64
}

func packed(list ...message) (b []byte) {
	for _, m := range list {
		if m.id == "" {
			b = AppendCounted(b, m.count, []byte(m.body))
		} else {
			b = Append(b, []byte(m.id), []byte(m.body))
		}
	}
	return b
}

func unpacked(b []byte) (list []message) {
	for len(b) > 0 {
		name, body, rest, ok := Next(b)
		if !ok {
			return nil
		}
		m := message{body: string(body)}
		if name.Counted() {
			m.count = name.Count()
		} else {
			m.id = string(name.AppendTo(nil, "no prefix"))
		}
		list, b = append(list, m), rest
	}
	return list
}

func TestWhatIsPackedComesOut(t *testing.T) {
	list := []message{
		{"a-1", "one", 0}, {"", "counted", 1}, {"", "", 0}, {strings.Repeat("i", 255), strings.Repeat("b", 1000), 0}, {"", strings.Repeat("c", 500), MaxCount},
		{"\x00abcdefg", "as long as a count", 0}, {"a-2", "", 0},
	}
	b := packed(list...)
	if n := Count(b); n != len(list) {
		t.Errorf("%d messages in a pack of %d", n, len(list))
	}
	if got := unpacked(b); !slices.Equal(got, list) {
		t.Errorf("%v came out of a pack of %v", got, list)
	}
	for _, m := range list {
		want := Size(len(m.id), len(m.body))
		if m.id == "" {
			want = SizeOfCounted(len(m.body))
		}
		if got := len(packed(m)); got != want {
			t.Errorf("a message of %d and %d octets takes %d, not %d", len(m.id), len(m.body), got, want)
		}
	}
}

func TestTheSizeOfAMessageIsExact(t *testing.T) {
	for _, body := range []int{0, 1, 127, 128, 1<<14 - 1, 1 << 14, 1<<21 - 1, 1 << 21} {
		if got, want := Size(3, body), len(AppendHead(nil, []byte("abc"), body))+body; got != want {
			t.Errorf("a body of %d takes %d, not %d", body, want, got)
		}
	}
}

func TestAPackHoldsSoManyAndNoMore(t *testing.T) {
	var most []message
	for i := range MaxMessages {
		most = append(most, message{fmt.Sprint(i), "x", 0})
	}
	if n := Count(packed(most...)); n != MaxMessages {
		t.Errorf("a full pack holds %d", n)
	}
	if n := Count(packed(append(most, message{"one", "more", 0})...)); n != 0 {
		t.Errorf("a pack of one more holds %d", n)
	}
}

// The beginning of a pack is none, but where a message ends.
func TestATruncatedPackIsNone(t *testing.T) {
	list := []message{{"a-1", "one", 0}, {"", "counted", 1 << 40}, {"a-2", strings.Repeat("two", 100), 0}, {"a-3", "three", 0}}
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
	f.Add(packed(message{"a-1", "one", 0}, message{"a-2", "two", 0}))
	f.Add(packed(message{"", "one", 1}, message{"", "two", MaxCount}, message{"a", "", 0}))
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7})
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

func TestACountedNameIsTheMessageIDOfThePackAndItsCount(t *testing.T) {
	for count, want := range map[uint64]string{0: "p-0", 1: "p-1", 35: "p-z", 36: "p-10", 1295: "p-zz", 1296: "p-100", MaxCount: "p-" + strconv.FormatUint(MaxCount, 36)} {
		b := AppendCounted(nil, count, []byte("body"))
		name, body, rest, ok := Next(b)
		if !ok || !name.Counted() || string(name.AppendTo(nil, "p-")) != want || string(body) != "body" || len(rest) != 0 {
			t.Errorf("%d is %q, with the body %q", count, name.AppendTo(nil, "p-"), body)
		}
		if head, n, at := Head(b, true); !bytes.Equal(head, name) || n != 4 || string(b[at:]) != "body" {
			t.Errorf("%d has the head %x, %d bytes from %d on", count, head, n, at)
		}
	}
}
