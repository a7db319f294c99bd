package amqp

import (
	"bytes"
	"math"
	"math/rand"
	"reflect"
	"strings"
	"testing"
	"time"
)

// wire puts the length in front of a table's content.
func wire(content string) []byte {
	n := len(content)
	return append([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, content...)
}

func TestEachTypeOnTheWire(t *testing.T) {
	for _, c := range []struct {
		wire string
		want any
	}{
		{"t\x01", true},
		{"t\x00", false},
		{"b\xff", int8(-1)},
		{"B\xff", uint8(255)},
		{"s\xff\xfe", int16(-2)},
		{"u\xff\xfe", uint16(65534)},
		{"I\xff\xff\xff\xfe", int32(-2)},
		{"i\xff\xff\xff\xfe", uint32(math.MaxUint32 - 1)},
		{"l\xff\xff\xff\xff\xff\xff\xff\xfe", int64(-2)},
		{"f\x3f\x80\x00\x00", float32(1)},
		{"d\xbf\xf0\x00\x00\x00\x00\x00\x00", float64(-1)},
		{"D\x02\x00\x00\x01\x3a", Decimal{Scale: 2, Value: 314}},
		{"S\x00\x00\x00\x02hi", "hi"},
		{"x\x00\x00\x00\x02\x00\x01", []byte{0, 1}},
		{"A\x00\x00\x00\x03t\x01V", []any{true, nil}},
		{"T\x00\x00\x00\x00\x65\x53\xf1\x00", time.Unix(1700000000, 0).UTC()},
		{"F\x00\x00\x00\x04\x01at\x01", Table{"a": true}},
		{"V", nil},
	} {
		raw := wire("\x01k" + c.wire)
		rest, got, err := ParseTable(append(raw, '!'))
		if err != nil || string(rest) != "!" {
			t.Errorf("%q: %q, %v", c.wire, rest, err)
		}
		if want := (Table{"k": c.want}); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: parsed %#v, want %#v", c.wire, got, want)
		}
		if again, err := AppendTable(nil, got); err != nil || !bytes.Equal(again, raw) {
			t.Errorf("%q: written as %q, %v", c.wire, again, err)
		}
		if v, ok, err := LookupTable(raw, "k"); !ok || err != nil || !reflect.DeepEqual(v, c.want) {
			t.Errorf("%q: looked up %#v, %v, %v", c.wire, v, ok, err)
		}
	}
}

func TestBothLettersOfALongMeanSigned(t *testing.T) {
	_, got, err := ParseTable(wire("\x01kL\xff\xff\xff\xff\xff\xff\xff\xfe"))
	if err != nil || got["k"] != int64(-2) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestAnIntTakesTheWidthItNeeds(t *testing.T) {
	for v, want := range map[int64]any{
		0: int32(0), -1: int32(-1), math.MaxInt32: int32(math.MaxInt32), math.MinInt32: int32(math.MinInt32),
		math.MaxInt32 + 1: int64(math.MaxInt32 + 1), math.MinInt64: int64(math.MinInt64),
	} {
		if int64(int(v)) != v {
			continue // no int on this machine
		}
		raw := must[[]byte](t)(AppendTable(nil, Table{"k": int(v)}))
		if got, _, _ := LookupTable(raw, "k"); got != want {
			t.Errorf("%d came back as %T %v", v, got, got)
		}
	}
}

func TestATableIsWrittenInOneOrder(t *testing.T) {
	want := wire("\x01aV" + "\x02aaV" + "\x01bV" + "\x01cV")
	for range 20 {
		got := must[[]byte](t)(AppendTable(nil, Table{"c": nil, "aa": nil, "b": nil, "a": nil}))
		if !bytes.Equal(got, want) {
			t.Fatalf("wrote %q", got)
		}
	}
}

func TestTheFirstOfTwoEqualNamesCounts(t *testing.T) {
	raw := wire("\x01kB\x01\x01kB\x02")
	_, got, err := ParseTable(raw)
	if err != nil || got["k"] != uint8(1) {
		t.Errorf("%v, %v", got, err)
	}
	if v, _, _ := LookupTable(raw, "k"); v != uint8(1) {
		t.Errorf("looked up %v", v)
	}
}

func TestLookup(t *testing.T) {
	raw := must[[]byte](t)(AppendTable(nil, Table{"a": "1", "b": Table{"c": "2"}}))
	if _, ok, err := LookupTable(raw, "c"); ok || err != nil {
		t.Errorf("found a name of an inner table, or %v", err)
	}
	if v, ok, _ := LookupTable(raw, "b"); !ok || !reflect.DeepEqual(v, Table{"c": "2"}) {
		t.Errorf("b is %v", v)
	}
	_, _, err := LookupTable(wire("\x01a?"), "a")
	wantCode(t, err, SyntaxError)
	_, _, err = LookupTable(wire("\x09a"), "a")
	wantCode(t, err, SyntaxError)
}

// beyondBounds is a table with values beyond the bounds and within them.
func beyondBounds() []byte {
	deep := "V"
	for range MaxTableDepth + 1 {
		deep = "A" + string(wire(deep))
	}
	return wire("\x01nB\x07\x04deep" + deep + "\x05largeS" + string(wire(strings.Repeat("x", MaxTableBytes))) + "\x01sS" + string(wire("v")))
}

func TestLookupBeyondTheBounds(t *testing.T) {
	raw := beyondBounds()
	if _, err := CheckTable(raw); err == nil {
		t.Fatal("it is within the bounds")
	}
	for name, want := range map[string]any{"n": uint8(7), "large": strings.Repeat("x", MaxTableBytes), "s": "v"} {
		if v, ok, err := LookupTable(raw, name); v != want || !ok || err != nil {
			t.Errorf("%s is %.20v, %v, %v", name, v, ok, err)
		}
	}
	if _, ok, err := LookupTable(raw, "absent"); ok || err != nil {
		t.Errorf("absent: %v, %v", ok, err)
	}
	_, _, err := LookupTable(raw, "deep")
	wantCode(t, err, SyntaxError)
}

func TestWithoutNames(t *testing.T) {
	raw := wire("\x01aV\x01bB\x01\x01aV\x01cA" + string(wire("VV")))
	for _, c := range []struct {
		names []string
		want  string
	}{
		{nil, string(raw[4:])},
		{[]string{"d"}, string(raw[4:])},
		{[]string{"a"}, "\x01bB\x01\x01cA" + string(wire("VV"))},
		{[]string{"c", "b"}, "\x01aV\x01aV"},
		{[]string{"a", "b", "c"}, ""},
	} {
		if got, err := WithoutNames(raw, c.names...); err != nil || string(got) != string(wire(c.want)) {
			t.Errorf("without %v: %q, %v", c.names, got, err)
		}
	}
	if got, err := WithoutNames(beyondBounds(), "deep", "large"); err != nil || string(got) != string(wire("\x01nB\x07\x01sS"+string(wire("v")))) {
		t.Errorf("%q, %v", got, err)
	}
	for _, malformed := range []string{"", "\x00\x00\x00", "\x00\x00\x00\x01", string(wire("\x01a")), string(wire("\x01a?")), string(wire("\x09a")), string(wire("\x01aI\x00"))} {
		_, err := WithoutNames([]byte(malformed), "a")
		wantCode(t, err, SyntaxError)
	}
}

func TestMalformedTables(t *testing.T) {
	for name, raw := range map[string][]byte{
		"nothing":                  {},
		"part of a length":         {0, 0, 0},
		"shorter than its length":  {0, 0, 0, 3, 1, 'k'},
		"a name without a value":   wire("\x01k"),
		"a name that is cut":       wire("\x05k"),
		"an unknown type":          wire("\x01k?"),
		"a number that is cut":     wire("\x01kI\x00\x00"),
		"a string that is cut":     wire("\x01kS\x00\x00\x00\x09x"),
		"a string of 4 GiB":        wire("\x01kS\xff\xff\xff\xff"),
		"a table over its parent":  wire("\x01kF\x00\x00\x00\x09\x01kV"),
		"a malformed inner table":  wire("\x01kF\x00\x00\x00\x01\x05"),
		"a malformed inner array":  wire("\x01kA\x00\x00\x00\x01?"),
		"an array over its parent": wire("\x01kA\x00\x00\x00\x09V"),
	} {
		t.Run(name, func(t *testing.T) {
			rest, got, err := ParseTable(raw)
			wantCode(t, err, SyntaxError)
			if got != nil || len(rest) != len(raw) {
				t.Errorf("%v, %d octets left", got, len(rest))
			}
		})
	}
}

// nest returns a table with depth tables or arrays inside one another.
func nest(depth int, inArrays bool) Table {
	var v any = Table{}
	for range depth - 2 {
		if inArrays {
			v = []any{v}
		} else {
			v = Table{"k": v}
		}
	}
	return Table{"k": v}
}

func TestTheBoundsHoldInBothDirections(t *testing.T) {
	many := func(n int) Table {
		items := make([]any, n-1)
		return Table{"k": items} // the array is an entry too
	}
	for name, c := range map[string]struct{ within, beyond Table }{
		"depth of tables": {nest(MaxTableDepth, false), nest(MaxTableDepth+1, false)},
		"depth of arrays": {nest(MaxTableDepth, true), nest(MaxTableDepth+1, true)},
		"entries":         {many(MaxTableEntries), many(MaxTableEntries + 1)},
		"octets": {
			Table{"k": strings.Repeat("x", MaxTableBytes-7)},
			Table{"k": strings.Repeat("x", MaxTableBytes-6)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			raw := must[[]byte](t)(AppendTable(nil, c.within))
			if _, got, err := ParseTable(raw); err != nil || !reflect.DeepEqual(got, c.within) {
				t.Errorf("within the bound: %v", err)
			}
			dst, err := AppendTable([]byte("before"), c.beyond)
			wantCode(t, err, SyntaxError)
			if string(dst) != "before" {
				t.Errorf("left %d octets", len(dst))
			}
		})
	}
	// What AppendTable does not write, a peer may send all the same.
	for name, raw := range map[string][]byte{
		"depth":   wire("\x00F\x00\x00\x00\x2a\x00F\x00\x00\x00\x24\x00F\x00\x00\x00\x1e\x00F\x00\x00\x00\x18\x00F\x00\x00\x00\x12\x00F\x00\x00\x00\x0c\x00F\x00\x00\x00\x06\x00F\x00\x00\x00\x00"),
		"entries": wire("\x00A\x00\x00\x20\x00" + strings.Repeat("V", 0x2000)),
		"octets":  wire("\x00S\x00\x00\xff\xfb" + strings.Repeat("x", 0xfffb)),
	} {
		_, err := CheckTable(raw)
		wantCode(t, err, SyntaxError)
		if !strings.Contains(err.Error(), "more than") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestATableThatContainsItselfIsRefused(t *testing.T) {
	self := Table{}
	self["self"] = self
	_, err := AppendTable(nil, self)
	wantCode(t, err, SyntaxError)
}

func TestANilTableIsEmpty(t *testing.T) {
	raw := must[[]byte](t)(AppendTable(nil, nil))
	if _, got, err := ParseTable(raw); err != nil || got == nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestRandomTablesSurviveTheWire(t *testing.T) {
	rnd := rand.New(rand.NewSource(2))
	for range 2000 {
		want := randomTable(rnd, 1)
		raw := must[[]byte](t)(AppendTable(nil, want))
		rest, err := CheckTable(raw)
		if err != nil || len(rest) != 0 {
			t.Fatal(len(rest), err)
		}
		if _, got, err := ParseTable(raw); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%v\nparsed %#v\nwant   %#v", err, got, want)
		}
		for name := range want {
			if got, ok, err := LookupTable(raw, name); !ok || err != nil || !reflect.DeepEqual(got, want[name]) {
				t.Fatalf("looked up %#v, %v, %v, want %#v", got, ok, err, want[name])
			}
		}
	}
}
