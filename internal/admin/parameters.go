package admin

import (
	"encoding/json"

	"github.com/postrider-mq/postrider/internal/access"
	"github.com/postrider-mq/postrider/internal/core"
	"github.com/postrider-mq/postrider/internal/definitions"
)

var parameterRoutes = []endpoint{
	{"GET", "/api/parameters", need{tag: access.PolicyMaker}, listParameters},
	{"GET", "/api/parameters/{component}", need{tag: access.PolicyMaker}, listParameters},
	{"GET", "/api/parameters/{component}/{vhost}", policyMakers, listParameters},
	{"GET", "/api/parameters/{component}/{vhost}/{name}", policyMakers, getParameter},
	{"PUT", "/api/parameters/{component}/{vhost}/{name}", operators, putParameter},
	{"DELETE", "/api/parameters/{component}/{vhost}/{name}", operators, deleteParameter},
	{"GET", "/api/global-parameters", administrator, listGlobalParameters},
	{"GET", "/api/global-parameters/{name}", administrator, getGlobalParameter},
	{"PUT", "/api/global-parameters/{name}", administrator, putGlobalParameter},
	{"DELETE", "/api/global-parameters/{name}", administrator, deleteGlobalParameter},
}

func listParameters(r *request) (any, error) {
	return list(r.parameters()), nil
}

// parameters are those that the path means and the caller sees.
func (r *request) parameters() []definitions.Parameter {
	all := []definitions.Parameter{}
	component := r.PathValue("component")
	for _, v := range r.vhosts() {
		for _, p := range definitions.Parameters(v) {
			if component == "" || component == p.Component {
				all = append(all, p)
			}
		}
	}
	return all
}

func getParameter(r *request) (any, error) {
	for _, p := range r.parameters() {
		if p.Name == r.PathValue("name") {
			return p, nil
		}
	}
	return nil, errNotFound
}

// putParameter sets an operator policy. Others come with plugins, which are not
// here: RabbitMQ refuses them too where their plugin is not enabled.
func putParameter(r *request) (any, error) {
	component := r.PathValue("component")
	switch component {
	case string(core.OperatorPolicy):
	case string(core.UserPolicy):
		return nil, badRequest("policies may not be set using this method")
	default:
		return nil, badRequest("Validation failed\n\ncomponent %s not found\n", component)
	}
	v, err := r.vhost()
	if err != nil {
		return nil, err
	}
	body, err := r.object()
	if err != nil {
		return nil, err
	}
	term, ok := body["value"].(map[string]any)
	if !ok {
		return nil, badRequest(`"value" should be an object`)
	}
	had := v.Policy(core.OperatorPolicy, r.PathValue("name")) != nil
	return madeOr(!had, v.SetPolicy(r.Context(), core.OperatorPolicy, r.PathValue("name"), term))
}

func deleteParameter(r *request) (any, error) {
	v, err := r.vhost()
	if err != nil {
		return nil, err
	}
	component, name := r.PathValue("component"), r.PathValue("name")
	if component == string(core.OperatorPolicy) {
		return deletedOr(v.ClearPolicy(r.Context(), core.OperatorPolicy, name))
	}
	return deletedOr(definitions.ClearParameter(r.Context(), v, component, name))
}

func listGlobalParameters(r *request) (any, error) {
	return list(definitions.GlobalParameters(r.admin.core)), nil
}

func getGlobalParameter(r *request) (any, error) {
	for _, p := range definitions.GlobalParameters(r.admin.core) {
		if p.Name == r.PathValue("name") {
			return p, nil
		}
	}
	return nil, errNotFound
}

func putGlobalParameter(r *request) (any, error) {
	body, err := r.object()
	if err != nil {
		return nil, err
	}
	value, ok := body["value"]
	if !ok {
		return nil, badRequest(`"value" is missing`)
	}
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	_, err = getGlobalParameter(r)
	return madeOr(err != nil, definitions.SetGlobalParameter(r.Context(), r.admin.core, r.PathValue("name"), text))
}

func deleteGlobalParameter(r *request) (any, error) {
	return deletedOr(definitions.ClearGlobalParameter(r.Context(), r.admin.core, r.PathValue("name")))
}
