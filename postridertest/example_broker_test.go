package postridertest_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/broker"
	"github.com/postrider-mq/postrider/postridertest"
)

// ordersOutliveTheBroker restarts a broker that has a directory. Nodes connect to it again by themselves.
func ordersOutliveTheBroker(t testing.TB) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	net := postridertest.New(t)
	mq := net.BrokerWith("mq", broker.Config{Dir: t.TempDir()})
	shop, warehouse := net.Node("shop", mq.Use), net.Node("warehouse", mq.Use)

	if err := shop.Mailbox("orders").Send(ctx, "a lamp"); err != nil {
		t.Fatal(err)
	}
	mq.Restart()
	if err := shop.Mailbox("orders").Send(ctx, "a chair"); err != nil {
		t.Fatal(err)
	}
	orders := 0
	for m, err := range warehouse.Messages(ctx, postrider.Of(warehouse.Mailbox("orders"))) {
		if err != nil {
			t.Fatal(err)
		}
		fmt.Printf("%s\n", m.Body)
		m.Ack()
		if orders++; orders == 2 {
			break
		}
	}
}

// A broker that is restarted between two messages.
func ExampleBroker_Restart() {
	inTest(ordersOutliveTheBroker)
	// Output:
	// a lamp
	// a chair
}
