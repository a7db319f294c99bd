package postridertest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/postridertest"
)

// anOrderIsTriedAgain sends an order to a handler that fails upon it the first time.
func anOrderIsTriedAgain(t testing.TB) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	net := postridertest.New(t)
	rec := net.Record() // of all nodes that start from here on
	mq := net.Broker("mq")
	shop, warehouse := net.Node("shop", mq.Use), net.Node("warehouse", mq.Use)

	err := warehouse.Handle(ctx, warehouse.Mailbox("orders"), func(_ context.Context, m *postrider.Message) error {
		if _, failed := m.Failure(); !failed {
			return errors.New("out of lamps")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	err = shop.Mailbox("orders").Send(ctx, "a lamp", postrider.ID("order 7"), postrider.Until(postrider.Handled))
	if err != nil {
		t.Fatal(err)
	}

	// Wait for what is to happen, in this order; zero fields fit everything. If it does not, the test fails and shows the record.
	rec.Wait(ctx,
		postridertest.Event{What: postridertest.Sent, Node: "shop", To: "orders"},
		postridertest.Event{What: postridertest.Failed, ID: "order 7"},
		postridertest.Event{What: postridertest.Handled, ID: "order 7", Tries: 1},
	)
	rec.Never(postridertest.Event{What: postridertest.Dead})
	for _, e := range rec.Events() {
		fmt.Println(e)
	}
}

// What was sent, delivered, failed and handled, by whom, in order.
func ExampleRecorder() {
	inTest(anOrderIsTriedAgain)
	// Output:
	// shop: sent to mailbox orders "a lamp" (send, id order 7)
	// warehouse: delivered at orders from shop "a lamp" (id order 7)
	// warehouse: failed at orders from shop "a lamp" (id order 7): out of lamps
	// warehouse: delivered at orders from shop "a lamp" (id order 7, failed once before)
	// warehouse: handled at orders from shop "a lamp" (id order 7, failed once before)
	// shop: confirmed at mailbox orders "a lamp" (send, handled, id order 7)
}
