package admin

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/postrider-mq/postrider/internal/access"
	"github.com/postrider-mq/postrider/internal/definitions"
)

func TestPolicies(t *testing.T) {
	d := newDesk(t)
	d.wants(201, "PUT /api/vhosts/shop", "")
	const limit = `{"pattern":"^(?!amq\\.)","definition":{"max-length":5},"priority":7,"apply-to":"queues"}`
	d.wants(201, "PUT /api/policies/shop/limit", limit)
	d.wants(204, "PUT /api/policies/shop/limit", limit)
	d.wants(201, "PUT /api/policies/%2F/a%2Fb", `{"pattern":"","definition":{"message-ttl":1000}}`)
	d.wants(200, "GET /api/policies/shop/limit", "",
		`{"vhost":"shop","name":"limit","pattern":"^(?!amq\\.)","apply-to":"queues","definition":{"max-length":5},"priority":7}`)
	d.lists("GET /api/policies", "name", "a/b", "limit")
	d.lists("GET /api/policies/shop", "name", "limit")
	d.lists("GET /api/operator-policies", "name")
	d.wants(201, "PUT /api/queues/shop/q", "")
	d.wants(200, "GET /api/queues/shop/q", "", `"policy":"limit"`, `"effective_policy_definition":{"max-length":5}`)
	d.wants(201, "PUT /api/operator-policies/shop/cap", `{"pattern":"q","definition":{"max-length":3,"expires":1000000}}`)
	d.wants(200, "GET /api/queues/shop/q", "", `"policy":"limit"`, `"operator_policy":"cap"`,
		`"effective_policy_definition":{"expires":1000000,"max-length":3}`, `"arguments":{}`, `"effective_arguments":{"x-expires":1000000,"x-max-length":3}`)
	d.wants(201, "PUT /api/queues/shop/q2", `{"arguments":{"x-max-length":2,"x-queue-type":"classic"}}`)
	d.wants(200, "GET /api/queues/shop/q2", "", `"effective_arguments":{"x-expires":1000000,"x-max-length":2,"x-queue-type":"classic"}`)
	d.wants(400, "PUT /api/policies/shop/bad", `{"pattern":"(","definition":{"max-length":-1}}`,
		`"error":"bad_request"`, `Validation failed\n\n-1 is not a valid maximum length\npattern should be regular expression`,
		`"plain":"max-length is -1: want a whole number, 0 or more; the pattern `)
	d.wants(400, "PUT /api/policies/shop/bad", `{}`, `"reason":"[{key_missing,pattern},{key_missing,definition}]"`)
	d.wants(400, "PUT /api/policies/shop/bad", `[]`)
	d.wants(404, "PUT /api/policies/nowhere/p", limit)
	d.wants(204, "DELETE /api/policies/shop/limit", "")
	d.wants(404, "DELETE /api/policies/shop/limit", "")
	d.wants(404, "GET /api/policies/shop/limit", "")
	d.wants(200, "GET /api/queues/shop/q", "", `"policy":null`)
}

func TestWhoMayMakePolicies(t *testing.T) {
	d := newDesk(t)
	for name, tag := range map[string]string{"maker": access.PolicyMaker, "guide": access.Management, "root": access.Administrator} {
		tags, password := []string{tag}, "secret"
		if _, err := d.users.Put(context.Background(), name, access.Change{Tags: &tags, Password: &password}); err != nil {
			t.Fatal(err)
		}
		if err := d.users.SetPermission(context.Background(), access.Permission{User: name, VHost: "/", Configure: ".*", Write: ".*", Read: ".*"}); err != nil {
			t.Fatal(err)
		}
	}
	const policy = `{"pattern":"","definition":{"max-length":5}}`
	for _, c := range []struct {
		who                          string
		policy, operator, definition int
	}{{"guide", 401, 401, 401}, {"maker", 201, 401, 401}, {"root", 204, 201, 200}} {
		d.as = c.who + ":secret"
		d.wants(c.policy, "PUT /api/policies/%2F/p", policy)
		d.wants(c.operator, "PUT /api/operator-policies/%2F/p", policy)
		d.wants(c.definition, "GET /api/definitions", "")
	}
}

func TestParameters(t *testing.T) {
	d := newDesk(t)
	d.wants(201, "PUT /api/parameters/operator_policy/%2F/cap", `{"value":{"pattern":"","definition":{"max-length":5},"priority":0}}`)
	d.wants(400, "PUT /api/parameters/policy/%2F/p", `{"value":{}}`, "policies may not be set using this method")
	d.wants(400, "PUT /api/parameters/federation-upstream/%2F/p", `{"value":{}}`, "component federation-upstream not found")
	d.wants(400, "PUT /api/parameters/operator_policy/%2F/cap", `{"value":5}`)
	d.lists("GET /api/parameters", "name", "cap")
	d.lists("GET /api/parameters/operator_policy/%2F", "name", "cap")
	d.lists("GET /api/parameters/shovel", "name")
	d.wants(200, "GET /api/parameters/operator_policy/%2F/cap", "", `"component":"operator_policy"`, `"value":{"apply-to":"all"`)
	d.wants(204, "DELETE /api/parameters/operator_policy/%2F/cap", "")
	d.wants(404, "GET /api/parameters/operator_policy/%2F/cap", "")
	d.wants(404, "DELETE /api/parameters/shovel/%2F/cap", "")
	d.wants(201, "PUT /api/global-parameters/cluster", `{"value":{"name":"a"}}`)
	d.wants(204, "PUT /api/global-parameters/cluster", `{"value":"a"}`)
	d.wants(400, "PUT /api/global-parameters/cluster", `{}`)
	d.wants(200, "GET /api/global-parameters/cluster", "", `{"name":"cluster","value":"a"}`)
	d.lists("GET /api/global-parameters", "name", "cluster")
	d.wants(204, "DELETE /api/global-parameters/cluster", "")
	d.wants(404, "DELETE /api/global-parameters/cluster", "")
}

func TestDefinitions(t *testing.T) {
	d := newDesk(t)
	d.wants(204, "POST /api/definitions", `{"vhosts":[{"name":"shop"}],"queues":[{"name":"q","vhost":"shop","durable":true}]}`)
	d.wants(200, "GET /api/definitions", "", `"name":"q","vhost":"shop"`, `"rabbit_version":"3.10.8"`)
	copied := d.ask("GET /api/definitions/shop").Body.String()
	d.wants(204, "POST /api/definitions/%2F", copied)
	d.wants(200, "GET /api/queues/%2F/q", "")
	d.wants(400, "POST /api/definitions", `{"queues":[{"name":"q"}]}`, `queues[0] 'q': it does not say in which vhost it is`)
	d.wants(400, "POST /api/definitions", `{`, "failed_to_parse_json")
	d.wants(404, "POST /api/definitions/nowhere", `{}`)
}

// Whoever asks for lines hears how far an import is, and then what became of it.
func TestAnImportThatIsWatched(t *testing.T) {
	d := newDesk(t)
	body := `{"queues":[5` + strings.Repeat(`,{"name":"q","vhost":"/","durable":true}`, 600) + `]}`
	r := httptest.NewRequest("POST", "/api/definitions", strings.NewReader(body))
	r.Header.Set("Accept", lines)
	w := httptest.NewRecorder()
	d.admin.Local().ServeHTTP(w, r)
	var done []int
	var report *definitions.Report
	for scan := bufio.NewScanner(w.Body); scan.Scan(); {
		var l line
		if err := json.Unmarshal(scan.Bytes(), &l); err != nil {
			t.Fatal(err, scan.Text())
		}
		if l.Progress != nil {
			done = append(done, l.Progress.Done)
		}
		report = l.Report
	}
	if len(done) != 2 || done[0] != 500 || done[1] != 601 {
		t.Errorf("progress was %v", done)
	}
	if report == nil || len(report.Problems) != 1 || report.Imported["queues"] != 600 {
		t.Errorf("the report is %+v", report)
	}
}
