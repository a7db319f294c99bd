package amqp

import (
	"bytes"
	"testing"
)

func TestAFrameArrivesOctetByOctet(t *testing.T) {
	wire := []byte{FrameBody, 0x01, 0x02, 0, 0, 0, 3, 'a', 'b', 'c', FrameEnd, FrameHeartbeat}
	for n := range len(wire) - 1 {
		rest, _, ok, err := ParseFrame(wire[:n], 0)
		if ok || err != nil || len(rest) != n {
			t.Fatalf("%d octets: ok %v, err %v, %d left", n, ok, err, len(rest))
		}
	}
	rest, f, ok, err := ParseFrame(wire, 0)
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	if f.Type != FrameBody || f.Channel != 0x0102 || string(f.Payload) != "abc" {
		t.Errorf("frame is %+v", f)
	}
	if !bytes.Equal(rest, []byte{FrameHeartbeat}) {
		t.Errorf("rest is %v", rest)
	}
}

func TestAPayloadCannotGrowIntoTheNextFrame(t *testing.T) {
	wire := AppendHeartbeat(AppendBodyFrames(nil, 1, []byte("abc"), 0))
	before := bytes.Clone(wire)
	_, f, _, err := ParseFrame(wire, 0)
	if err != nil {
		t.Fatal(err)
	}
	_ = append(f.Payload, "overwritten"...)
	if !bytes.Equal(wire, before) {
		t.Error("appending to a payload changed the buffer")
	}
}

func TestMalformedFrames(t *testing.T) {
	for name, wire := range map[string][]byte{
		"unknown type, told at its first octet": {'G'},
		"type 0":                                {0, 0, 0, 0, 0, 0, 0, FrameEnd},
		"type 4":                                {4, 0, 0, 0, 0, 0, 0, FrameEnd},
		"wrong end":                             {FrameMethod, 0, 0, 0, 0, 0, 1, 'x', 0xCD},
		"heartbeat with a payload":              {FrameHeartbeat, 0, 0, 0, 0, 0, 1, 'x', FrameEnd},
		"larger than agreed, told at its head":  {FrameBody, 0, 1, 0, 0, 0x10, 0},
		"4 GiB":                                 {FrameBody, 0, 1, 0xff, 0xff, 0xff, 0xff},
	} {
		t.Run(name, func(t *testing.T) {
			rest, _, ok, err := ParseFrame(wire, MinFrameMax)
			wantCode(t, err, FrameError)
			if ok || len(rest) != len(wire) {
				t.Errorf("ok %v, %d octets left", ok, len(rest))
			}
		})
	}
}

func TestTheFrameMaxCountsTheOverhead(t *testing.T) {
	wire := AppendBodyFrames(nil, 1, make([]byte, MinFrameMax-FrameOverhead), MinFrameMax)
	if len(wire) != MinFrameMax {
		t.Fatalf("wrote %d octets", len(wire))
	}
	if _, _, ok, err := ParseFrame(wire, MinFrameMax); !ok || err != nil {
		t.Errorf("a frame of exactly frame_max: %v %v", ok, err)
	}
	_, _, _, err := ParseFrame(wire, MinFrameMax-1)
	wantCode(t, err, FrameError)
}

func TestHeartbeat(t *testing.T) {
	rest, f, ok, err := ParseFrame(AppendHeartbeat(nil), MinFrameMax)
	if !ok || err != nil || len(rest) != 0 || f.Type != FrameHeartbeat || f.Channel != 0 || len(f.Payload) != 0 {
		t.Errorf("%v %+v %v %v", rest, f, ok, err)
	}
}
