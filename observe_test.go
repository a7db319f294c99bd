package postrider_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/postridertest"
)

// stepsOf is what its receivers have noted of a message.
func stepsOf(rec *postridertest.Recorder, id string) (steps []postridertest.What) {
	synctest.Wait()
	for _, e := range rec.Events(postridertest.Event{ID: id}) {
		if e.Message != nil {
			steps = append(steps, e.What)
		}
	}
	return steps
}

func wantSteps(t *testing.T, rec *postridertest.Recorder, id string, want ...postridertest.What) {
	t.Helper()
	if have := stepsOf(rec, id); !slices.Equal(have, want) {
		t.Errorf("message %s was %v, want %v", id, have, want)
	}
}

func TestAnObserverIsToldOncePerStep(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		rec := net.Record()
		alice := net.node("alice")
		ctx, stop := context.WithCancel(t.Context())
		err := alice.Handle(ctx, alice.Inbox(), func(ctx context.Context, m *postrider.Message) error {
			switch string(m.Body) {
			case "acked twice":
				m.Ack()
			case "until the end":
				<-ctx.Done()
				return ctx.Err()
			case "panic":
				panic("oh no")
			}
			return nil
		}, postrider.MaxTries(1))
		if err != nil {
			t.Fatal(err)
		}
		for _, body := range []string{"acked twice", "panic", "acked twice", "until the end"} { // one is a repeat
			if err := alice.Inbox().Send(t.Context(), body, postrider.ID(body)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := alice.Inbox().Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantSteps(t, rec, "acked twice", postridertest.Delivered, postridertest.Handled)
		wantSteps(t, rec, "panic", postridertest.Delivered, postridertest.Failed, postridertest.Dead)
		wantSteps(t, rec, "until the end", postridertest.Delivered)
		stop()
		wantSteps(t, rec, "until the end", postridertest.Delivered, postridertest.Returned)
		for m, err := range alice.Messages(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			m.Ack()
			break
		}
		wantSteps(t, rec, "until the end", postridertest.Delivered, postridertest.Returned, postridertest.Delivered, postridertest.Handled)
		if all := len(rec.Events()); all != 5*2+9 { // sends and the ping, and steps
			t.Errorf("%d events\n%s", all, rec)
		}
	})
}
