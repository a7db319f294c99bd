package admin

import (
	"github.com/postrider-mq/postrider/internal/core"
)

var vhostLimitRoutes = []endpoint{
	{"GET", "/api/vhost-limits", everyUser, listVHostLimits},
	{"GET", "/api/vhost-limits/{vhost}", inVHost, listVHostLimits},
	{"PUT", "/api/vhost-limits/{vhost}/{limit}", administrator, putVHostLimit},
	{"DELETE", "/api/vhost-limits/{vhost}/{limit}", administrator, deleteVHostLimit},
}

type vhostLimitsJSON struct {
	VHost string      `json:"vhost"`
	Value core.Limits `json:"value"`
}

func listVHostLimits(r *request) (any, error) {
	var all []vhostLimitsJSON
	for _, v := range r.vhosts() {
		if l := v.Limits(); l != (core.Limits{}) {
			all = append(all, vhostLimitsJSON{v.Name, l})
		}
	}
	return list(all), r.knowsBoth()
}

func putVHostLimit(r *request) (any, error) {
	value, err := r.limitValue()
	if err != nil {
		return nil, err
	}
	return nil, r.setVHostLimit(value)
}

func deleteVHostLimit(r *request) (any, error) { return nil, r.setVHostLimit(nil) }

func (r *request) setVHostLimit(value *int64) error {
	v, err := r.vhost()
	if err != nil {
		return err
	}
	limits := v.Limits()
	switch r.PathValue("limit") {
	case "max-connections":
		limits.MaxConnections = value
	case "max-queues":
		limits.MaxQueues = value
	default:
		return badRequest("a virtual host's limits are max-connections and max-queues")
	}
	return v.SetLimits(r.Context(), limits)
}
