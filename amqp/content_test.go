package amqp

import (
	"bytes"
	"testing"
)

func TestAContentHeaderSurvivesTheWire(t *testing.T) {
	props := RawProperties(must[[]byte](t)(allProperties().Append(nil)))
	_, f, ok, err := ParseFrame(AppendHeaderFrame(nil, 3, ClassBasic, 1<<40, props), 0)
	if !ok || err != nil || f.Type != FrameHeader || f.Channel != 3 {
		t.Fatal(f, ok, err)
	}
	class, size, got, err := ParseHeader(f.Payload)
	if err != nil || class != ClassBasic || size != 1<<40 || !bytes.Equal(got, props) {
		t.Errorf("%d %d %x %v", class, size, got, err)
	}
}

func TestAContentHeaderWithoutProperties(t *testing.T) {
	want := []byte{FrameHeader, 0, 1, 0, 0, 0, 14, 0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, FrameEnd}
	if got := AppendHeaderFrame(nil, 1, ClassBasic, 5, nil); !bytes.Equal(got, want) {
		t.Errorf("wrote %x", got)
	}
}

func TestMalformedContentHeaders(t *testing.T) {
	whole := AppendHeaderFrame(nil, 1, ClassBasic, 5, nil)[frameHead:]
	whole = whole[:len(whole)-1]
	for n := range len(whole) {
		_, _, _, err := ParseHeader(whole[:n])
		wantCode(t, err, FrameError)
	}
	weighty := bytes.Clone(whole)
	weighty[3] = 1
	_, _, _, err := ParseHeader(weighty)
	wantCode(t, err, UnexpectedFrame)

	_, _, _, err = ParseHeader(append(bytes.Clone(whole), 0))
	wantCode(t, err, SyntaxError)
}

func TestABodyIsCutToTheFrameMax(t *testing.T) {
	const piece = MinFrameMax - FrameOverhead
	for _, c := range []struct {
		size, frames int
		frameMax     uint32
	}{
		{0, 0, MinFrameMax},
		{1, 1, MinFrameMax},
		{piece, 1, MinFrameMax},
		{piece + 1, 2, MinFrameMax},
		{10 * piece, 10, MinFrameMax},
		{10 * piece, 10, 1}, // no frame_max is that small
		{10 * piece, 1, 0},  // no limit
		{10 * piece, 1, 1 << 31},
	} {
		body := make([]byte, c.size)
		for i := range body {
			body[i] = byte(i * 7)
		}
		wire := AppendBodyFrames([]byte("before"), 9, body, c.frameMax)[len("before"):]
		var got []byte
		frames := 0
		for len(wire) > 0 {
			rest, f, ok, err := ParseFrame(wire, max(c.frameMax, MinFrameMax))
			if c.frameMax == 0 {
				rest, f, ok, err = ParseFrame(wire, 0)
			}
			if !ok || err != nil || f.Type != FrameBody || f.Channel != 9 {
				t.Fatal(f, ok, err)
			}
			got, wire, frames = append(got, f.Payload...), rest, frames+1
		}
		if !bytes.Equal(got, body) || frames != c.frames {
			t.Errorf("%+v: %d frames, %d octets", c, frames, len(got))
		}
	}
}

// What a broker passes on may have headers beyond the bounds. What ends too early is malformed all the same.
func TestAHeaderWhoseTableIsNotLookedInto(t *testing.T) {
	props := append([]byte{byte(FlagHeaders >> 8), 0}, beyondBounds()...)
	payload := append([]byte{0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9}, props...)
	_, _, _, err := ParseHeader(payload)
	wantCode(t, err, SyntaxError)
	if class, size, got, err := SplitHeader(payload); err != nil || class != 60 || size != 9 || string(got) != string(props) {
		t.Errorf("%d, %d, %d octets, %v", class, size, len(got), err)
	}
	_, _, _, err = SplitHeader(payload[:len(payload)-1])
	wantCode(t, err, SyntaxError)
	_, _, _, err = SplitHeader(payload[:13])
	wantCode(t, err, FrameError)
}
