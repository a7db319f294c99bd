package admin

import (
	"net/http"
	"net/url"
	"strings"
)

// http.ServeMux takes a segment that is nothing but an escaped slash for the end of a path, and that is the name of the
// virtual host which everybody has. So it goes through the mux as a NUL, which no name contains.
const (
	slash     = "%2F"
	standIn   = "\x00"
	escapedIn = "%00"
)

// hideSlashes gives h paths that it understands; showSlashes undoes it for what comes out of them.
func hideSlashes(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		segments := strings.Split(r.URL.EscapedPath(), "/")
		hidden := false
		for i, s := range segments {
			if strings.EqualFold(s, slash) {
				segments[i], hidden = escapedIn, true
			}
		}
		if hidden {
			r = withPath(r, strings.Join(segments, "/"))
		}
		h.ServeHTTP(w, r)
	})
}

func withPath(r *http.Request, escaped string) *http.Request {
	path, err := url.PathUnescape(escaped)
	if err != nil { // it was taken from a URL that had been parsed
		return r
	}
	u := *r.URL
	u.Path, u.RawPath = path, escaped
	changed := *r
	changed.URL = &u
	return &changed
}

// showSlashes puts the slashes back into the values of an endpoint's path.
func showSlashes(r *http.Request, pattern string) {
	for part := range strings.SplitSeq(pattern, "{") {
		if name, _, ok := strings.Cut(part, "}"); ok && r.PathValue(name) == standIn {
			r.SetPathValue(name, "/")
		}
	}
}
