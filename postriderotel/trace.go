// Package postriderotel traces messages with OpenTelemetry, from who sends them to who handles them:
//
//	cfg := postrider.Config{Name: "billing"}
//	postriderotel.Trace(&cfg)
//	n, err := postrider.Start(ctx, cfg)
//
// Each Send, Post and Call is a span, and each handling is one, whose parent is the span of the sending, in
// whatever process that was. A trace so tells the way of an order through peers and mailboxes. The context travels in the message's
// headers, as W3C has it for HTTP: traceparent, tracestate and baggage; clients in other languages that
// do the same take part.
//
// Names and attributes follow the semantic conventions for messaging. A span of a Send or a Call lasts until that returns; one of a Post, until
// the message is in the outbox. A handler that fails marks its span as failed; the retry is another span of the same parent.
package postriderotel

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/postrider-mq/postrider"
)

const scope = "github.com/postrider-mq/postrider/postriderotel"

// An Option changes one [Trace].
type Option func(*tracing)

// Provider makes the spans in place of the global provider.
func Provider(p trace.TracerProvider) Option { return func(t *tracing) { t.provider = p } }

// Propagator takes the place of W3C's trace context and baggage.
func Propagator(p propagation.TextMapPropagator) Option { return func(t *tracing) { t.propagator = p } }

// Trace adds the tracing to a configuration, around the middleware that is there.
func Trace(cfg *postrider.Config, opts ...Option) {
	t := &tracing{
		node:       cfg.Name,
		provider:   otel.GetTracerProvider(),
		propagator: propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}),
	}
	for _, apply := range opts {
		apply(t)
	}
	t.tracer = t.provider.Tracer(scope)
	cfg.SendMiddleware = append([]postrider.SendMiddleware{t.send}, cfg.SendMiddleware...)
	cfg.HandleMiddleware = append([]postrider.HandleMiddleware{t.handle}, cfg.HandleMiddleware...)
}

// tracing is the middleware of one node.
type tracing struct {
	node       string
	provider   trace.TracerProvider
	tracer     trace.Tracer
	propagator propagation.TextMapPropagator
}

func (t *tracing) send(next postrider.SendFunc) postrider.SendFunc {
	return func(ctx context.Context, m *postrider.Outgoing) error {
		ctx, span := t.tracer.Start(ctx, "send "+m.Target.Name(),
			trace.WithSpanKind(trace.SpanKindProducer),
			trace.WithAttributes(t.attributes("send", string(m.Verb), m.Target.Name(), m.ID, m.Key)...))
		defer span.End()
		t.propagator.Inject(ctx, headers(m.Headers))
		err := next(ctx, m)
		note(span, err)
		return err
	}
}

func (t *tracing) handle(next postrider.Handler) postrider.Handler {
	return func(ctx context.Context, m *postrider.Message) error {
		ctx = t.propagator.Extract(ctx, incoming{m})
		ctx, span := t.tracer.Start(ctx, "process "+m.To,
			trace.WithSpanKind(trace.SpanKindConsumer),
			trace.WithAttributes(t.attributes("process", "handle", m.To, m.ID, m.Key())...),
			trace.WithAttributes(attribute.Int("messaging.message.body.size", len(m.Body))))
		defer span.End()
		err := next(ctx, m)
		note(span, err)
		return err
	}
}

// attributes are those of the semantic conventions, and the message's key.
func (t *tracing) attributes(kind, verb, target, id, key string) []attribute.KeyValue {
	all := []attribute.KeyValue{
		attribute.String("messaging.system", "postrider"),
		attribute.String("messaging.operation.type", kind),
		attribute.String("messaging.operation.name", verb),
		attribute.String("messaging.destination.name", target),
		attribute.String("messaging.message.id", id),
		attribute.String("messaging.client.id", t.node),
	}
	if key != "" {
		all = append(all, attribute.String("messaging.postrider.message.key", key))
	}
	return all
}

// note says how it ended.
func note(span trace.Span, err error) {
	if err == nil {
		return
	}
	span.SetStatus(codes.Error, err.Error())
	span.SetAttributes(attribute.String("error.type", sort(err)))
}

// sort is the kind of an error, of which there are few.
func sort(err error) string {
	var remote *postrider.RemoteError
	switch {
	case errors.Is(err, postrider.ErrNoSuchTarget):
		return "no_such_target"
	case errors.Is(err, postrider.ErrPeerDown):
		return "peer_down"
	case errors.Is(err, postrider.ErrFull):
		return "full"
	case errors.Is(err, postrider.ErrRefused):
		return "refused"
	case errors.Is(err, postrider.ErrExpired):
		return "expired"
	case errors.Is(err, postrider.ErrClosed):
		return "closed"
	case errors.As(err, &remote):
		return "remote_error"
	case errors.Is(err, context.DeadlineExceeded):
		return "deadline_exceeded"
	case errors.Is(err, context.Canceled):
		return "canceled"
	}
	return "_OTHER" // the conventions' word for the rest
}

// headers are those of a message on its way out.
type headers map[string]any

func (h headers) Set(key, value string) { h[key] = value }

func (h headers) Get(key string) string {
	s, _ := h[key].(string)
	return s
}

func (h headers) Keys() []string {
	all := make([]string, 0, len(h))
	for key := range h {
		all = append(all, key)
	}
	return all
}

// incoming are the headers of a message that came.
type incoming struct{ m *postrider.Message }

func (c incoming) Set(string, string) {} // it is only read

func (c incoming) Get(key string) string {
	switch v := c.m.Header(key).(type) {
	case string:
		return v
	case []byte: // as some clients send text
		return string(v)
	}
	return ""
}

func (c incoming) Keys() []string { return headers(c.m.Headers()).Keys() }
