package amqp

import (
	"bytes"
	"maps"
	"math/rand"
	"reflect"
	"strconv"
	"testing"
)

// FuzzFrame: whatever arrives, a parsed frame is what was there, and what is left is the rest.
func FuzzFrame(f *testing.F) {
	f.Add(AppendHeartbeat(nil), uint32(0))
	f.Add(publishWire(f, allProperties()), uint32(MinFrameMax))
	f.Add([]byte{FrameBody, 0, 1, 0xff, 0xff, 0xff, 0xff, 0}, uint32(131072))
	f.Fuzz(func(t *testing.T, b []byte, max uint32) {
		rest, frame, ok, err := ParseFrame(b, max)
		if !ok {
			if !bytes.Equal(rest, b) {
				t.Fatal("octets went missing")
			}
			return
		}
		if err != nil {
			t.Fatal("ok and an error")
		}
		again := beginFrame(nil, frame.Type, frame.Channel)
		again = endFrame(append(again, frame.Payload...), 0)
		if again = append(again, rest...); !bytes.Equal(again, b) {
			t.Fatalf("read %x\nwrote %x", b, again)
		}
		if max != 0 && len(frame.Payload)+FrameOverhead > int(max) {
			t.Fatal("frame is too large")
		}
	})
}

// FuzzMethod: what parses can be written, and reads the same again.
func FuzzMethod(f *testing.F) {
	for _, wire := range vectors(f) {
		f.Add(wire)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var in Interner
		first, err := ParseMethod(b, &in)
		if err != nil {
			return
		}
		wire, err := first.Append(nil)
		if err != nil {
			t.Fatalf("%+v: %v", first, err)
		}
		second, err := ParseMethod(wire, &in)
		if err != nil {
			t.Fatalf("%+v: %v", first, err)
		}
		wantSame(t, first, second)
	})
}

// FuzzMethodValues: what is written reads the same, for every method.
func FuzzMethodValues(f *testing.F) {
	f.Add(int64(1))
	f.Fuzz(func(t *testing.T, seed int64) {
		rnd := rand.New(rand.NewSource(seed))
		for _, id := range MethodIDs() {
			want := NewMethod(id)
			randomize(rnd, want)
			wire := must[[]byte](t)(want.Append(nil))
			wantSame(t, must[Method](t)(ParseMethod(wire, nil)), want)
		}
	})
}

// FuzzTable: checking and parsing agree, and what parses can be written and reads the same again.
func FuzzTable(f *testing.F) {
	rnd := rand.New(rand.NewSource(4))
	for range 20 {
		f.Add(must[[]byte](f)(AppendTable(nil, randomTable(rnd, 1))))
	}
	f.Add(must[[]byte](f)(AppendTable(nil, nest(MaxTableDepth, true))))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, checkErr := CheckTable(b)
		rest, first, err := ParseTable(b)
		if (checkErr == nil) != (err == nil) {
			t.Fatalf("checked: %v, parsed: %v", checkErr, err)
		}
		if err != nil {
			_, _, _ = LookupTable(b, "k")
			_, _ = WithoutNames(b, "k")
			return
		}
		for name, want := range first {
			got, ok, err := LookupTable(b, name)
			if !ok || err != nil {
				t.Fatal(ok, err)
			}
			wantSame(t, got, want)
		}
		kept, err := WithoutNames(b[:len(b)-len(rest)], "k")
		if err != nil {
			t.Fatal(err)
		}
		_, others, err := ParseTable(kept)
		if err != nil {
			t.Fatal(err)
		}
		want := maps.Clone(first)
		delete(want, "k")
		wantSame(t, others, want)
		wire, err := AppendTable(nil, first)
		if err != nil {
			t.Fatalf("%#v: %v", first, err)
		}
		if len(wire) > len(b)-len(rest) {
			t.Fatal("the table has grown")
		}
		_, second, err := ParseTable(wire)
		if err != nil {
			t.Fatal(err)
		}
		wantSame(t, first, second)
	})
}

// FuzzProperties: check and View agree, and what parses can be written and reads the same again.
func FuzzProperties(f *testing.F) {
	rnd := rand.New(rand.NewSource(5))
	for range 20 {
		var p Properties
		randomize(rnd, &p)
		f.Add(must[[]byte](f)(p.Append(nil)))
	}
	f.Add(must[[]byte](f)(allProperties().Append(nil)))
	f.Fuzz(func(t *testing.T, b []byte) {
		raw := RawProperties(b)
		raw.DeliveryMode()
		raw.Expiration()
		v, viewErr := raw.View()
		_, _, _, err := ParseHeader(append(make([]byte, contentHead), b...))
		if err != nil {
			return
		}
		if viewErr != nil {
			t.Fatalf("checked, but %v", viewErr)
		}
		if v.DeliveryMode != raw.DeliveryMode() {
			t.Fatalf("delivery mode %d and %d", v.DeliveryMode, raw.DeliveryMode())
		}
		want, err := strconv.ParseInt(string(v.Expiration), 10, 64)
		if ms, ok := raw.Expiration(); ok != (err == nil) || ok && ms != want {
			t.Fatalf("expiration %q is %d, %v", v.Expiration, ms, ok)
		}
		var first, second Properties
		if err := first.Parse(raw, nil); err != nil {
			t.Fatal(err)
		}
		wire := must[[]byte](t)(first.Append(nil))
		if err := second.Parse(wire, nil); err != nil {
			t.Fatal(err)
		}
		wantSame(t, &first, &second)
	})
}

// wantSame compares by content: what is written the same is the same, so that a NaN equals itself.
func wantSame(t *testing.T, a, b any) {
	t.Helper()
	if !reflect.DeepEqual(a, b) && !bytes.Equal(encode(t, a), encode(t, b)) {
		t.Fatalf("%#v\nis not\n%#v", a, b)
	}
}

func encode(t *testing.T, v any) []byte {
	switch v := v.(type) {
	case Method:
		return must[[]byte](t)(v.Append(nil))
	case *Properties:
		return must[[]byte](t)(v.Append(nil))
	case Table:
		return must[[]byte](t)(AppendTable(nil, v))
	}
	return must[[]byte](t)(AppendTable(nil, Table{"": v}))
}
