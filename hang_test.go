package postrider_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider"
)

// A broker that says nothing more holds nobody up: loops and handlers end with their context, and what they have in hand can be
// settled at once. What was delivered and not handed out comes again when the broker is back.
func TestNothingWaitsForASilentBroker(t *testing.T) {
	for what, opts := range map[string][]postrider.MailboxOption{
		"plain": nil, "one receiver": {postrider.SingleActive()}, "partitions": {postrider.Partitions(2)},
	} {
		t.Run(what, func(t *testing.T) {
			inMemory(t, func(t *testing.T, net *network) {
				net.broker()
				alice, bob, carol := net.node("alice", onBroker), net.node("bob", onBroker), net.node("carol", onBroker)
				jobs := bob.Mailbox("jobs", opts...)
				const all = 10
				for range all {
					if err := alice.Mailbox("jobs", opts...).Send(within(t, time.Minute), "x"); err != nil {
						t.Fatal(err)
					}
				}
				ctx, cancel := context.WithCancel(t.Context())
				handling := make(chan struct{})
				over := make(chan error, 2)
				err := bob.Handle(ctx, jobs, func(ctx context.Context, _ *postrider.Message) error {
					handling <- struct{}{}
					<-ctx.Done()
					over <- nil
					return ctx.Err()
				})
				if err != nil {
					t.Fatal(err)
				}
				<-handling
				net.Mute("bob")
				go func() {
					for _, err := range bob.Messages(ctx, postrider.Of(bob.Mailbox("others"))) {
						over <- err
					}
				}()
				synctest.Wait()
				cancelled := time.Now()
				cancel()
				for range 2 {
					if err := <-over; err != nil && !errors.Is(err, context.Canceled) {
						t.Error(err)
					}
				}
				if took := time.Since(cancelled); took > time.Second {
					t.Errorf("it took %v", took)
				}
				got := collect(t, carol, carol.Mailbox("jobs", opts...))
				for range all {
					wantBody(t, got, "x")
				}
				wantNone(t, got)
				net.Unmute("bob")
			})
		})
	}
}

// A loop that is left, while its broker says nothing more, goes on at once, and so does who settles its last message.
func TestALoopIsLeftWhileTheBrokerIsSilent(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		net.broker()
		alice, bob := net.node("alice", onBroker), net.node("bob", onBroker)
		for range 3 {
			if err := alice.Mailbox("jobs").Send(within(t, time.Minute), "x"); err != nil {
				t.Fatal(err)
			}
		}
		var last *postrider.Message
		var left time.Time
		for m, err := range bob.Messages(t.Context(), postrider.Of(bob.Mailbox("jobs"))) {
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			net.Mute("bob")
			last, left = m, time.Now()
			break
		}
		last.Ack()
		if took := time.Since(left); took > time.Second {
			t.Errorf("it took %v", took)
		}
		net.Unmute("bob")
		got := collect(t, bob, bob.Mailbox("jobs"))
		wantBody(t, got, "x")
		wantBody(t, got, "x")
	})
}
