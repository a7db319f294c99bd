package amqp_test

import (
	"fmt"

	"github.com/postrider-mq/postrider/amqp"
)

// A client's publish, written and read back.
func Example() {
	var wire []byte
	publish := &amqp.BasicPublish{Exchange: "orders", RoutingKey: "eu.created"}
	wire, err := publish.AppendFrame(wire, 1)
	if err != nil {
		panic(err)
	}
	props, err := (&amqp.Properties{ContentType: "text/plain"}).Append(nil)
	if err != nil {
		panic(err)
	}
	body := []byte("hello")
	wire = amqp.AppendHeaderFrame(wire, 1, amqp.ClassBasic, uint64(len(body)), props)
	wire = amqp.AppendBodyFrames(wire, 1, body, 131072)

	for len(wire) > 0 {
		rest, f, ok, err := amqp.ParseFrame(wire, 131072)
		if err != nil || !ok {
			panic(err)
		}
		switch f.Type {
		case amqp.FrameMethod:
			m, err := amqp.ParseMethod(f.Payload, nil)
			if err != nil {
				panic(err)
			}
			fmt.Printf("%v %+v\n", m.ID(), m)
		case amqp.FrameHeader:
			_, size, raw, err := amqp.ParseHeader(f.Payload)
			if err != nil {
				panic(err)
			}
			view, _ := raw.View()
			fmt.Printf("%d octets of %s\n", size, view.ContentType)
		case amqp.FrameBody:
			fmt.Printf("%s\n", f.Payload)
		}
		wire = rest
	}
	// Output:
	// basic.publish &{Exchange:orders RoutingKey:eu.created Mandatory:false Immediate:false}
	// 5 octets of text/plain
	// hello
}

func ExampleError() {
	err := amqp.Errorf(amqp.NotFound, "no queue '%s' in vhost '%s'", "jobs", "/")
	fmt.Println(err.ReplyText())
	fmt.Println("closes the", err.Scope())
	// Output:
	// NOT_FOUND - no queue 'jobs' in vhost '/'
	// closes the channel
}

func ExampleMethodID_Info() {
	info, _ := amqp.BasicGetID.Info()
	fmt.Println(info.Name, info.Replies)
	// Output: basic.get [basic.get-ok basic.get-empty]
}

func ExampleLookupTable() {
	raw, _ := amqp.AppendTable(nil, amqp.Table{"x-message-ttl": 60000, "x-queue-mode": "lazy"})
	ttl, ok, err := amqp.LookupTable(raw, "x-message-ttl")
	fmt.Println(ttl, ok, err)
	// Output: 60000 true <nil>
}

func ExampleProperties() {
	raw, _ := (&amqp.Properties{DeliveryMode: amqp.Persistent, Headers: amqp.Table{"tries": 3}}).Append(nil)
	fmt.Println(amqp.RawProperties(raw).DeliveryMode())

	var p amqp.Properties
	err := p.Parse(raw, nil)
	fmt.Println(p.Headers, err)
	// Output:
	// 2
	// map[tries:3] <nil>
}

func ExampleInterner() {
	var names amqp.Interner
	buffer := []byte("orders")
	s := names.String(buffer)
	copy(buffer, "xxxxxx") // the buffer is free for the next frame
	fmt.Println(s)
	// Output: orders
}
