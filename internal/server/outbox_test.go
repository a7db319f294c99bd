package server

import (
	"bytes"
	"cmp"
	"math/rand/v2"
	"strconv"
	"testing"
	"unsafe"

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
		for !o.done() || len(o.confirms) > 0 {
			piece := o.encode(frameMax, rnd.IntN(2) == 0)
			if len(piece) == 0 {
				t.Fatalf("seed %d: nothing more after %d bytes of %d", seed, len(got), len(want))
			}
			if cap(piece) > keepBuffer {
				t.Fatalf("seed %d: a buffer of %d bytes, which is not kept, for a piece of %d", seed, cap(piece), len(piece))
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

// The buffer stays with the connection, so it is as large as its messages make it, and the same for all of them.
func TestTheBufferIsAsLargeAsMessages(t *testing.T) {
	for size, most := range map[int]int{largeBody: 2 * largeBody, 3 * largeBody: 4 * largeBody, 50 * largeBody: keepBuffer} {
		var o outbox
		var first *byte
		for range 3 {
			it := randomDelivery(rand.New(rand.NewPCG(1, 1)))
			it.message.Body = make([]byte, size)
			o.put(it)
			for o.swap(0); !o.done(); {
				o.encode(pieceSize, false)
			}
			at := unsafe.SliceData(o.buf)
			if first = cmp.Or(first, at); at == nil || at != first || cap(o.buf) > most {
				t.Errorf("a buffer of %d bytes stays after messages of %d, the same: %v", cap(o.buf), size, at == first)
			}
		}
	}
}

// Who had much to read once, and has read it, does not keep the room for it.
func TestAQuietConnectionTakesLittle(t *testing.T) {
	const many = 5 * keepItems
	var o outbox
	all := func(count int) {
		t.Helper()
		for range count {
			o.put(item{frames: amqp.AppendHeartbeat(nil)})
		}
		for o.swap(0); !o.done(); {
			count -= len(o.encode(0, false)) / len(amqp.AppendHeartbeat(nil))
		}
		if count != 0 {
			t.Errorf("%d were not sent", count)
		}
	}
	all(many)
	all(many)
	if cap(o.items)+cap(o.batch) < many {
		t.Errorf("of much that comes again and again there is room for %d and %d", cap(o.items), cap(o.batch))
	}
	all(3)
	all(0)
	if cap(o.items)+cap(o.batch) > 2*keepItems {
		t.Errorf("there is room for %d and %d", cap(o.items), cap(o.batch))
	}
}

// Nor does one that has acknowledged much at once.
func TestWhatEndsTogetherTakesNoRoom(t *testing.T) {
	c := &conn{}
	for range keepSettling + 1 {
		c.settling = append(c.settling, outstanding{})
	}
	n := 0
	c.eachQueue(func(_ *core.Queue, positions []uint64) { n += len(positions) })
	if n != keepSettling+1 || c.settling != nil || c.positions != nil {
		t.Errorf("%d were settled, and there is room for %d and %d", n, cap(c.settling), cap(c.positions))
	}
}
