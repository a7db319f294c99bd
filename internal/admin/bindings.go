package admin

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/access"
	"github.com/postrider-mq/postrider/internal/core"
	"github.com/postrider-mq/postrider/internal/route"
)

var bindingRoutes = []endpoint{
	{"GET", "/api/bindings", everyUser, listBindings},
	{"GET", "/api/bindings/{vhost}", inVHost, listBindings},
	{"GET", "/api/queues/{vhost}/{queue}/bindings", inVHost, listBindings},
	{"GET", "/api/exchanges/{vhost}/{exchange}/bindings/source", inVHost, listBindings},
	{"GET", "/api/exchanges/{vhost}/{exchange}/bindings/destination", inVHost, listBindings},
	{"GET", "/api/bindings/{vhost}/e/{source}/{kind}/{destination}", inVHost, listBindings},
	{"POST", "/api/bindings/{vhost}/e/{source}/{kind}/{destination}", inVHost, postBinding},
	{"GET", "/api/bindings/{vhost}/e/{source}/{kind}/{destination}/{props}", inVHost, getBinding},
	{"DELETE", "/api/bindings/{vhost}/e/{source}/{kind}/{destination}/{props}", inVHost, deleteBinding},
}

type bindingJSON struct {
	Source          string         `json:"source"`
	VHost           string         `json:"vhost"`
	Destination     string         `json:"destination"`
	DestinationType string         `json:"destination_type"`
	RoutingKey      string         `json:"routing_key"`
	Arguments       map[string]any `json:"arguments"`
	PropertiesKey   string         `json:"properties_key"`
}

func bindingOf(v *core.VHost, b route.Binding) bindingJSON {
	kind := "exchange"
	if b.ToQueue {
		kind = "queue"
	}
	return bindingJSON{b.Source, v.Name, b.Destination, kind, b.Key, toJSON(b.Args), propertiesKey(b)}
}

// propertiesKey names a binding among those between the same two ends: by its routing key, and a digest of its
// arguments if it has any.
func propertiesKey(b route.Binding) string {
	if len(b.Args) == 0 {
		if b.Key == "" {
			return "~"
		}
		return url.QueryEscape(b.Key)
	}
	args, _ := json.Marshal(toJSON(b.Args)) // keys are sorted
	sum := sha256.Sum256(args)
	return url.QueryEscape(b.Key) + "~" + hex.EncodeToString(sum[:8])
}

// all are the bindings of a virtual host, with those that every queue has to the default exchange.
func allBindings(v *core.VHost) []route.Binding {
	all := v.Bindings()
	for _, q := range v.AllQueues() {
		all = append(all, route.Binding{Destination: q.Name, ToQueue: true, Key: q.Name})
	}
	return all
}

func listBindings(r *request) (any, error) {
	if name := r.PathValue("queue"); name != "" {
		if _, _, err := r.queue(); err != nil {
			return nil, err
		}
	}
	var all []boundIn
	for _, v := range r.vhosts() { // by name
		first := len(all)
		for _, b := range allBindings(v) {
			if r.chooses(b) {
				all = append(all, boundIn{v, b})
			}
		}
		slices.SortFunc(all[first:], func(a, b boundIn) int { return compareBindings(&a.Binding, &b.Binding) })
	}
	return listOf(all, func(b boundIn, _ columns) bindingJSON { return bindingOf(b.vhost, b.Binding) }), nil
}

// boundIn is a binding of a virtual host.
type boundIn struct {
	vhost *core.VHost
	route.Binding
}

// compareBindings orders by what a binding connects, and then by its properties' key, which costs something.
func compareBindings(a, b *route.Binding) int {
	if order := cmp.Or(strings.Compare(a.Source, b.Source), compareFlags(a.ToQueue, b.ToQueue), strings.Compare(a.Destination, b.Destination)); order != 0 {
		return order
	}
	if len(a.Args) == 0 && len(b.Args) == 0 {
		return strings.Compare(a.Key, b.Key)
	}
	return strings.Compare(propertiesKey(*a), propertiesKey(*b))
}

// compareFlags has what is not so before what is.
func compareFlags(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// chooses says whether a binding is one that the path asks for.
func (r *request) chooses(b route.Binding) bool {
	if name := r.PathValue("queue"); name != "" {
		return b.ToQueue && b.Destination == name
	}
	if r.PathValue("exchange") != "" {
		name := r.exchangeName("exchange")
		if r.Pattern[len(r.Pattern)-len("source"):] == "source" {
			return b.Source == name
		}
		return !b.ToQueue && b.Destination == name
	}
	if r.PathValue("source") == "" {
		return true
	}
	return b.Source == r.exchangeName("source") && b.Destination == r.PathValue("destination") && b.ToQueue == (r.PathValue("kind") == "q")
}

func postBinding(r *request) (any, error) {
	var want struct {
		RoutingKey string         `json:"routing_key"`
		Arguments  map[string]any `json:"arguments"`
	}
	if err := r.decode(&want); err != nil {
		return nil, err
	}
	args, err := fromJSON(want.Arguments)
	if err != nil {
		return nil, err
	}
	return created{}, r.rebind(want.RoutingKey, args, (*core.Client).Bind)
}

// bindingKind checks {kind} of the path.
func (r *request) bindingKind() (kind string, err error) {
	switch r.PathValue("kind") {
	case "q":
		return "queue", nil
	case "e":
		return "exchange", nil
	}
	return "", &problem{http.StatusNotFound, "Object Not Found", "want e/…/q/… or e/…/e/…"}
}

// rebind adds or removes the binding between the ends in the path.
func (r *request) rebind(key string, args amqp.Table, how changeBinding) error {
	kind, err := r.bindingKind()
	if err != nil {
		return err
	}
	source, destination := r.exchangeName("source"), r.PathValue("destination")
	if err := r.may(access.Write, kind, destination); err != nil {
		return err
	}
	if err := r.may(access.Read, "exchange", source); err != nil {
		return err
	}
	v, err := r.vhost()
	if err != nil {
		return err
	}
	if err := r.mayTopic(v, access.Read, source, key); err != nil {
		return err
	}
	return v.Operator().Do(func(c *core.Client, b *core.Burst) error {
		return how(c, r.Context(), b, route.Binding{Source: source, Destination: destination, ToQueue: kind == "queue", Key: key, Args: args})
	})
}

// binding finds the one that the path names. Errors: 404.
func (r *request) binding() (v *core.VHost, b route.Binding, err error) {
	if v, err = r.vhost(); err != nil {
		return nil, b, err
	}
	for _, b := range allBindings(v) {
		if r.chooses(b) && (propertiesKey(b) == r.PathValue("props") || len(b.Args) == 0 && b.Key == r.PathValue("props")) {
			return v, b, nil
		}
	}
	return nil, b, errNotFound
}

func getBinding(r *request) (any, error) {
	v, b, err := r.binding()
	if err != nil {
		return nil, err
	}
	return bindingOf(v, b), nil
}

func deleteBinding(r *request) (any, error) {
	_, b, err := r.binding()
	if err != nil {
		return nil, err
	}
	return nil, r.rebind(b.Key, b.Args, (*core.Client).Unbind)
}

// changeBinding is Client.Bind or Client.Unbind.
type changeBinding func(*core.Client, context.Context, *core.Burst, route.Binding) error
