package postrider_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider"
)

// seller answers after a while.
func seller(t *testing.T, n *postrider.Node, after time.Duration, price int) {
	t.Helper()
	err := n.Handle(t.Context(), n.Inbox(), func(ctx context.Context, m *postrider.Message) error {
		select {
		case <-time.After(after):
		case <-ctx.Done():
			return ctx.Err()
		}
		if price == 0 {
			return errors.New("sold out")
		}
		return m.Reply(ctx, quote{price})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAnswersComeAsTheyAreReady(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice := net.node("alice")
		seller(t, net.node("bob"), 2*time.Second, 20)
		seller(t, net.node("carol"), time.Second, 0)
		seller(t, alice, 3*time.Second, 30)
		asked := []*postrider.Target{alice.Peer("bob"), alice.Peer("carol"), alice.Inbox(), alice.Peer("nobody")}
		var got []int
		var failed []string
		start := time.Now()
		for q, err := range postrider.Gather[quote](t.Context(), asked, ask{42}) {
			if err == nil {
				got = append(got, q.Price)
				continue
			}
			var which *postrider.GatherError
			if !errors.As(err, &which) {
				t.Fatalf("%v is no GatherError", err)
			}
			failed = append(failed, which.Target.Name())
			var remote *postrider.RemoteError
			if which.Target.Name() == "carol" && (!errors.As(err, &remote) || remote.Reason != "sold out") {
				t.Error(err)
			}
			if which.Target.Name() == "nobody" && !errors.Is(err, postrider.ErrNoSuchTarget) {
				t.Error(err)
			}
		}
		if !slices.Equal(got, []int{20, 30}) || !slices.Equal(failed, []string{"nobody", "carol"}) || time.Since(start).Round(time.Second) != 3*time.Second {
			t.Error(got, failed, time.Since(start))
		}
	})
}

func TestWhoLeavesTheLoopGivesUpOnTheRest(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice := net.node("alice")
		seller(t, net.node("bob"), time.Second, 20)
		start := time.Now()
		for q, err := range postrider.Gather[quote](t.Context(), []*postrider.Target{alice.Peer("bob"), alice.Peer("carol")}, ask{1}) {
			if err != nil || q.Price != 20 {
				t.Error(q, err)
			}
			break
		}
		synctest.Wait() // nothing goes on
		if d := time.Since(start).Round(time.Second); d != time.Second {
			t.Error("it took", d)
		}
	})
}

func TestAGatherEndsWithItsContext(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice := net.node("alice")
		n := 0
		for _, err := range postrider.Gather[quote](within(t, time.Second), []*postrider.Target{alice.Peer("bob"), alice.Peer("carol")}, ask{1}) {
			n++
			if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, postrider.ErrPeerDown) {
				t.Error(err)
			}
		}
		if n != 2 {
			t.Errorf("%d targets are accounted for, want 2", n)
		}
	})
}

// What one asks all under one id, each of them has to know as one question: also where they are reached over one connection.
func TestAGatherUnderOneID(t *testing.T) {
	onBoth(t, func(t *testing.T, producer, worker *postrider.Node) {
		var asked []*postrider.Target
		for _, name := range []string{"a", "b", "c"} {
			box := worker.Mailbox(name)
			err := worker.Handle(t.Context(), box, func(ctx context.Context, m *postrider.Message) error { return m.Reply(ctx, m.To+" "+m.ID) })
			if err != nil {
				t.Fatal(err)
			}
			asked = append(asked, producer.Mailbox(name))
		}
		var got []string
		for answer, err := range postrider.Gather[string](within(t, time.Minute), asked, "?", postrider.ID("order 7")) {
			if err != nil {
				t.Error(err)
			}
			got = append(got, answer)
		}
		slices.Sort(got)
		if want := []string{"a order 7", "b order 7", "c order 7"}; !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
		for _, err := range postrider.Gather[string](within(t, time.Minute), asked, "?", postrider.ID("order 7")) {
			wantRemote(t, err, 409, "handled before")
		}
	})
}

// Nobody reads the request any more when the loop was left: the race detector would tell.
func TestAGatherThatWasLeftHasLetGoOfItsRequest(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice := net.node("alice")
		err := alice.Handle(t.Context(), alice.Inbox(), func(ctx context.Context, m *postrider.Message) error { return m.Reply(ctx, "yes") })
		if err != nil {
			t.Fatal(err)
		}
		request := []byte("?")
		for range 20 {
			for range postrider.Gather[string](t.Context(), slices.Repeat([]*postrider.Target{alice.Inbox()}, 50), request) {
				break
			}
			request[0]++
		}
	})
}
