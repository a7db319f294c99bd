package amqp

import "testing"

// Each benchmark is one message of 100 octets, or one ack.

func BenchmarkReadPublish(b *testing.B) {
	for name, props := range map[string]*Properties{
		"plain": plainProperties, "bare": {}, "full": allProperties(),
	} {
		b.Run(name, func(b *testing.B) {
			wire, p := publishWire(b, props), new(publishReader)
			b.ReportAllocs()
			for b.Loop() {
				if err := p.read(wire); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkWriteDelivery(b *testing.B) {
	m := &BasicDeliver{ConsumerTag: "ctag-1", DeliveryTag: 1, Exchange: "orders", RoutingKey: "eu.created"}
	props := RawProperties(must[[]byte](b)(plainProperties.Append(nil)))
	body, dst := make([]byte, 100), make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		appendDelivery(dst, m, props, body)
	}
}

func BenchmarkWriteDeliverMethod(b *testing.B) {
	m := &BasicDeliver{ConsumerTag: "ctag-1", DeliveryTag: 1, Exchange: "orders", RoutingKey: "eu.created"}
	dst := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = m.AppendFrame(dst, 1)
	}
}

func BenchmarkReadAck(b *testing.B) {
	wire := must[[]byte](b)((&BasicAck{DeliveryTag: 7}).AppendFrame(nil, 1))
	var ack BasicAck
	b.ReportAllocs()
	for b.Loop() {
		_, f, _, _ := ParseFrame(wire, 131072)
		_, args, _ := PeekMethod(f.Payload)
		if err := ack.Parse(args, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWriteAck(b *testing.B) {
	ack := &BasicAck{DeliveryTag: 7, Multiple: true}
	dst := make([]byte, 0, 64)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = ack.AppendFrame(dst, 1)
	}
}

func BenchmarkDeliveryMode(b *testing.B) {
	props := RawProperties(must[[]byte](b)(plainProperties.Append(nil)))
	b.ReportAllocs()
	for b.Loop() {
		props.DeliveryMode()
	}
}

func BenchmarkCheckTable(b *testing.B) {
	raw := must[[]byte](b)(AppendTable(nil, allProperties().Headers))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := CheckTable(raw); err != nil {
			b.Fatal(err)
		}
	}
}
