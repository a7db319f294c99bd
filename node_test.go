package postrider_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/postrider-mq/postrider"
)

func start(t testing.TB, cfg postrider.Config) *postrider.Node {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	n, err := postrider.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// pair is two nodes, of which alice knows where bob is.
func pair(t testing.TB) (alice, bob *postrider.Node) {
	bob = start(t, postrider.Config{Name: "bob", Listen: "127.0.0.1:0"})
	alice = start(t, postrider.Config{Name: "alice", Peers: map[string]string{"bob": bob.Addr().String()}})
	return alice, bob
}

func TestSendReturnsWhenTheMessageIsInThePeersInbox(t *testing.T) {
	alice, bob := pair(t)
	ctx := soon(t)
	if err := alice.Peer("bob").Send(ctx, "hello", postrider.ID("m-1")); err != nil {
		t.Fatal(err)
	}
	for m, err := range bob.Messages(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		if m.ID != "m-1" || m.From != "alice" || m.To != "bob" || string(m.Body) != "hello" || m.Redelivered || m.WantsReply() {
			t.Errorf("got %+v", m)
		}
		m.Ack()
		break
	}
}

func TestPostGivesAReceipt(t *testing.T) {
	alice, bob := pair(t)
	ctx := soon(t)
	got := make(chan string, 10)
	err := bob.Handle(ctx, bob.Inbox(), func(_ context.Context, m *postrider.Message) error {
		got <- string(m.Body)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	rc, err := alice.Peer("bob").Post(ctx, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	if g, err := rc.Wait(ctx); g != postrider.Received || err != nil {
		t.Fatal(g, err)
	}
	if b := <-got; b != "x" {
		t.Error(b)
	}
}

type ask struct{ N int }
type quote struct{ Price int }

func TestCallIsAnsweredByTheHandler(t *testing.T) {
	alice, bob := pair(t)
	ctx := soon(t)
	bob.Handle(ctx, bob.Inbox(), func(ctx context.Context, m *postrider.Message) error {
		var a ask
		if err := m.Decode(&a); err != nil {
			return err
		}
		if a.N < 0 {
			return errors.New("negative")
		}
		return m.Reply(ctx, quote{a.N * 2})
	})
	q, err := postrider.Call[quote](ctx, alice.Peer("bob"), ask{21})
	if err != nil || q.Price != 42 {
		t.Fatal(q, err)
	}
	_, err = postrider.Call[quote](ctx, alice.Peer("bob"), ask{-1})
	var remote *postrider.RemoteError
	if !errors.As(err, &remote) || remote.Code != 500 || remote.Reason != "negative" {
		t.Fatal(err)
	}
}

func TestAMailbox(t *testing.T) {
	n := start(t, postrider.Config{Name: "n"})
	ctx := soon(t)
	jobs := n.Mailbox("jobs")
	if err := jobs.Send(ctx, ask{1}); err != nil {
		t.Fatal(err)
	}
	n.Handle(ctx, jobs, func(ctx context.Context, m *postrider.Message) error {
		return m.Reply(ctx, "thanks")
	})
	s, err := postrider.Call[string](ctx, jobs, ask{2})
	if err != nil || s != "thanks" {
		t.Fatal(s, err)
	}
}

// What would only fail with the first message is said at once.
func TestAHandlerThatIsNilIsRefused(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		n := net.node("bob")
		for _, err := range []error{n.Handle(t.Context(), n.Inbox(), nil), n.Control("stop", nil)} {
			if err == nil || !strings.Contains(err.Error(), "the handler is nil") {
				t.Error(err)
			}
		}
	})
}
