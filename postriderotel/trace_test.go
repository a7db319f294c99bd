package postriderotel_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/postriderotel"
)

// node starts a node whose spans are recorded.
func node(t *testing.T, spans *tracetest.SpanRecorder, cfg postrider.Config) *postrider.Node {
	t.Helper()
	cfg.Logger = slog.New(slog.DiscardHandler)
	postriderotel.Trace(&cfg, postriderotel.Provider(sdk.NewTracerProvider(sdk.WithSpanProcessor(spans))))
	n, err := postrider.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

func named(t *testing.T, spans *tracetest.SpanRecorder, name string) sdk.ReadOnlySpan {
	t.Helper()
	for _, s := range spans.Ended() {
		if s.Name() == name {
			return s
		}
	}
	t.Fatalf("no span %q among %d", name, len(spans.Ended()))
	return nil
}

func attribute(s sdk.ReadOnlySpan, key string) string {
	for _, a := range s.Attributes() {
		if string(a.Key) == key {
			return a.Value.String()
		}
	}
	return ""
}

func TestATraceGoesThroughPeersAndMailboxes(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	bob := node(t, spans, postrider.Config{Name: "bob", Listen: "127.0.0.1:0"})
	alice := node(t, spans, postrider.Config{Name: "alice", Peers: map[string]string{"bob": bob.Addr().String()}})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()

	stored := make(chan *postrider.Message, 1)
	tenants := make(chan string, 1)
	err := bob.Handle(ctx, bob.Inbox(), func(ctx context.Context, m *postrider.Message) error {
		return bob.Mailbox("jobs").Send(ctx, m.Body) // on with the same trace
	})
	if err != nil {
		t.Fatal(err)
	}
	err = bob.Handle(ctx, bob.Mailbox("jobs"), func(ctx context.Context, m *postrider.Message) error {
		tenants <- baggage.FromContext(ctx).Member("tenant").Value()
		stored <- m
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}

	member, _ := baggage.NewMember("tenant", "acme")
	bag, _ := baggage.New(member)
	if err := alice.Peer("bob").Send(baggage.ContextWithBaggage(ctx, bag), "a", postrider.ID("order 7"), postrider.Key("k")); err != nil {
		t.Fatal(err)
	}
	m := <-stored
	if tenant := <-tenants; tenant != "acme" || m.Header("traceparent") == nil {
		t.Errorf("baggage %q, headers %v", tenant, m.Headers())
	}
	if err := bob.Shutdown(ctx); err != nil { // all spans have ended
		t.Fatal(err)
	}

	first := named(t, spans, "send bob")
	parent := first.SpanContext()
	for _, name := range []string{"process bob", "send jobs", "process jobs"} {
		s := named(t, spans, name)
		if s.SpanContext().TraceID() != parent.TraceID() || s.Parent().SpanID() != parent.SpanID() {
			t.Errorf("%s does not follow the span before it", name)
		}
		parent = s.SpanContext()
	}
	if first.SpanKind() != trace.SpanKindProducer || named(t, spans, "process bob").SpanKind() != trace.SpanKindConsumer {
		t.Error("the spans' kinds are wrong")
	}
	for key, want := range map[string]string{
		"messaging.system": "postrider", "messaging.operation.type": "send", "messaging.operation.name": "send",
		"messaging.destination.name": "bob", "messaging.message.id": "order 7", "messaging.client.id": "alice",
		"messaging.postrider.message.key": "k",
	} {
		if got := attribute(first, key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
}

func TestWhatFailsIsMarked(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	n := node(t, spans, postrider.Config{Name: "alice"})
	done := make(chan struct{})
	err := n.Handle(t.Context(), n.Inbox(), func(context.Context, *postrider.Message) error {
		defer close(done)
		return postrider.Reject(errors.New("nonsense"))
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Peer("nobody").Send(t.Context(), "a"); err == nil {
		t.Error("nobody has it")
	}
	if err := n.Inbox().Send(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	<-done
	var lost *postrider.LostError // the dead letter
	if err := n.Shutdown(t.Context()); !errors.As(err, &lost) || lost.Messages != 1 {
		t.Fatal(err)
	}
	if s := named(t, spans, "send nobody"); s.Status().Code != codes.Error || attribute(s, "error.type") != "no_such_target" {
		t.Errorf("%+v %s", s.Status(), attribute(s, "error.type"))
	}
	if s := named(t, spans, "process alice"); s.Status().Code != codes.Error || s.Status().Description != "nonsense" || attribute(s, "error.type") != "_OTHER" {
		t.Errorf("%+v %s", s.Status(), attribute(s, "error.type"))
	}
}
