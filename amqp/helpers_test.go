package amqp

import (
	"errors"
	"math/rand"
	"reflect"
	"strings"
	"testing"
	"time"
)

// wantCode fails unless err is an *Error with this code.
func wantCode(t testing.TB, err error, code uint16) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %v, want an *Error with code %d", err, code)
	}
	if e.Code != code {
		t.Fatalf("error is %v, want code %d", err, code)
	}
}

func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// fill gives every field of a method a value of its own: a string its wire name, a number the
// octets 01 02 03 …, bits true and false in turn, a table two entries.
func fill(m Method) {
	v := reflect.ValueOf(m).Elem()
	on := true
	for i := range v.NumField() {
		f := v.Field(i)
		switch f.Kind() {
		case reflect.Bool:
			f.SetBool(on)
			on = !on
		case reflect.Uint8:
			f.SetUint(0x0a)
		case reflect.Uint16:
			f.SetUint(0x0102)
		case reflect.Uint32:
			f.SetUint(0x01020304)
		case reflect.Uint64:
			f.SetUint(0x0102030405060708)
		case reflect.String:
			f.SetString(wireName(v.Type().Field(i).Name))
		case reflect.Map:
			f.Set(reflect.ValueOf(Table{"x-flag": true, "x-name": "v"}))
		}
	}
}

// wireName turns RoutingKey into routing-key and ClassID into class-id.
func wireName(goName string) string {
	var b strings.Builder
	for i, r := range strings.Replace(goName, "ID", "Id", 1) {
		if i > 0 && r < 'a' {
			b.WriteByte('-')
		}
		b.WriteRune(r)
	}
	return strings.ToLower(b.String())
}

// randomize gives every field of a method or of Properties a random value.
func randomize(rnd *rand.Rand, ptr any) {
	v := reflect.ValueOf(ptr).Elem()
	for i := range v.NumField() {
		f := v.Field(i)
		switch f.Kind() {
		case reflect.Bool:
			f.SetBool(rnd.Intn(2) == 0)
		case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
			f.SetUint(rnd.Uint64() >> (64 - f.Type().Bits()))
		case reflect.String:
			f.SetString(randomString(rnd, 255))
		case reflect.Map:
			if rnd.Intn(3) > 0 {
				f.Set(reflect.ValueOf(randomTable(rnd, 1)))
			}
		case reflect.Struct:
			f.Set(reflect.ValueOf(time.Unix(rnd.Int63n(1<<40), 0).UTC()))
		}
	}
}

func randomString(rnd *rand.Rand, most int) string {
	n := rnd.Intn(12)
	if rnd.Intn(20) == 0 {
		n = rnd.Intn(most + 1)
	}
	b := make([]byte, n)
	rnd.Read(b)
	return string(b)
}

// randomTable returns a table of one to five entries, some of them tables again.
func randomTable(rnd *rand.Rand, depth int) Table {
	t := Table{}
	for range 1 + rnd.Intn(5) {
		t[randomString(rnd, 255)] = randomValue(rnd, depth)
	}
	return t
}

func randomValue(rnd *rand.Rand, depth int) any {
	kinds := 18
	if depth == 3 {
		kinds = 16 // nothing that nests
	}
	switch rnd.Intn(kinds) {
	case 0:
		return nil
	case 1:
		return rnd.Intn(2) == 0
	case 2:
		return int8(rnd.Uint32())
	case 3:
		return uint8(rnd.Uint32())
	case 4:
		return int16(rnd.Uint32())
	case 5:
		return uint16(rnd.Uint32())
	case 6:
		return int32(rnd.Uint32())
	case 7:
		return rnd.Uint32()
	case 8, 9:
		return int64(rnd.Uint64())
	case 10:
		return rnd.Float32()
	case 11:
		return rnd.NormFloat64()
	case 12:
		return Decimal{Scale: uint8(rnd.Uint32()), Value: int32(rnd.Uint32())}
	case 13:
		return time.Unix(rnd.Int63n(1<<40), 0).UTC()
	case 14:
		return randomString(rnd, 400)
	case 15:
		return []byte(randomString(rnd, 400))
	case 16:
		return randomTable(rnd, depth+1)
	}
	items := []any{}
	for range rnd.Intn(4) {
		items = append(items, randomValue(rnd, depth+1))
	}
	return items
}
