package postrider_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider"
)

// Who holds a message of a broker for half of the time after which RabbitMQ takes it away is told of: once, and in time. One that waits here
// behind others counts, too; what is settled in time, and what is held of this node's own broker, does not.
func TestAMessageThatIsHeldForLongIsToldOf(t *testing.T) {
	mailbox := func(opts ...postrider.MailboxOption) func(*postrider.Node) *postrider.Target {
		return func(n *postrider.Node) *postrider.Target { return n.Mailbox("jobs", opts...) }
	}
	for name, it := range map[string]struct {
		target  func(*postrider.Node) *postrider.Target
		timeout time.Duration
		each    time.Duration // that a handler takes
		workers int
		held    time.Duration
		want    []string // the ids that are told of, one after the other
	}{
		"by its handler":                   {target: mailbox(), each: 25 * time.Minute, workers: 2, held: 19 * time.Minute, want: []string{"a"}},
		"behind another":                   {target: mailbox(), each: 10 * time.Minute, workers: 1, held: 22 * time.Minute, want: []string{"b"}},
		"in a partition":                   {target: mailbox(postrider.Partitions(2)), each: 25 * time.Minute, workers: 1, held: 19 * time.Minute, want: []string{"a"}},
		"for less than that":               {target: mailbox(), each: 5 * time.Minute, workers: 1, held: time.Hour},
		"where the timeout is longer":      {target: mailbox(), timeout: 3 * time.Hour, each: 80 * time.Minute, workers: 2, held: 2 * time.Hour},
		"where there is none":              {target: mailbox(), timeout: -1, each: 80 * time.Minute, workers: 2, held: 2 * time.Hour},
		"that came straight into an inbox": {target: (*postrider.Node).Inbox, each: 80 * time.Minute, workers: 2, held: 2 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			inMemory(t, func(t *testing.T, net *network) {
				net.broker()
				var told bytes.Buffer
				bob := net.node("bob", onBroker, func(c *postrider.Config) {
					c.ConsumerTimeout, c.Logger = it.timeout, slog.New(slog.NewTextHandler(&told, nil))
				})
				at := it.target(bob)
				err := bob.Handle(t.Context(), at, func(ctx context.Context, _ *postrider.Message) error {
					select {
					case <-time.After(it.each):
						return nil
					case <-ctx.Done():
						return ctx.Err()
					}
				}, postrider.Workers(it.workers))
				if err != nil {
					t.Fatal(err)
				}
				for _, id := range []string{"a", "b"} {
					if err := at.Send(within(t, time.Minute), "x", postrider.ID(id), postrider.Key("k")); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(it.held)
				synctest.Wait()
				var ids []string
				for line := range strings.Lines(told.String()) {
					if _, after, ok := strings.Cut(line, "not acknowledged for long"); ok {
						_, id, _ := strings.Cut(after, " message=")
						id, _, _ = strings.Cut(id, " ")
						ids = append(ids, id)
						if !strings.Contains(line, "mailbox jobs") || !strings.Contains(line, "Config.ConsumerTimeout") {
							t.Error(line)
						}
					}
				}
				if strings.Join(ids, " ") != strings.Join(it.want, " ") {
					t.Errorf("told of %q, want %q:\n%s", ids, it.want, told.String())
				}
			})
		})
	}
}
