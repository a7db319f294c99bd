package main

import (
	"strings"
	"testing"

	"github.com/postrider-mq/postrider/postridertest"
)

func TestSealed(t *testing.T) {
	keys := postridertest.NewKeys(t, "mailbox:orders")
	var out strings.Builder
	if err := run(t.Context(), &out, keys.Of("shop"), keys.Of("warehouse", "mailbox:orders")); err != nil {
		t.Fatal(err)
	}
	const want = `the shop may read orders: false
the shop may gossip: false
the warehouse has read: a ring, for Alice, a surprise, sealed by shop
the warehouse has read: wrapping paper; when is it here?, sealed by shop
and says: tomorrow
`
	if out.String() != want {
		t.Errorf("it says\n%s", out.String())
	}
}
