package admin

import (
	"fmt"
	"net/http"
	"strings"
)

// Probes tells whoever asks, without a password, how the broker is, in a word:
//
//	GET /livez    200: the process answers
//	GET /readyz   200: clients are served; 503: they are asked to go
//	GET /healthz  200: and publishers do not wait; 503: and why they do
//
// An alarm does not end readiness: those who consume are what ends an alarm, so they have to be let in.
func (a *Admin) Probes() http.Handler {
	mux := http.NewServeMux()
	for path, wrong := range map[string]func() string{
		"/livez": func() string { return "" }, "/readyz": a.unready, "/healthz": a.unwell,
	} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) { reportTo(w, wrong()) })
	}
	return mux
}

// reportTo answers what is wrong, or that nothing is.
func reportTo(w http.ResponseWriter, wrong string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if wrong == "" {
		wrong = "ok"
	} else {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	fmt.Fprintln(w, wrong)
}

// unready is why clients are not served; empty if they are.
func (a *Admin) unready() string {
	if a.server.InService() {
		return ""
	}
	return "the broker is shutting down"
}

// unwell is why clients are not served, or publishers wait; empty if neither is so.
func (a *Admin) unwell() string {
	if wrong := a.unready(); wrong != "" {
		return wrong
	}
	var low []string
	for _, alarm := range a.alarms() {
		low = append(low, alarm.Resource)
	}
	if low == nil {
		return ""
	}
	return "publishers wait: low on " + strings.Join(low, " and ")
}
