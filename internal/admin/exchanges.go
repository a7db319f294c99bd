package admin

import (
	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/access"
	"github.com/postrider-mq/postrider/internal/core"
	"github.com/postrider-mq/postrider/internal/route"
)

var exchangeRoutes = []endpoint{
	{"GET", "/api/exchanges", everyUser, listExchanges},
	{"GET", "/api/exchanges/{vhost}", inVHost, listExchanges},
	{"GET", "/api/exchanges/{vhost}/{exchange}", inVHost, getExchange},
	{"PUT", "/api/exchanges/{vhost}/{exchange}", inVHost, putExchange},
	{"DELETE", "/api/exchanges/{vhost}/{exchange}", inVHost, deleteExchange},
}

type exchangeJSON struct {
	Name       string         `json:"name"`
	VHost      string         `json:"vhost"`
	Type       string         `json:"type"`
	Durable    bool           `json:"durable"`
	AutoDelete bool           `json:"auto_delete"`
	Internal   bool           `json:"internal"`
	Arguments  map[string]any `json:"arguments"`
	policyNames
}

func exchangeOf(v *core.VHost, x route.Exchange) exchangeJSON {
	return exchangeJSON{x.Name, v.Name, string(x.Kind), x.Durable, x.AutoDelete, x.Internal, toJSON(x.Args), namesOf(v.ExchangePolicies(x.Name))}
}

func listExchanges(r *request) (any, error) {
	var all []exchangeJSON
	for _, v := range r.vhosts() {
		for _, x := range v.Exchanges() {
			all = append(all, exchangeOf(v, x))
		}
	}
	sortByName(all, func(x exchangeJSON) (string, string) { return x.VHost, x.Name })
	return list(all), nil
}

// exchangeName is the one in the path. The default exchange has a name there.
func (r *request) exchangeName(key string) string {
	if name := r.PathValue(key); name != "amq.default" {
		return name
	}
	return ""
}

func getExchange(r *request) (any, error) {
	v, err := r.vhost()
	if err != nil {
		return nil, err
	}
	for _, x := range v.Exchanges() {
		if x.Name == r.exchangeName("exchange") {
			return exchangeOf(v, x), nil
		}
	}
	return nil, errNotFound
}

func putExchange(r *request) (any, error) {
	want := struct {
		Type       string         `json:"type"`
		Durable    *truth         `json:"durable"`
		AutoDelete truth          `json:"auto_delete"`
		Internal   truth          `json:"internal"`
		Arguments  map[string]any `json:"arguments"`
	}{Type: "direct"}
	if err := r.decode(&want); err != nil {
		return nil, err
	}
	args, err := fromJSON(want.Arguments)
	if err != nil {
		return nil, err
	}
	if err := r.mayConfigure("exchange", r.exchangeName("exchange"), args, "alternate-exchange"); err != nil {
		return nil, err
	}
	v, err := r.vhost()
	if err != nil {
		return nil, err
	}
	_, had := v.NewClient("").Exchange(r.exchangeName("exchange"))
	return madeOr(!had, v.Operator().Do(func(c *core.Client, b *core.Burst) error {
		return c.DeclareExchange(r.Context(), b, route.Exchange{
			Name: r.exchangeName("exchange"), Kind: route.Kind(want.Type), Durable: want.Durable.or(true),
			AutoDelete: bool(want.AutoDelete), Internal: bool(want.Internal), Args: args,
		})
	}))
}

func deleteExchange(r *request) (any, error) {
	if _, err := getExchange(r); err != nil {
		return nil, err
	}
	if err := r.may(access.Configure, "exchange", r.exchangeName("exchange")); err != nil {
		return nil, err
	}
	v, err := r.vhost()
	if err != nil {
		return nil, err
	}
	return nil, v.Operator().Do(func(c *core.Client, b *core.Burst) error {
		return c.DeleteExchange(r.Context(), b, r.exchangeName("exchange"), r.URL.Query().Get("if-unused") == "true")
	})
}

// may asks for a right to a queue or an exchange of the virtual host in the path, as AMQP would. The owner has all.
func (r *request) may(right access.Right, kind, name string) error {
	if r.caller.local {
		return nil
	}
	if kind == "exchange" && name == "" {
		name = "amq.default"
	}
	permit := r.admin.users.Permit(r.caller.user, r.PathValue("vhost"))
	if permit.May(right, name) {
		return nil
	}
	return amqp.Errorf(amqp.AccessRefused, "access to %s '%s' in vhost '%s' refused for user '%s'", kind, name, permit.VHost, permit.User)
}

// mayConfigure asks for what a declaration needs, also of one whose argument forwards messages to another exchange.
func (r *request) mayConfigure(kind, name string, args amqp.Table, forward string) error {
	if err := r.may(access.Configure, kind, name); err != nil {
		return err
	}
	target, ok := args[forward].(string)
	if !ok {
		return nil
	}
	if err := r.may(access.Read, kind, name); err != nil {
		return err
	}
	return r.may(access.Write, "exchange", target)
}
