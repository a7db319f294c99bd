package main

import "testing"

func TestExchangesAndBindingsOfARunningBroker(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	serving(t, "--dir", dir)
	c := clerk{t, dir}
	c.doesWith(`{
		"vhosts": [{"name": "shop"}],
		"exchanges": [
			{"name": "prices", "vhost": "shop", "type": "topic", "durable": true, "auto_delete": false, "internal": false, "arguments": {"alternate-exchange": "lost"}},
			{"name": "by size", "vhost": "shop", "type": "headers", "durable": true, "auto_delete": true, "internal": true, "arguments": {}}],
		"queues": [{"name": "jobs", "vhost": "shop", "durable": true, "arguments": {}}],
		"bindings": [
			{"source": "prices", "vhost": "shop", "destination": "jobs", "destination_type": "queue", "routing_key": "eu.#", "arguments": {}},
			{"source": "prices", "vhost": "shop", "destination": "by size", "destination_type": "exchange", "routing_key": "", "arguments": {}},
			{"source": "by size", "vhost": "shop", "destination": "by size", "destination_type": "exchange", "routing_key": "", "arguments": {}},
			{"source": "by size", "vhost": "shop", "destination": "jobs", "destination_type": "queue", "routing_key": "",
				"arguments": {"x-match": "all", "order.kg": 1.5, "note": "", "exact": {"unit": "kg"}}}]
	}`, "definitions import").says(t, exitOK, "imported")
	c.must("policy set --vhost shop lost", "^by", `{"alternate-exchange": "lost"}`, "--apply-to", "exchanges")

	c.shows("exchange list --vhost shop",
		"shop amq.default direct yes no no",
		"shop amq.direct direct yes no no", "shop amq.fanout fanout yes no no", "shop amq.headers headers yes no no",
		"shop amq.match headers yes no no", "shop amq.topic topic yes no no",
		"shop by size headers yes yes yes lost",
		"shop prices topic yes no no alternate-exchange=lost")
	c.does("exchange list --all --json").says(t, exitOK, `"name":"by size","operator_policy":null,"policy":"lost"`)
	c.does("exchange list --vhost none").wants(t, exitFailed, "", "there is no virtual host none")

	toJobs := []string{`shop by size queue jobs exact={"unit":"kg"} note="" order.kg=1.5 x-match=all`, "shop prices eu.# queue jobs"}
	toExchanges := []string{"shop by size exchange by size", "shop prices exchange by size"}
	c.shows("queue bindings --vhost shop jobs", toJobs...)
	c.shows("exchange bindings --all", toExchanges[0], toJobs[0], toExchanges[1], toJobs[1])
	c.shows("exchange bindings --vhost shop prices", toExchanges[1], toJobs[1])
	c.does("exchange bindings --vhost shop", "by size").says(t, exitOK, "exchange  by size")
	c.shows("exchange bindings --vhost shop amq.default", "shop amq.default jobs queue jobs")
	c.shows("exchange bindings")
	c.does("exchange bindings --vhost shop --json prices").says(t, exitOK, `"routing_key":"eu.#"`)
	c.does("exchange bindings none").wants(t, exitFailed, "", "there is no exchange none in virtual host /")
	c.does("exchange bindings --vhost none").wants(t, exitFailed, "", "there is no virtual host none")
	c.does("queue bindings none").wants(t, exitFailed, "", "there is no queue none in virtual host /")

	c.does("exchange delete --vhost shop --if-unused prices").wants(t, exitFailed, "", "in use")
	c.must("exchange delete --vhost shop prices")
	c.does("exchange delete --vhost shop prices").wants(t, exitFailed, "", "there is no exchange prices in virtual host shop")
	c.does("exchange delete amq.topic").wants(t, exitFailed, "", "not allowed")
	c.shows("queue bindings --vhost shop jobs", toJobs[0])
}
