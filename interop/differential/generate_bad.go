package differential

import "github.com/postrider-mq/postrider/amqp"

// An argument of a declaration, with values that it may be given.
type argument struct {
	name   string
	values []any
}

var exchangeTypes = []string{"direct", "fanout", "topic", "headers"}

var queueArguments = []argument{
	{"x-message-ttl", []any{int32(0), int32(100000000), int64(100000000), int32(100000001)}},
	{"x-expires", []any{int32(100000000), int64(100000000)}},
	{"x-max-length", []any{int32(0), int32(1), int32(2), int8(3), int64(2)}},
	{"x-max-length-bytes", []any{int32(0), int32(3), int64(6)}},
	{"x-overflow", []any{"drop-head", "reject-publish", "reject-publish-dlx"}},
	{"x-dead-letter-exchange", []any{"", "e0", "e1", "amq.fanout", "missing"}},
	{"x-dead-letter-exchange", []any{""}},
	{"x-max-priority", []any{int32(1), int32(3), uint8(10), int32(0)}},
	{"x-single-active-consumer", []any{true, false}},
	{"x-queue-type", []any{"classic"}},
	{"x-queue-mode", []any{"default", "lazy"}},
	{"x-queue-version", []any{int32(1), int32(2)}},
	{"x-consumer-timeout", []any{int32(100000000), int64(100000000)}},
	{"x-other", []any{int32(5), "text"}},
}

var badQueueArguments = []argument{
	{"x-message-ttl", []any{"soon", int32(-1), 1.5, true, nil, int64(1) << 50}},
	{"x-expires", []any{int32(0), int32(-1), "soon", int64(1) << 50, float32(5)}},
	{"x-max-length", []any{int32(-1), "many", 2.5, nil}},
	{"x-max-length-bytes", []any{int32(-1), "many"}},
	{"x-overflow", []any{"odd", int32(1), ""}},
	{"x-dead-letter-exchange", []any{int32(1), true}},
	{"x-dead-letter-routing-key", []any{"q1", int32(1)}},
	{"x-max-priority", []any{int32(256), int32(-1), "high", 1.5}},
	{"x-single-active-consumer", []any{"yes", int32(1)}},
	{"x-queue-type", []any{"odd", int32(1)}},
	{"x-queue-mode", []any{"odd", int32(1)}},
	{"x-queue-version", []any{int32(3), "1"}},
	{"x-delivery-limit", []any{int32(3)}},
	{"x-quorum-initial-group-size", []any{int32(1)}},
	{"x-consumer-timeout", []any{int32(-1), "long"}},
}

var exchangeArguments = []argument{
	{"alternate-exchange", []any{"e0", "e1", "amq.fanout", "missing"}},
	{"x-other", []any{int32(5), "text"}},
}

var badExchangeArguments = []argument{
	{"alternate-exchange", []any{int32(1), true}},
}

// violate breaks the protocol.
func (g *generator) violate() Step { return pick(g, violations) }

// violations are written for channel 1, and sent on that of the step.
var violations = []Step{
	{Method: &amqp.ChannelOpen{}},
	{Method: &amqp.BasicPublish{}, Octets: frame(1, 1, "\x00\x3c\x00\x0a\x00\x00\x00\x00\x00\x00\x00")},
	{Octets: frame(2, 1, "\x00\x3c\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00")},
	{Octets: frame(3, 1, "x")},
	{Octets: frame(8, 1, "")},
	{Octets: frame(8, 0, "")},
	{Octets: frame(77, 1, "abc")},
	{Octets: []byte{1, 0, 1, 0, 0, 0, 4, 'a', 'b', 'c', 'd', 0}},
	{Octets: []byte{3, 0, 1, 1, 0, 0, 0}},
	{Octets: frame(1, 1, "\x00\x3c\x0f\xff")},
	{Octets: frame(1, 1, "\x00\x3c\x00\x50\x00")},
	{Octets: frame(1, 9, "\x00\x3c\x00\x0a\x00\x00\x00\x00\x00\x00\x00")},
	{Octets: frame(1, 0, "\x00\x3c\x00\x0a\x00\x00\x00\x00\x00\x00\x00")},
	{Octets: frame(1, 0, "\x00\x0a\x00\x28\x01/\x00\x00")},
	{Method: &amqp.ChannelFlow{}},
	{Method: &amqp.ChannelFlowOk{Active: true}},
	{Method: &amqp.BasicCancelOk{ConsumerTag: "c1"}},
	{Method: &amqp.QueueDeclareOk{Queue: "q0"}},
	{Method: &amqp.ChannelCloseOk{}},
}

func frame(kind byte, channel uint16, payload string) []byte {
	n := len(payload)
	b := []byte{kind, byte(channel >> 8), byte(channel), byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
	return append(append(b, payload...), amqp.FrameEnd)
}
