package admin

import (
	"io"
	"net/http"
	"strings"

	"github.com/postrider-mq/postrider/internal/access"
	"github.com/postrider-mq/postrider/internal/core"
	"github.com/postrider-mq/postrider/internal/definitions"
	"github.com/postrider-mq/postrider/internal/policy"
)

// operators may set what no user's policy can exceed.
var operators = need{tag: access.Administrator, inHost: true}

var policyRoutes = []endpoint{
	{"GET", "/api/policies", need{tag: access.PolicyMaker}, policies(core.UserPolicy).list},
	{"GET", "/api/policies/{vhost}", policyMakers, policies(core.UserPolicy).list},
	{"GET", "/api/policies/{vhost}/{policy}", policyMakers, policies(core.UserPolicy).get},
	{"PUT", "/api/policies/{vhost}/{policy}", policyMakers, policies(core.UserPolicy).put},
	{"DELETE", "/api/policies/{vhost}/{policy}", policyMakers, policies(core.UserPolicy).delete},
	{"GET", "/api/operator-policies", need{tag: access.PolicyMaker}, policies(core.OperatorPolicy).list},
	{"GET", "/api/operator-policies/{vhost}", policyMakers, policies(core.OperatorPolicy).list},
	{"GET", "/api/operator-policies/{vhost}/{policy}", policyMakers, policies(core.OperatorPolicy).get},
	{"PUT", "/api/operator-policies/{vhost}/{policy}", operators, policies(core.OperatorPolicy).put},
	{"DELETE", "/api/operator-policies/{vhost}/{policy}", operators, policies(core.OperatorPolicy).delete},
}

// policies are the handlers for those of a kind.
type policies core.PolicyKind

func (kind policies) list(r *request) (any, error) {
	var all []definitions.Policy
	for _, v := range r.vhosts() {
		for _, p := range v.Policies(core.PolicyKind(kind)) {
			all = append(all, definitions.PolicyOf(v.Name, p))
		}
	}
	return list(all), nil
}

func (kind policies) get(r *request) (any, error) {
	v, err := r.vhost()
	if err != nil {
		return nil, err
	}
	p := v.Policy(core.PolicyKind(kind), r.PathValue("policy"))
	if p == nil {
		return nil, errNotFound
	}
	return definitions.PolicyOf(v.Name, p), nil
}

func (kind policies) put(r *request) (any, error) {
	v, err := r.vhost()
	if err != nil {
		return nil, err
	}
	body, err := r.object()
	if err != nil {
		return nil, err
	}
	if text := missingKeys(body, "pattern", "definition"); text != "" {
		return nil, badRequest("%s", text)
	}
	term := map[string]any{"priority": int64(0)}
	for _, key := range []string{"pattern", "definition", "priority", "apply-to"} {
		if value, ok := body[key]; ok && value != nil {
			term[key] = value
		}
	}
	name := r.PathValue("policy")
	had := v.Policy(core.PolicyKind(kind), name) != nil
	return madeOr(!had, v.SetPolicy(r.Context(), core.PolicyKind(kind), name, term))
}

// missingKeys says in RabbitMQ's words which of the keys are not there; "" if all are.
func missingKeys(body map[string]any, keys ...string) string {
	var missing []string
	for _, key := range keys {
		if _, ok := body[key]; !ok {
			missing = append(missing, "{key_missing,"+key+"}")
		}
	}
	if missing == nil {
		return ""
	}
	return "[" + strings.Join(missing, ",") + "]"
}

func (kind policies) delete(r *request) (any, error) {
	v, err := r.vhost()
	if err != nil {
		return nil, err
	}
	return deletedOr(v.ClearPolicy(r.Context(), core.PolicyKind(kind), r.PathValue("policy")))
}

// object reads the body, a JSON object whose whole numbers stay whole.
func (r *request) object() (map[string]any, error) {
	text, err := r.text()
	if err != nil {
		return nil, err
	}
	v, err := core.ParseJSON(text)
	object, ok := v.(map[string]any)
	if err != nil || !ok {
		return nil, badRequest("the body is not a JSON object")
	}
	return object, nil
}

// text reads the body.
func (r *request) text() ([]byte, error) {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, &problem{http.StatusRequestEntityTooLarge, "bad_request", err.Error()}
	}
	return text, nil
}

// policyNames are the policies that hold for a thing, and what they come to.
type policyNames struct {
	Policy     *string        `json:"policy"`
	Operator   *string        `json:"operator_policy"`
	Definition map[string]any `json:"effective_policy_definition"`
}

func namesOf(user, operator *policy.Policy) policyNames {
	n := policyNames{Definition: policy.Merge(user, operator)}
	if user != nil {
		n.Policy = &user.Name
	}
	if operator != nil {
		n.Operator = &operator.Name
	}
	if n.Definition == nil {
		n.Definition = map[string]any{}
	}
	return n
}
