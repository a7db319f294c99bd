package postrider_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/amqp"
)

// The second receiver takes over what the first one leaves unsettled, before all that follows, whether that one
// ends by itself or its connection breaks.
func TestOneReceiverAtATime(t *testing.T) {
	onBoth(t, func(t *testing.T, producer, worker *postrider.Node) {
		jobs := postrider.Of(producer.Mailbox("jobs", postrider.SingleActive()))
		theirs := worker.Mailbox("jobs", postrider.SingleActive())
		for i := range 6 {
			if err := theirs.Send(t.Context(), fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		var first, second []string
		var held []*postrider.Message
		for m, err := range producer.Messages(t.Context(), jobs) {
			if err != nil {
				t.Fatal(err)
			}
			first, held = append(first, string(m.Body)), append(held, m)
			if len(held) == 3 {
				m.Ack()
				break
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		done := make(chan struct{})
		go func() {
			defer close(done)
			for m := range worker.Messages(ctx, postrider.Of(theirs)) {
				if m == nil {
					return
				}
				second = append(second, string(m.Body))
				m.Ack()
				if string(m.Body) == "5" {
					return
				}
			}
		}()
		for _, m := range held {
			m.Requeue()
		}
		<-done
		if want := []string{"0", "1", "3", "4", "5"}; !slices.Equal(second, want) {
			t.Errorf("the second got %v after the first had %v, want %v", second, first, want)
		}
	})
}

func TestAMessageKnowsWhenItIsGone(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		_, l := net.broker()
		n := net.node("alice", onBroker)
		if err := n.Mailbox("jobs").Send(t.Context(), "x"); err != nil {
			t.Fatal(err)
		}
		times := 0
		for m, err := range n.Messages(t.Context(), postrider.Of(n.Mailbox("jobs"))) {
			if err != nil {
				t.Fatal(err)
			}
			times++
			gone := m.Gone()
			select {
			case <-gone:
				t.Fatal("gone from the start")
			default:
			}
			if times == 2 {
				m.Ack()
				break
			}
			l.cut()
			<-gone
			<-m.Gone()
			m.Requeue()
		}
	})
}

// A message that comes again to one receiver of a node, while it is in hand of another that ends and gives it back, is handled.
func TestWhatComesToAnotherReceiverOfTheNodeIsNotLeftThere(t *testing.T) {
	for name, opt := range map[string]postrider.MailboxOption{"one receiver": postrider.SingleActive(), "partitions": postrider.Partitions(1)} {
		t.Run(name, func(t *testing.T) {
			for range 10 { // of two receivers that come back either may be the first
				inMemory(t, func(t *testing.T, net *network) {
					_, mq := net.broker()
					alice := net.node("alice", onBroker)
					jobs := alice.Mailbox("jobs", opt)
					ctx, leave := context.WithCancel(t.Context())
					begun := make(chan string, 10)
					receive := func(ctx context.Context, name string, h func(context.Context) error) {
						err := alice.Handle(ctx, jobs, func(ctx context.Context, _ *postrider.Message) error {
							begun <- name
							return h(ctx)
						})
						if err != nil {
							t.Fatal(err)
						}
					}
					receive(ctx, "the first", func(ctx context.Context) error {
						<-ctx.Done()
						return ctx.Err()
					})
					if err := jobs.Send(t.Context(), "x"); err != nil {
						t.Fatal(err)
					}
					<-begun
					receive(t.Context(), "the second", func(context.Context) error { return nil })
					mq.cut()
					time.Sleep(time.Minute)
					leave()
					select {
					case <-begun:
					case <-time.After(time.Minute):
						t.Fatal("it is not handled")
					}
				})
			}
		})
	}
}

func TestAMailboxThatIsNotSingleActiveIsNotUsedAsOne(t *testing.T) {
	onBoth(t, func(t *testing.T, producer, worker *postrider.Node) {
		if err := producer.Mailbox("jobs").Send(t.Context(), "x"); err != nil {
			t.Fatal(err)
		}
		err := worker.Handle(t.Context(), worker.Mailbox("jobs", postrider.SingleActive()), func(context.Context, *postrider.Message) error { return nil })
		var refused *postrider.RemoteError
		if !errors.As(err, &refused) || refused.Code != int(amqp.PreconditionFailed) {
			t.Errorf("%v is no refusal", err)
		}
	})
}
