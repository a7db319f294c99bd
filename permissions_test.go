package postrider_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/broker"
	"github.com/postrider-mq/postrider/postridertest"
)

// docs/SCALING.md says which permissions a node needs on its broker; these are those of a node billing that uses the mailbox orders.
func TestTheDocumentedPermissionsAreEnough(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		rec := net.Record()
		mq := net.BrokerWith("mq", broker.Config{Users: map[string]string{"operator": "secret"}})
		if err := mq.PutUser(t.Context(), "app", "secret"); err != nil {
			t.Fatal(err)
		}
		own := `^(orders|billing|postrider)(\.|$)`
		if err := mq.SetPermissions(t.Context(), "app", "/", own, own+`|^amq\.default$`, own); err != nil {
			t.Fatal(err)
		}
		app := func(cfg *postrider.Config) { cfg.Brokers, cfg.Relay = []string{"amqp://app:secret@mq:1"}, true }
		billing := net.node("billing", app)
		net.node("billing.too", app)
		if err := billing.Peer("billing.too").Send(within(t, time.Minute), "who is found"); err != nil {
			t.Error(err)
		}
		h := func(ctx context.Context, m *postrider.Message) error {
			switch f, failed := m.Failure(); {
			case m.WantsReply() && string(m.Body) == "slow":
				<-ctx.Done()
				return ctx.Err()
			case m.WantsReply():
				return m.Reply(ctx, "fine")
			case !failed || f.Tries < 2 && string(m.Body) == "bad":
				return errors.New("not now")
			}
			return nil
		}
		targets := []*postrider.Target{
			billing.Mailbox("orders"), billing.Mailbox("orders.parted", postrider.Partitions(2)),
			billing.Topic("orders.news", postrider.Durable("billing")), billing.Topic("orders.news"),
		}
		for _, target := range targets {
			if err := billing.Handle(t.Context(), target, h, postrider.MaxTries(2)); err != nil {
				t.Fatal(err)
			}
			if err := target.Send(within(t, time.Minute), "good", postrider.Until(postrider.Handled)); err != nil {
				t.Error(target, err)
			}
			if err := target.Send(within(t, time.Minute), "bad"); err != nil {
				t.Error(target, err)
			}
			if answer, err := postrider.Call[string](within(t, time.Minute), target, "?"); err != nil || answer != "fine" {
				t.Error(target, answer, err)
			}
			_, err := postrider.Call[string](within(t, time.Second), target, "slow")
			fate(t, err, true, context.DeadlineExceeded)
			if err := billing.Handle(t.Context(), target.Dead(), func(context.Context, *postrider.Message) error { return nil }); err != nil {
				t.Fatal(target, err)
			}
		}
		time.Sleep(time.Minute)
		if dead := rec.Events(postridertest.Event{What: postridertest.Handled, Body: "bad", Tries: 2}); len(dead) < len(targets) {
			t.Errorf("%d dead letters were handled\n%s", len(dead), rec)
		}
		err := billing.Mailbox("salaries").Send(within(t, time.Minute), "more")
		var refused *postrider.RemoteError
		if fate(t, err, false); !errors.As(err, &refused) || refused.Code != 403 {
			t.Error(err)
		}
	})
}
