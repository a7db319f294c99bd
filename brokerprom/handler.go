package brokerprom

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/expfmt"

	"github.com/postrider-mq/postrider/broker"
)

// Handler answers GET /metrics, with the figures of the Go runtime among them, and GET /metrics/per-object. It asks for
// no password: names of queues and how busy they are is what whoever reaches it sees.
func Handler(b *broker.Broker) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", exposed(New(b), collectors.NewGoCollector()))
	mux.Handle("GET /metrics/per-object", exposed(New(b, PerQueue())))
	return mux
}

// exposed shows what some collectors collect, in the format that the client prefers.
func exposed(list ...prometheus.Collector) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(list...)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		families, err := registry.Gather()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		format := expfmt.NegotiateAccept(r.Header, expfmt.DefaultAcceptedFormats()...)
		w.Header().Set("Content-Type", string(format))
		enc := expfmt.NewEncoder(w, format)
		for _, family := range families {
			if enc.Encode(family) != nil { // the client is gone
				return
			}
		}
		if c, ok := enc.(expfmt.Closer); ok {
			_ = c.Close() // likewise
		}
	})
}
