// Tracing follows an order through two processes and a mailbox: each Send and each handling is a span, and all are of
// one trace. It prints the spans as a tree; a real program would give postriderotel the provider that exports to its collector.
//
//	go run ./examples/tracing
package main

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"strings"
	"sync"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/postriderotel"
)

func main() {
	tree, err := run(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(tree)
}

func run(ctx context.Context) (tree string, err error) {
	spans := new(printer)
	provider := sdk.NewTracerProvider(sdk.WithSyncer(spans))
	start := func(cfg postrider.Config) (*postrider.Node, error) {
		cfg.Logger = slog.New(slog.DiscardHandler)
		postriderotel.Trace(&cfg, postriderotel.Provider(provider))
		return postrider.Start(ctx, cfg)
	}
	shop, err := start(postrider.Config{Name: "shop", Listen: "127.0.0.1:0"})
	if err != nil {
		return "", err
	}
	defer shop.Close()
	till, err := start(postrider.Config{Name: "till", Peers: map[string]string{"shop": shop.Addr().String()}})
	if err != nil {
		return "", err
	}
	defer till.Close()

	packed := make(chan struct{})
	err = shop.Handle(ctx, shop.Inbox(), func(ctx context.Context, m *postrider.Message) error {
		return shop.Mailbox("parcels").Send(ctx, m.Body) // ctx carries the trace on
	})
	if err != nil {
		return "", err
	}
	err = shop.Handle(ctx, shop.Mailbox("parcels"), func(context.Context, *postrider.Message) error {
		close(packed)
		return nil
	})
	if err != nil {
		return "", err
	}
	if err := till.Peer("shop").Send(ctx, "a lamp"); err != nil {
		return "", err
	}
	select {
	case <-packed:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	if err := shop.Shutdown(ctx); err != nil { // the handlers have returned, and their spans have ended
		return "", err
	}
	return spans.tree(trace.SpanID{}, 0), nil
}

// printer keeps the spans that have ended.
type printer struct {
	mu    sync.Mutex
	spans []sdk.ReadOnlySpan
}

// ExportSpans implements [sdk.SpanExporter].
func (p *printer) ExportSpans(_ context.Context, spans []sdk.ReadOnlySpan) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spans = append(p.spans, spans...)
	return nil
}

// Shutdown implements [sdk.SpanExporter].
func (p *printer) Shutdown(context.Context) error { return nil }

func (p *printer) tree(parent trace.SpanID, depth int) string {
	p.mu.Lock()
	all := p.spans
	p.mu.Unlock()
	var b strings.Builder
	for _, s := range all {
		if s.Parent().SpanID() == parent {
			fmt.Fprintf(&b, "%s%s\n%s", strings.Repeat("  ", depth), s.Name(), p.tree(s.SpanContext().SpanID(), depth+1))
		}
	}
	return b.String()
}
