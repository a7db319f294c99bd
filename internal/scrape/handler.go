package scrape

import (
	"net/http"

	"github.com/postrider-mq/postrider/broker"
)

// Handler answers GET /metrics, with the figures of the Go runtime among them, and GET /metrics/per-object. It asks for
// no password: names of queues and how busy they are is what whoever reaches it sees.
func Handler(b *broker.Broker) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) { show(w, append(Gather(b, false), process()...)) })
	mux.HandleFunc("GET /metrics/per-object", func(w http.ResponseWriter, _ *http.Request) { show(w, Gather(b, true)) })
	return mux
}

// show writes a family at a time, so that thousands of queues need no buffer for all.
func show(w http.ResponseWriter, all []Family) {
	w.Header().Set("Content-Type", Format)
	var b []byte
	for i := range all {
		b = all[i].Append(b[:0])
		if _, err := w.Write(b); err != nil { // the client is gone
			return
		}
	}
}
