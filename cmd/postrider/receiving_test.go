package main

import (
	"context"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/postridertest"
)

// While the last of a count is being handled, the next message is not handed out and given back as fast as the machine can.
func TestWhatIsNotWantedYetIsNotAskedForAllTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancelCause(t.Context())
		var delivered atomic.Int32
		n := postridertest.New(t).Node("alice", func(cfg *postrider.Config) {
			cfg.Observe = func(_ *postrider.Message, s postrider.Step, _ error) {
				if s == postrider.StepDelivered && delivered.Add(1) > 1000 {
					stop(errEnough)
				}
			}
		})
		jobs := n.Mailbox("jobs")
		for _, body := range []string{"0s", "1m", "0s"} {
			if err := jobs.Send(t.Context(), body); err != nil {
				t.Fatal(err)
			}
		}
		r := receiver{ctx, stop, func() {}, &nodeOptions{}, n, jobs, toMailbox, 2, newPrinter(io.Discard), io.Discard}
		err := r.run(2, func(ctx context.Context, m *postrider.Message) error {
			d, err := time.ParseDuration(string(m.Body))
			wait(ctx, d)
			return err
		})
		if got := delivered.Load(); got > 1000 {
			t.Errorf("%d deliveries, %v", got, err)
		}
	})
}
