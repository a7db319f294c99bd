package amqp

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"math/rand"
	"os"
	"reflect"
	"strings"
	"testing"
)

// vectors reads testdata/pika.txt: payloads that another implementation wrote.
func vectors(t testing.TB) map[string][]byte {
	f, err := os.Open("testdata/pika.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all := map[string][]byte{}
	for s := bufio.NewScanner(f); s.Scan(); {
		name, digits, ok := strings.Cut(s.Text(), " ")
		if !ok || name == "#" {
			continue
		}
		all[name] = must[[]byte](t)(hex.DecodeString(digits))
	}
	return all
}

func TestMethodsAreEncodedAsAnotherClientEncodesThem(t *testing.T) {
	vectors := vectors(t)
	for _, id := range MethodIDs() {
		wire, ok := vectors[id.String()]
		if !ok {
			if id != ConnectionUpdateSecretID && id != ConnectionUpdateSecretOkID {
				t.Errorf("%v: no vector", id)
			}
			continue
		}
		want := NewMethod(id)
		fill(want)
		if got := must[[]byte](t)(want.Append(nil)); !bytes.Equal(got, wire) {
			t.Errorf("%v:\nwrote %x\nwant  %x", id, got, wire)
		}
		if got := must[Method](t)(ParseMethod(wire, nil)); !reflect.DeepEqual(got, want) {
			t.Errorf("%v: parsed %+v, want %+v", id, got, want)
		}
	}
}

func TestUpdateSecret(t *testing.T) {
	m := &ConnectionUpdateSecret{NewSecret: "s3", Reason: "r"}
	want := []byte{0, 10, 0, 70, 0, 0, 0, 2, 's', '3', 1, 'r'}
	if got := must[[]byte](t)(m.Append(nil)); !bytes.Equal(got, want) {
		t.Errorf("wrote %x, want %x", got, want)
	}
}

func TestEveryMethodSurvivesTheWire(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	in := new(Interner)
	for range 200 {
		for _, id := range MethodIDs() {
			want := NewMethod(id)
			randomize(rnd, want)
			wire := must[[]byte](t)(want.AppendFrame([]byte("before"), 7))
			rest, f, ok, err := ParseFrame(wire[len("before"):], 0)
			if !ok || err != nil || len(rest) != 0 || f.Type != FrameMethod || f.Channel != 7 {
				t.Fatalf("%v: %v %v %v %+v", id, rest, ok, err, f)
			}
			got := must[Method](t)(ParseMethod(f.Payload, in))
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("%v: parsed %+v, want %+v", id, got, want)
			}
		}
	}
}

func TestArgumentsThatEndTooEarlyOrTooLate(t *testing.T) {
	for _, id := range MethodIDs() {
		m := NewMethod(id)
		fill(m)
		wire := must[[]byte](t)(m.Append(nil))
		for n := 4; n < len(wire); n++ {
			_, err := ParseMethod(wire[:n], nil)
			wantCode(t, err, SyntaxError)
			if e := err.(*Error); e.Method != id {
				t.Fatalf("%v: the error names %v", id, e.Method)
			}
		}
		_, err := ParseMethod(append(wire, 0), nil)
		wantCode(t, err, SyntaxError)
	}
}

func TestPayloadsThatHoldNoMethod(t *testing.T) {
	for n := range 4 {
		_, err := ParseMethod(make([]byte, n), nil)
		wantCode(t, err, FrameError)
	}
	_, err := ParseMethod([]byte{0, 60, 0, 99}, nil)
	wantCode(t, err, NotImplemented)
	if got := err.(*Error).Text; got != "unknown method 60.99" {
		t.Errorf("text is %q", got)
	}
}

func TestWhatCannotBeEncodedLeavesTheSliceAlone(t *testing.T) {
	long := strings.Repeat("x", 256)
	dst := append(make([]byte, 0, 1024), "before"...)
	for _, m := range []Method{
		&BasicPublish{Exchange: long},
		&BasicDeliver{ConsumerTag: "c", RoutingKey: long},
		&QueueDeclare{Queue: "q", Arguments: Table{"x": struct{}{}}},
		&QueueBind{Queue: "q", Arguments: Table{long: true}},
	} {
		got, err := m.AppendFrame(dst, 1)
		wantCode(t, err, SyntaxError)
		if err.(*Error).Method != m.ID() || string(got) != "before" {
			t.Errorf("%v: %q, %v", m.ID(), got, err)
		}
		got, err = m.Append(dst)
		wantCode(t, err, SyntaxError)
		if string(got) != "before" {
			t.Errorf("%v: %q", m.ID(), got)
		}
	}
}

func TestTheMethodTable(t *testing.T) {
	ids := MethodIDs()
	if len(ids) != 66 {
		t.Errorf("%d methods", len(ids))
	}
	for _, id := range ids {
		info, ok := id.Info()
		if !ok || info.ID != id || info.Name != id.String() || info.HasContent != id.HasContent() {
			t.Errorf("%v: %+v", id, info)
		}
		if m := NewMethod(id); m == nil || m.ID() != id {
			t.Errorf("%v: NewMethod returns %T", id, m)
		}
		if !info.FromClient && !info.FromServer {
			t.Errorf("%v: nobody sends it", id)
		}
		if info.IsSync != (len(info.Replies) > 0) {
			t.Errorf("%v: sync %v, replies %v", id, info.IsSync, info.Replies)
		}
		for _, reply := range info.Replies {
			back, _ := reply.Info()
			if reply.Class() != id.Class() || info.FromClient && !back.FromServer || info.FromServer && !back.FromClient {
				t.Errorf("%v cannot answer %v", reply, id)
			}
		}
	}
	if _, ok := MethodID(0).Info(); ok || NewMethod(0) != nil || MethodID(0).HasContent() {
		t.Error("there is a method 0.0")
	}
	if BasicPublishID.Class() != ClassBasic || BasicPublishID.Method() != 40 {
		t.Error("basic.publish is not 60.40")
	}
}
