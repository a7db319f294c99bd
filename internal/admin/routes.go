package admin

import (
	"net/http"
	"slices"
	"sync"

	"github.com/postrider-mq/postrider/internal/access"
)

// An endpoint is one thing that can be asked. Everything that can is in endpoints.
type endpoint struct {
	method string
	path   string // as of http.ServeMux: {name} is one segment, unescaped
	need   need
	do     func(*request) (any, error)
}

// need is who may use a route.
type need struct {
	tag    string // of the user
	inHost bool   // and he must see the virtual host that {vhost} names, which must be there
}

// Who may use a route: by tag alone, or by tag and virtual host.
var (
	everyUser     = need{tag: access.Management}
	administrator = need{tag: access.Administrator}
	supervisor    = need{tag: access.Monitoring}
	inVHost       = need{tag: access.Management, inHost: true}
	policyMakers  = need{tag: access.PolicyMaker, inHost: true}
)

// endpoints are all, a file for each resource.
var endpoints = slices.Concat(
	overviewRoutes,
	nodeRoutes,
	vhostRoutes,
	userRoutes,
	permissionRoutes,
	topicPermissionRoutes,
	limitRoutes,
	vhostLimitRoutes,
	queueRoutes,
	exchangeRoutes,
	bindingRoutes,
	connectionRoutes,
	channelRoutes,
	consumerRoutes,
	policyRoutes,
	parameterRoutes,
	definitionRoutes,
	messageRoutes,
	healthRoutes,
)

// handler is the table as an HTTP handler, for callers that identify knows. It is made when somebody first asks: few do, and it is
// a tenth of the heap of a broker at rest.
func (a *Admin) handler(identify func(*http.Request) (caller, error)) http.Handler {
	mux := sync.OnceValue(func() http.Handler { return a.mux(identify) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { mux().ServeHTTP(w, r) })
}

func (a *Admin) mux(identify func(*http.Request) (caller, error)) http.Handler {
	mux := http.NewServeMux()
	for _, rt := range endpoints {
		mux.HandleFunc(rt.method+" "+rt.path, func(w http.ResponseWriter, r *http.Request) {
			showSlashes(r, rt.path)
			who, err := identify(r)
			if err != nil {
				a.fail(w, r, err)
				return
			}
			a.serve(w, &request{Request: r, admin: a, caller: who}, rt)
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if _, err := identify(r); err != nil {
			a.fail(w, r, err)
			return
		}
		a.fail(w, r, errNotFound)
	})
	return hideSlashes(mux)
}

func (a *Admin) serve(w http.ResponseWriter, r *request, rt endpoint) {
	answer, err := any(nil), r.authorize(rt.need)
	if err == nil {
		r.Body = http.MaxBytesReader(w, r.Body, rt.maxBody())
		answer, err = rt.do(r)
	}
	if err == nil {
		err = r.reply(w, answer)
	}
	if err != nil {
		a.fail(w, r.Request, err)
	}
}
