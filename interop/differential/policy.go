package differential

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Policy is what is asked of the management interface: a policy of users' or of
// operators', or, without a definition, its end.
type Policy struct {
	Operator   bool
	Name       string
	Definition string // JSON of all of it
}

func (p *Policy) path() string {
	if p.Operator {
		return "operator-policies"
	}
	return "policies"
}

func (p *Policy) String() string {
	if p.Definition == "" {
		return fmt.Sprintf("DELETE %s/%s", p.path(), p.Name)
	}
	return fmt.Sprintf("PUT %s/%s %s", p.path(), p.Name, p.Definition)
}

// manage asks it, and shows the answer.
func (w *world) manage(p *Policy) error {
	method := http.MethodPut
	if p.Definition == "" {
		method = http.MethodDelete
	}
	status, text, err := w.ask(method, p.path()+"/"+url.PathEscape(w.at.VHost)+"/"+url.PathEscape(p.Name), p.Definition)
	if err != nil {
		return err
	}
	w.policies[Policy{Operator: p.Operator, Name: p.Name}] = true
	w.showing.add("management", fmt.Sprintf("%d %s", status, reason(text)))
	return nil
}

func (w *world) ask(method, path, body string) (status int, text []byte, err error) {
	r, err := http.NewRequest(method, "http://"+w.at.Management+"/api/"+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.SetBasicAuth("guest", "guest")
	r.Header.Set("Content-Type", "application/json")
	answer, err := management.Do(r)
	if err != nil {
		return 0, nil, fmt.Errorf("%s: %w", w.at.Name, err)
	}
	defer answer.Body.Close()
	text, err = io.ReadAll(answer.Body)
	return answer.StatusCode, text, err
}

var management = &http.Client{Timeout: patience}

// reason is what an answer says, if it is no good one.
func reason(text []byte) string {
	var answer struct{ Error, Reason string }
	if len(bytes.TrimSpace(text)) == 0 || json.Unmarshal(text, &answer) != nil {
		return string(text)
	}
	return answer.Error + ": " + html.UnescapeString(answer.Reason) // RabbitMQ writes it for browsers
}

// clearPolicies ends what the program left.
func (w *world) clearPolicies() {
	for p := range maps.Keys(w.policies) {
		_ = w.manage(&p) // the next program shows what is left
	}
	delete(w.showing.places, "management")
}

// policy sets one of a few, or ends it. No two of them have one priority: which would hold is not defined.
func (g *generator) policy() Step {
	own := g.IntN(policyNames)
	p := &Policy{Operator: g.rarely(4), Name: fmt.Sprint("p", own)}
	if g.rarely(3) {
		return Step{Policy: p}
	}
	settings := policySettings
	if p.Operator {
		settings = operatorSettings
	}
	definition := g.arguments(settings, badSettings)
	term := map[string]any{
		"pattern": pick(g, []string{"^q[01]$", "^q", "", "^q2$", "^e", "nothing", "."}), "definition": map[string]any(definition),
		"priority": own + policyNames*g.IntN(3),
		"apply-to": pick(g, []string{"all", "all", "queues", "queues", "exchanges"}),
	}
	switch g.IntN(40) {
	case 0:
		term["pattern"] = "("
	case 1:
		term["priority"] = "high"
	case 2, 3:
		left := pick(g, []string{"pattern", "definition", "priority", "apply-to"})
		if left == "priority" && own != 0 { // that of p0 may be 0, as it is where none is said
			left = "apply-to"
		}
		delete(term, left)
	}
	text, err := json.Marshal(term)
	if err != nil {
		panic(err) // it is made of text and numbers
	}
	p.Definition = string(text)
	return Step{Policy: p}
}

const policyNames = 3

var operatorSettings = []argument{
	{"message-ttl", []any{0, 100000000}},
	{"expires", []any{100000000}},
	{"max-length", []any{0, 1, 2, 3}},
	{"max-length-bytes", []any{0, 3, 6}},
	{"delivery-limit", []any{0, 1, 2}},
}

var policySettings = slices.Concat(operatorSettings, []argument{
	{"dead-letter-exchange", []any{"", "e0", "amq.fanout", "missing"}},
	{"dead-letter-exchange", []any{""}},
	{"dead-letter-routing-key", []any{"q1", "q3", "a"}},
	{"overflow", []any{"drop-head", "reject-publish", "reject-publish-dlx"}},
	{"alternate-exchange", []any{"e0", "e1", "amq.fanout", "missing"}},
	{"queue-mode", []any{"lazy", "default"}},
})

var badSettings = []argument{
	{"message-ttl", []any{-1, "soon", 1.5}},
	{"expires", []any{0, "soon"}},
	{"max-length", []any{-1, "many"}},
	{"overflow", []any{"odd", 1}},
	{"dead-letter-exchange", []any{1}},
	{"delivery-limit", []any{"many"}},
	{"odd", []any{1}},
}
