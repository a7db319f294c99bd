package postrider_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/postrider-mq/postrider"
)

// A sender packs faster than a handler follows, and is read no faster than that: the inbox does not fill.
func TestAHandlerThatIsFastIsNotOverrun(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice := net.node("alice")
		bob := net.node("bob", func(c *postrider.Config) { c.InboxMessages = 2000 })
		err := bob.Handle(t.Context(), bob.Inbox(), func(context.Context, *postrider.Message) error {
			time.Sleep(10 * time.Microsecond)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		body := strings.Repeat("x", 500)
		receipts := make([]*postrider.Receipt, 10_000)
		for i := range receipts {
			receipts[i] = post(t, alice.Peer("bob"), body)
		}
		for _, r := range receipts {
			if _, err := r.Wait(within(t, time.Minute)); err != nil {
				t.Fatal(err)
			}
		}
		wantPacked(t, bob)
	})
}
