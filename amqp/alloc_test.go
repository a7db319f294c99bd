package amqp

import (
	"bytes"
	"testing"
)

// A publishReader does with three frames what a broker's reader does.
type publishReader struct {
	in      Interner
	publish BasicPublish
	view    PropertiesView
	body    []byte
}

func (p *publishReader) read(wire []byte) error {
	rest, f, _, err := ParseFrame(wire, 131072)
	if err != nil {
		return err
	}
	_, args, err := PeekMethod(f.Payload)
	if err != nil {
		return err
	}
	if err = p.publish.Parse(args, &p.in); err != nil {
		return err
	}
	if rest, f, _, err = ParseFrame(rest, 131072); err != nil {
		return err
	}
	_, _, props, err := ParseHeader(f.Payload)
	if err != nil {
		return err
	}
	if p.view, err = props.View(); err != nil {
		return err
	}
	_, f, _, err = ParseFrame(rest, 131072)
	p.body = f.Payload
	return err
}

// publishWire returns the frames of a publish of 100 octets.
func publishWire(t testing.TB, props *Properties) []byte {
	m := BasicPublish{Exchange: "orders", RoutingKey: "eu.created", Mandatory: true}
	wire := must[[]byte](t)(m.AppendFrame(nil, 1))
	wire = AppendHeaderFrame(wire, 1, ClassBasic, 100, must[[]byte](t)(props.Append(nil)))
	return AppendBodyFrames(wire, 1, bytes.Repeat([]byte("x"), 100), 131072)
}

var plainProperties = &Properties{ContentType: "text/plain", DeliveryMode: Persistent, MessageID: "0123456789abcdef"}

// appendDelivery appends the frames of a delivery.
func appendDelivery(dst []byte, m *BasicDeliver, props RawProperties, body []byte) []byte {
	dst, _ = m.AppendFrame(dst, 1)
	dst = AppendHeaderFrame(dst, 1, ClassBasic, uint64(len(body)), props)
	return AppendBodyFrames(dst, 1, body, 131072)
}

func wantNoAllocs(t *testing.T, name string, f func()) {
	t.Helper()
	if n := testing.AllocsPerRun(100, f); n != 0 {
		t.Errorf("%s allocates %v times", name, n)
	}
}

func TestReadingAPublishAllocatesNothing(t *testing.T) {
	for name, props := range map[string]*Properties{
		"without properties": {}, "with some": plainProperties, "with all": allProperties(),
	} {
		wire, p := publishWire(t, props), new(publishReader)
		if err := p.read(wire); err != nil {
			t.Fatal(err)
		}
		if p.publish.Exchange != "orders" || p.publish.RoutingKey != "eu.created" || !p.publish.Mandatory || len(p.body) != 100 {
			t.Fatalf("%+v", p.publish)
		}
		wantNoAllocs(t, name, func() { _ = p.read(wire) })
	}
}

func TestWritingADeliveryAllocatesNothing(t *testing.T) {
	m := &BasicDeliver{ConsumerTag: "ctag-1", DeliveryTag: 1, Exchange: "orders", RoutingKey: "eu.created"}
	props := RawProperties(must[[]byte](t)(allProperties().Append(nil)))
	body, dst := make([]byte, 1000), make([]byte, 0, 4096)
	wantNoAllocs(t, "a delivery", func() { appendDelivery(dst, m, props, body) })
	big := make([]byte, 1<<20)
	dst = make([]byte, 0, 2<<20)
	wantNoAllocs(t, "a large delivery", func() { appendDelivery(dst, m, props, big) })
}

func TestAcksAllocateNothing(t *testing.T) {
	ack := &BasicAck{DeliveryTag: 7, Multiple: true}
	dst := make([]byte, 0, 64)
	wire := must[[]byte](t)(ack.AppendFrame(nil, 1))
	var got BasicAck
	wantNoAllocs(t, "an ack", func() {
		_, _ = ack.AppendFrame(dst, 1)
		_, f, _, _ := ParseFrame(wire, 0)
		_, args, _ := PeekMethod(f.Payload)
		_ = got.Parse(args, nil)
	})
	if got != *ack {
		t.Errorf("%+v", got)
	}
}

func TestReadingADeliveryAllocatesNothing(t *testing.T) {
	m := &BasicDeliver{ConsumerTag: "ctag-1", DeliveryTag: 1, Exchange: "orders", RoutingKey: "eu.created"}
	wire := must[[]byte](t)(m.Append(nil))
	var in Interner
	var got BasicDeliver
	wantNoAllocs(t, "a delivery", func() { _ = got.Parse(wire[4:], &in) })
	if got != *m {
		t.Errorf("%+v", got)
	}
}

func TestCheckingAllocatesNothing(t *testing.T) {
	raw := must[[]byte](t)(AppendTable(nil, nest(MaxTableDepth, false)))
	wantNoAllocs(t, "CheckTable", func() { _, _ = CheckTable(raw) })
	props := RawProperties(must[[]byte](t)(allProperties().Append(nil)))
	wantNoAllocs(t, "DeliveryMode", func() { props.DeliveryMode() })
	wantNoAllocs(t, "LookupTable of an absent name", func() { _, _, _ = LookupTable(raw, "absent") })
}
