package admin

import "net/http"

// guarded keeps browsers from what they are tricked into: requests that other sites make them send, and what is shown
// within other sites.
func guarded(h http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	return cross.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("X-Frame-Options", "DENY")
		header.Set("Referrer-Policy", "no-referrer")
		h.ServeHTTP(w, r)
	}))
}
