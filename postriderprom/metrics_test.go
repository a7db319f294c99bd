package postriderprom_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/postriderprom"
)

// watched starts a node whose metrics are in a registry of their own.
func watched(t *testing.T, cfg postrider.Config, opts ...postriderprom.Option) (*postrider.Node, *prometheus.Registry) {
	t.Helper()
	cfg.Logger = slog.New(slog.DiscardHandler)
	metrics := postriderprom.New(opts...)
	metrics.Watch(&cfg)
	n, err := postrider.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	metrics.Started(n)
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(metrics); err != nil {
		t.Fatal(err)
	}
	return n, registry
}

func want(t *testing.T, r *prometheus.Registry, text string, names ...string) {
	t.Helper()
	if err := testutil.GatherAndCompare(r, strings.NewReader(text), names...); err != nil {
		t.Error(err)
	}
}

func TestWhatANodeDoesIsCounted(t *testing.T) {
	alice, metrics := watched(t, postrider.Config{Name: "alice"})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	jobs := alice.Mailbox("jobs")
	tries := make(chan int, 10)
	err := alice.Handle(ctx, jobs, func(_ context.Context, m *postrider.Message) error {
		f, _ := m.Failure()
		tries <- f.Tries
		if string(m.Body) == "bad" {
			return errors.New("never")
		}
		return nil
	}, postrider.MaxTries(2), postrider.Backoff(func(int) time.Duration { return time.Millisecond }))
	if err != nil {
		t.Fatal(err)
	}
	if err := jobs.Send(ctx, "good"); err != nil {
		t.Fatal(err)
	}
	rc, err := jobs.Post(ctx, "bad")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rc.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	if err := alice.Peer("nobody").Send(ctx, "lost"); err == nil {
		t.Error("nobody has it")
	}
	for range 3 {
		<-tries
	}
	for m, err := range alice.Messages(ctx, postrider.Of(jobs.Dead())) { // it is dead by now
		if err != nil {
			t.Fatal(err)
		}
		m.Ack()
		break
	}
	if err := alice.Shutdown(ctx); err != nil { // all is counted
		t.Fatal(err)
	}
	want(t, metrics, `
		# HELP postrider_sent_total Messages whose fate is known, by how far they came or why they failed.
		# TYPE postrider_sent_total counter
		postrider_sent_total{node="alice",result="stored",target="jobs",verb="send"} 1
		postrider_sent_total{node="alice",result="stored",target="jobs",verb="post"} 1
		postrider_sent_total{node="alice",result="no_such_target",target="nobody",verb="send"} 1
		# HELP postrider_received_total Messages handed to handlers.
		# TYPE postrider_received_total counter
		postrider_received_total{node="alice",target="jobs"} 3
		# HELP postrider_handled_total Messages by how their handlers ended.
		# TYPE postrider_handled_total counter
		postrider_handled_total{node="alice",result="error",target="jobs"} 2
		postrider_handled_total{node="alice",result="ok",target="jobs"} 1
		# HELP postrider_retries_total Failed messages that were to be tried again.
		# TYPE postrider_retries_total counter
		postrider_retries_total{node="alice"} 1
		# HELP postrider_dead_total Messages that became dead letters.
		# TYPE postrider_dead_total counter
		postrider_dead_total{node="alice"} 1
	`, "postrider_sent_total", "postrider_received_total", "postrider_handled_total", "postrider_retries_total", "postrider_dead_total")
	if n, err := testutil.GatherAndCount(metrics, "postrider_send_seconds", "postrider_handle_seconds"); n != 3 || err != nil {
		t.Errorf("%d histograms, want send, post and one for the handler: %v", n, err)
	}
}

func TestTheOutboxAndTheConnectionsAreSeen(t *testing.T) {
	down := func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("refused") }
	alice, metrics := watched(t, postrider.Config{Name: "alice", Peers: map[string]string{"bob": "127.0.0.1:1"}, Dial: down}, postriderprom.WithoutTargets())
	for range 3 {
		if _, err := alice.Peer("bob").Post(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
	}
	want(t, metrics, `
		# HELP postrider_outbox_messages Messages that wait to be confirmed.
		# TYPE postrider_outbox_messages gauge
		postrider_outbox_messages{node="alice"} 3
		# HELP postrider_connection_up Whether a connection is up.
		# TYPE postrider_connection_up gauge
		postrider_connection_up{node="alice",purpose="peer",to="amqp://127.0.0.1:1"} 0
	`, "postrider_outbox_messages", "postrider_connection_up")
	alice.Close()
	want(t, metrics, `
		# HELP postrider_sent_total Messages whose fate is known, by how far they came or why they failed.
		# TYPE postrider_sent_total counter
		postrider_sent_total{node="alice",result="closed",target="",verb="post"} 3
	`, "postrider_sent_total")
}
