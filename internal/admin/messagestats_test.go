package admin

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/core"
)

func TestRatesAreMeansSinceSomebodyAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.wants(201, "PUT /api/queues/%2F/q", "")
		d.wants(200, "GET /api/queues/%2F/q", "", `"messages_details":{"rate":0}`)
		d.wants(200, "GET /api/overview", "", `"publish_details":{"rate":0}`)
		v, _ := d.core.VHost("/")
		via, b := v.NewPublisher(), new(core.Burst)
		props, _ := (&amqp.Properties{}).Append(nil)
		for range 10 {
			b.Begin(d.core.Now())
			if _, err := via.Publish(b, &core.Message{Address: &core.Address{Key: "q"}, Props: props, Body: []byte("x")}); err != nil {
				t.Fatal(err)
			}
			b.End()
			time.Sleep(time.Second) // of the test's own clock
		}
		d.wants(200, "GET /api/queues/%2F/q", "",
			`"publish":10,"publish_details":{"rate":1}`, `"deliver_get":0`, `"messages_details":{"rate":1}`)
		d.wants(200, "GET /api/overview", "", `"publish":10,"publish_details":{"rate":1}`, `"confirm":0`)
	})
}
