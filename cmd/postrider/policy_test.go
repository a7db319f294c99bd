package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/postrider-mq/postrider/amqp"
)

// says checks the exit code and that stdout contains a part.
func (o outcome) says(t *testing.T, code int, part string, stderr ...string) {
	t.Helper()
	if !strings.Contains(o.stdout, part) {
		t.Errorf("stdout does not contain %q:\n%s", part, o.stdout)
	}
	o.stdout = ""
	o.wants(t, code, "", stderr...)
}

func TestPoliciesOfARunningBroker(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	serving(t, "--dir", dir)
	c := clerk{t, dir}
	c.must("policy set short", `^(?!dead)`, `{"max-length": 2}`, "--apply-to", "queues", "--priority", "5")
	c.must("policy set all", "", `{"message-ttl": 3600000}`)
	c.must("policy set --operator cap", "", `{"max-length": 100000}`)
	c.shows("policy list",
		`all all 0 {"message-ttl":3600000}`,
		`short ^(?!dead) queues 5 {"max-length":2}`)
	c.shows("policy list --operator", `cap all 0 {"max-length":100000}`)
	c.does("policy list --json").says(t, exitOK, `"definition":{"message-ttl":3600000}`)
	c.does("policy set bad", "(", `{"max-length": -1}`).
		wants(t, exitFailed, "", `max-length is -1: want a whole number, 0 or more; the pattern "(" is no regular expression: missing ), at byte 1`)
	c.does("policy set bad", ".*", "max-length=1").wants(t, exitUsage, "", "is not JSON")
	c.does("policy set --vhost shop short", ".*", `{"max-length": 2}`).wants(t, exitFailed, "", "no virtual host shop")
	c.does("policy set mirrored", "^none$", `{"ha-mode": "all"}`).wants(t, exitOK, "", "note: settings without effect here: ha-mode")
	c.must("policy clear mirrored")
	c.must("policy clear short")
	c.does("policy clear short").wants(t, exitFailed, "", "no policy short")
	c.shows("policy list", `all all 0 {"message-ttl":3600000}`)
}

func TestQueuesAreListedWithTheirPoliciesAndWhatTheyLiveBy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, url := serving(t, "--dir", dir)
	app := newApplication(t, url)
	app.declares("events.a", amqp.Table{"x-max-length": 5, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "lost"})
	app.declares("plain", nil)
	app.declares("safe", amqp.Table{"x-queue-type": "quorum"})
	c := clerk{t, dir}
	c.must("policy set short", "^events", `{"max-length": 10, "message-ttl": 3600000}`, "--apply-to", "queues")
	c.must("policy set --operator cap", "^(events|safe)", `{"max-length-bytes": 100000}`)
	c.shows("queue list",
		`/ events.a classic yes 0 0 0 short+cap dead-letter-exchange="" dead-letter-routing-key=lost max-length=5 max-length-bytes=100000 message-ttl=3600000`,
		"/ plain classic yes 0 0 0",
		"/ safe quorum yes 0 0 0 +cap max-length-bytes=100000")
	c.does("queue list --json").says(t, exitOK, `"operator_policy":"cap"`)
}

func TestDefinitionsOfARunningBroker(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, _ := serving(t, "--dir", dir)
	c := clerk{t, dir}
	file := filepath.Join(t.TempDir(), "broker.json")
	c.doesWith(`{"vhosts":[{"name":"shop"}],"colour":"red","queues":[{"name":"q","vhost":"shop","durable":true}],
		"policies":[{"vhost":"shop","name":"short","pattern":"","definition":{"max-length":1,"ha-mode":"all"}}]}`,
		"definitions import -").says(t, exitOK, "imported policies: 1, queues: 1, vhosts: 1",
		"note: policies[0] 'short' in vhost 'shop': settings without effect here: ha-mode", "note: colour: it has no meaning here")
	c.must("definitions export", file)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info, err)
	}
	c.does("definitions import", file).says(t, exitOK, "queues: 1", "settings without effect")
	c.does("definitions import --json", file).says(t, exitOK, `"problems":[]`)
	c.does("definitions export --vhost shop").says(t, exitOK, `"name": "q"`)
	c.does("definitions export --vhost none").wants(t, exitFailed, "", "no virtual host none")
	c.doesWith(`{"queues":[{"name":"q","vhost":"none","durable":true}]}`, "definitions import").
		says(t, exitFailed, "imported nothing", "problem: queues[0] 'q' in vhost 'none': there is no vhost 'none'")
	c.doesWith(`queues`, "definitions import").wants(t, exitFailed, "", "failed_to_parse_json")

	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	b.stop()
	again := t.TempDir()
	for range 2 { // at each start
		b, _ = serving(t, "--dir", again, "--definitions", file)
		clerk{t, again}.shows("vhost list", "/ 0", "shop 0")
		clerk{t, again}.shows("policy list --vhost shop", `short all 0 {"ha-mode":"all","max-length":1}`)
		if got := (clerk{t, again}).does("definitions export"); got.stdout != string(text) {
			t.Errorf("exported\n%s\nwant\n%s", got.stdout, text)
		}
		b.stop()
	}
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(string(text), `"shop"`, "5")), 0o600); err != nil {
		t.Fatal(err)
	}
	runWith(t, "", nil, "serve", "--listen", "127.0.0.1:0", "--dir", again, "--definitions", file).
		wants(t, exitFailed, "", `"name" should be a text`, "of which the first is")
}
