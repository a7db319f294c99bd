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

// ordersSurviveABadNetwork breaks the connection between two nodes once, and then for a while.
func ordersSurviveABadNetwork(t testing.TB) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	net := postridertest.New(t, "shop", "warehouse")
	net.Node("warehouse")
	orders := net.Node("shop").Peer("warehouse")

	net.Cut("warehouse") // all its connections; new ones can be made at once
	fmt.Println("after a cut:", orders.Send(ctx, "a lamp"))

	net.Isolate("warehouse") // until Rejoin
	soon, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	err := orders.Send(soon, "a chair")
	fmt.Println("isolated: peer is down:", errors.Is(err, postrider.ErrPeerDown))
	receipt, err := orders.Post(ctx, "a table") // waits in the shop's outbox
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("isolated:", receipt.Grade())

	net.Rejoin("warehouse")
	grade, err := receipt.Wait(ctx)
	fmt.Println("back:", grade, err)
}

// Connections that break when the test says so.
func ExampleNetwork_Cut() {
	inTest(ordersSurviveABadNetwork)
	// Output:
	// after a cut: <nil>
	// isolated: peer is down: true
	// isolated: pending
	// back: received <nil>
}
