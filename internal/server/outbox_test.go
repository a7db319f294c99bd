package server

import (
	"bytes"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/core"
	"github.com/postrider-mq/postrider/internal/session"
)

// However large bodies are, what is sent is all items in their order and then the confirms, in pieces for which the buffer is large enough.
func TestPiecesAreAllThatIsToBeSent(t *testing.T) {
	for seed := range uint64(50) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		frameMax := []uint32{0, amqp.MinFrameMax, 100_000, pieceSize, 4 * pieceSize}[rnd.IntN(5)]
		var o outbox
		var want []byte
		for range 1 + rnd.IntN(8) {
			it := item{frames: amqp.AppendHeartbeat(nil)}
			if rnd.IntN(4) > 0 {
				it = randomDelivery(rnd)
			}
			o.put(it)
			want = appendWhole(want, &it, frameMax)
		}
		ch := confirmingOne()
		o.confirming = []*channel{ch}
		want = appendConfirm(want, confirm{1, session.Run{Tag: 1}})

		o.swap(0)
		var got []byte
		var kept *byte // where the buffer for large bodies lies
		for !o.done() || len(o.confirms) > 0 {
			large := len(o.going.body) > 0
			piece := o.encode(frameMax, rnd.IntN(2) == 0)
			if len(piece) == 0 {
				t.Fatalf("seed %d: nothing more after %d bytes of %d", seed, len(got), len(want))
			}
			if large && kept != nil && kept != &piece[0] || cap(piece) > keepBuffer {
				t.Fatalf("seed %d: another buffer, for a piece of %d bytes", seed, len(piece))
			}
			if len(o.going.body) > 0 {
				kept = &piece[0]
			}
			got = append(got, piece...)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("seed %d: %d bytes are not the %d that were to be sent", seed, len(got), len(want))
		}
		if o.going.body != nil {
			t.Fatalf("seed %d: the last body is held", seed)
		}
	}
}

func randomDelivery(rnd *rand.Rand) item {
	size := []int{0, 100, largeBody - 1, largeBody, pieceSize - amqp.FrameOverhead, pieceSize, rnd.IntN(4 * pieceSize)}[rnd.IntN(7)]
	body := bytes.Repeat(strconv.AppendUint(nil, rnd.Uint64()|1<<63, 10), 1+size/10)[:size]
	return item{
		message:  &core.Message{Address: &core.Address{Exchange: "x", Key: "k"}, Props: amqp.RawProperties{0, 0}, Body: body},
		consumer: &core.Consumer{Channel: uint16(1 + rnd.IntN(3)), Tag: "c"},
		tag:      rnd.Uint64(),
	}
}

// appendWhole appends an item at once, in frames that are no larger than a piece.
func appendWhole(dst []byte, it *item, frameMax uint32) []byte {
	if it.message == nil {
		return append(dst, it.frames...)
	}
	if frameMax == 0 {
		frameMax = pieceSize
	}
	dst, _ = (&amqp.BasicDeliver{ConsumerTag: "c", DeliveryTag: it.tag, Exchange: "x", RoutingKey: "k"}).AppendFrame(dst, it.consumer.Channel)
	return appendContent(dst, it.consumer.Channel, it.message, min(frameMax, pieceSize))
}
