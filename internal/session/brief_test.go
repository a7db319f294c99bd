package session

import (
	"bytes"
	"math/rand"
	"strconv"
	"testing"

	"github.com/postrider-mq/postrider/amqp"
)

// The properties of a brief channel hold until the end of the burst in which their content became whole, wherever bursts end; bodies hold for good.
func TestBriefPropertiesLastForTheirBurst(t *testing.T) {
	for seed := range int64(50) {
		r := rand.New(rand.NewSource(seed))
		w := newWire(ClientConfig{VHost: "/", Brief: 1}, ServerConfig{Mechanisms: "PLAIN"})
		w.run(t, func(n int) int { return n })
		n := openSome(t, w, 1, func(n int) int { return n })[0]
		type whole struct {
			number      int
			props       amqp.RawProperties
			body, first []byte // as it is, and as it was sent
		}
		var burst, all []whole
		check := func(w whole, props bool) {
			if !bytes.Equal(w.body, w.first) || w.body == nil {
				t.Fatalf("seed %d: the body of content %d has changed", seed, w.number)
			}
			if v, err := w.props.View(); props && (err != nil || string(v.MessageID) != strconv.Itoa(w.number)) {
				t.Fatalf("seed %d: content %d has the properties of %q, %v", seed, w.number, v.MessageID, err)
			}
		}
		for i := range 100 {
			body := make([]byte, []int{0, 1, 100, notCleared - 1, notCleared, 20_000}[r.Intn(6)])
			r.Read(body)
			b, _ := (&amqp.BasicDeliver{}).AppendFrame(nil, n)
			props, _ := (&amqp.Properties{MessageID: strconv.Itoa(i)}).Append(nil)
			b = amqp.AppendHeaderFrame(b, n, 60, uint64(len(body)), props)
			for _, f := range cutFrames(amqp.AppendBodyFrames(b, n, body, uint32(50+r.Intn(9000)))) {
				e, err := w.client.Receive(one(f))
				if err != nil {
					t.Fatal(err)
				}
				if e.Kind == Deliver {
					burst = append(burst, whole{i, e.Content.Props, e.Content.Body, body})
				}
				if r.Intn(10) > 0 {
					continue
				}
				for _, c := range burst {
					check(c, true)
				}
				all, burst = append(all, burst...), nil
				w.client.Rest()
			}
		}
		for _, c := range append(all, burst...) {
			check(c, false)
		}
	}
}
