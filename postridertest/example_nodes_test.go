package postridertest_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/postridertest"
)

// theWarehouseAnswers is a test of two nodes, which know each other by name.
func theWarehouseAnswers(t testing.TB) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	net := postridertest.New(t, "shop", "warehouse")
	shop, warehouse := net.Node("shop"), net.Node("warehouse")

	err := warehouse.Handle(ctx, warehouse.Inbox(), func(ctx context.Context, m *postrider.Message) error {
		return m.Reply(ctx, fmt.Sprintf("12 %s", m.Body))
	})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := postrider.Call[string](ctx, shop.Peer("warehouse"), "lamps")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(answer)
}

// A test of two nodes.
func Example() {
	inTest(theWarehouseAnswers)
	// Output: 12 lamps
}
