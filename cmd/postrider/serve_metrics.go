package main

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"

	"github.com/postrider-mq/postrider/broker"
	"github.com/postrider-mq/postrider/internal/scrape"
)

// figures is what --metrics shows without a password: how the broker is, from the beginning of the process on, and its figures as soon as
// it serves clients. A start reads a journal for as long as that is: whoever looks whether the process lives has to be answered meanwhile.
type figures struct {
	ln      net.Listener // nil: nothing is shown
	started atomic.Pointer[http.Handler]
}

func (o *serveOptions) serveMetrics(ctx context.Context, w *web) (*figures, error) {
	f := new(figures)
	if o.metrics == "" {
		return f, nil
	}
	var err error
	if f.ln, err = listen(ctx, "--metrics", o.metrics); err != nil {
		return nil, err
	}
	w.serve(f.ln, f)
	w.log.Info("metrics endpoint is ready", "address", f.ln.Addr().String(), "tls", false)
	return f, nil
}

// show says that b serves clients: they may come.
func (f *figures) show(b *broker.Broker) {
	if f.ln == nil {
		return
	}
	b.Listens(broker.Listener{Protocol: "http/prometheus", Addr: f.ln.Addr()})
	mux := http.NewServeMux()
	mux.Handle("/metrics", scrape.Handler(b))
	mux.Handle("/metrics/", scrape.Handler(b))
	mux.Handle("/", b.Health())
	h := http.Handler(mux)
	f.started.Store(&h)
}

func (f *figures) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch h := f.started.Load(); {
	case h != nil:
		(*h).ServeHTTP(w, r)
	case r.URL.Path == "/livez":
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("ok\n"))
	default:
		http.Error(w, "the broker is starting", http.StatusServiceUnavailable)
	}
}
