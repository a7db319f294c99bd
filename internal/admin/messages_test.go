package admin

import (
	"strings"
	"testing"

	"github.com/postrider-mq/postrider/internal/access"
	"github.com/postrider-mq/postrider/internal/core"
)

func (d *desk) publishes(status int, to, body string, parts ...string) {
	d.t.Helper()
	d.wants(status, "POST /api/exchanges/%2F/"+to+"/publish", body, parts...)
}

func (d *desk) gets(status int, body string, parts ...string) {
	d.t.Helper()
	d.wants(status, "POST /api/queues/%2F/q/get", body, parts...)
}

// The answers are RabbitMQ's, as a RabbitMQ 3.10.8 gave them.
func TestMessagesArePublishedAndTakenOut(t *testing.T) {
	d := newDesk(t)
	d.wants(201, "PUT /api/queues/%2F/q", "")
	d.publishes(200, "amq.default", `{"properties":{},"routing_key":"q","payload":"hello","payload_encoding":"string"}`, `{"routed":true}`)
	d.publishes(200, "amq.default", `{"properties":[],"routing_key":"none","payload":"","payload_encoding":"string"}`, `{"routed":false}`)
	const all = `{"delivery_mode":2,"headers":{"a":1,"b":"x","c":[1,2.5,true],"d":{"e":1}},"priority":3,"content_type":"text/plain","content_encoding":"gzip",` +
		`"correlation_id":"c","reply_to":"r","expiration":"60000","message_id":"m","timestamp":123,"type":"t","app_id":"a","cluster_id":"cl"}`
	d.publishes(200, "amq.default", `{"properties":`+all+`,"routing_key":"q","payload":"/wBoZQ==","payload_encoding":"base64"}`)

	const look = `{"count":5,"ackmode":"ack_requeue_true","encoding":"auto"`
	d.gets(200, look+`}`,
		`[{"payload_bytes":5,"redelivered":false,"exchange":"","routing_key":"q","message_count":1,"properties":[],"payload":"hello","payload_encoding":"string"},`,
		`"payload":"/wBoZQ==","payload_encoding":"base64"`, `"message_count":0`, `"headers":{"a":1,"b":"x","c":[1,2.5,true],"d":{"e":1}}`, `"delivery_mode":2`,
		`"priority":3`, `"content_type":"text/plain"`, `"content_encoding":"gzip"`, `"correlation_id":"c"`, `"reply_to":"r"`, `"expiration":"60000"`,
		`"message_id":"m"`, `"timestamp":123`, `"type":"t"`, `"app_id":"a"`, `"cluster_id":"cl"`)
	d.gets(200, look+`,"truncate":2}`, `"payload_bytes":5,"redelivered":true`, `"payload":"he"`, `"payload":"/wA="`)
	d.gets(200, `{"count":"1","ackmode":"reject_requeue_true","encoding":"base64"}`, `"payload":"aGVsbG8=","payload_encoding":"base64"}]`)
	d.gets(200, `{"count":0,"ackmode":"ack_requeue_false","encoding":"auto"}`, `[]`)
	d.wants(200, "GET /api/queues/%2F/q", "", `"messages_ready":2,"messages_unacknowledged":0`)
	d.gets(200, `{"count":1,"ackmode":"ack_requeue_false","encoding":"auto"}`, `"payload":"hello"`)
	d.gets(200, `{"count":9,"ackmode":"reject_requeue_false","encoding":"auto"}`, `"message_id":"m"`)
	d.gets(200, look+`}`, `[]`)
	d.wants(200, "GET /api/queues/%2F/q", "", `"messages_ready":0,"messages_unacknowledged":0`)
}

// Who asks for all of a long queue gets what one answer can have, and be they empty or cut short.
func TestOneAnswerHasOnlySoManyMessages(t *testing.T) {
	const most = maxGot / aroundGot
	d := newDesk(t)
	d.wants(201, "PUT /api/queues/%2F/q", "")
	v, _ := d.core.VHost("/")
	via := v.NewPublisher()
	err := v.Operator().Do(func(_ *core.Client, b *core.Burst) error {
		for range most + 10 {
			if _, err := via.Publish(b, core.NewMessage("", "q", []byte{0, 0}, []byte("cut short"))); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	body := d.ask("POST /api/queues/%2F/q/get", `{"count":1000000000,"ackmode":"ack_requeue_false","encoding":"auto","truncate":0}`).Body.String()
	if n := strings.Count(body, `"payload_bytes"`); n >= most || n < most/2 {
		t.Errorf("%d messages came at once, at most %d should", n, most)
	}
}

// What is refused is a dead letter.
func TestWhatIsRefusedIsDead(t *testing.T) {
	d := newDesk(t)
	d.wants(201, "PUT /api/queues/%2F/q", `{"arguments":{"x-dead-letter-exchange":"","x-dead-letter-routing-key":"dead"}}`)
	d.wants(201, "PUT /api/queues/%2F/dead", "")
	d.publishes(200, "amq.default", `{"properties":{},"routing_key":"q","payload":"hello","payload_encoding":"string"}`)
	d.gets(200, `{"count":9,"ackmode":"reject_requeue_false","encoding":"auto"}`, "hello")
	d.wants(200, "POST /api/queues/%2F/dead/get", `{"count":9,"ackmode":"ack_requeue_false","encoding":"auto"}`, "hello", `"reason":"rejected"`)
}

func TestMessagesThatAreAskedForWrongly(t *testing.T) {
	d := newDesk(t)
	d.wants(201, "PUT /api/queues/%2F/q", `{"arguments":{"x-max-length":0,"x-overflow":"reject-publish"}}`)
	d.publishes(400, "amq.default", ``, `[{key_missing,payload},{key_missing,payload_encoding},{key_missing,properties},{key_missing,routing_key}]`)
	d.publishes(400, "amq.default", `nojson`, "JSON")
	d.publishes(400, "amq.default", `{"properties":{},"routing_key":"q","payload":"x","payload_encoding":"string"}`, `"rejected"`)
	d.publishes(400, "none", `{"properties":{},"routing_key":"q","payload":"x","payload_encoding":"string"}`, "no exchange 'none' in vhost '/'")
	for properties, why := range map[string]string{
		`5`: "object", `[1]`: "object", `{"priority":"high"}`: "priority", `{"priority":300}`: "from 0 to 255", `{"delivery_mode":3}`: "from 1 to 2", `{"message_id":5}`: "message_id",
		`{"headers":[]}`: "headers", `{"expiration":"soon"}`: "invalid expiration 'soon'", `{"reply_to":"amq.rabbitmq.reply-to"}`: "fast reply consumer",
	} {
		d.publishes(400, "amq.default", `{"properties":`+properties+`,"routing_key":"q","payload":"x","payload_encoding":"string"}`, why)
	}
	d.publishes(400, "amq.default", `{"properties":{},"routing_key":"q","payload":"%%","payload_encoding":"base64"}`, "base64")
	d.publishes(400, "amq.default", `{"properties":{},"routing_key":"q","payload":"","payload_encoding":"hex"}`, "hex")
	d.wants(201, "PUT /api/exchanges/%2F/inner", `{"internal":true}`)
	d.publishes(400, "inner", `{"properties":{},"routing_key":"q","payload":"x","payload_encoding":"string"}`, "cannot publish to internal exchange 'inner'")

	d.gets(400, ``, `[{key_missing,ackmode},{key_missing,count},{key_missing,encoding}]`)
	d.gets(400, `{"count":1,"ackmode":"keep","encoding":"auto"}`, "keep")
	d.gets(400, `{"count":1,"ackmode":"ack_requeue_true","encoding":"hex"}`, "Please use auto or base64")
	d.gets(400, `{"count":"many","ackmode":"ack_requeue_true","encoding":"auto"}`, "many")
	d.gets(400, `{"count":-1,"ackmode":"ack_requeue_true","encoding":"auto"}`, "negative")
	d.wants(404, "POST /api/queues/%2F/none/get", `{"count":1,"ackmode":"ack_requeue_true","encoding":"auto"}`)
}

// Who publishes and takes messages out has to have the rights that he would need in AMQP, and says his own name.
func TestMessagesAreForWhoHasTheRight(t *testing.T) {
	d := newDesk(t)
	d.wants(201, "PUT /api/queues/%2F/q", "")
	name := "clerk"
	if _, err := d.users.Put(t.Context(), name, access.Change{Password: &name, Tags: &[]string{access.Management}}); err != nil {
		t.Fatal(err)
	}
	grant := func(write, read string) {
		d.t.Helper()
		d.as = ""
		d.wants(201, "PUT /api/permissions/%2F/clerk", `{"configure":"","write":"`+write+`","read":"`+read+`"}`)
		d.as = "clerk:clerk"
	}
	const message, look = `{"properties":{},"routing_key":"q","payload":"x","payload_encoding":"string"}`, `{"count":1,"ackmode":"ack_requeue_true","encoding":"auto"}`
	grant("^amq.topic$", "^none$")
	d.publishes(400, "amq.default", message, "access to exchange 'amq.default' in vhost '/' refused for user 'clerk'")
	d.gets(401, look, "access to queue 'q' in vhost '/' refused for user 'clerk'")
	d.wants(401, "GET /api/aliveness-test/%2F", "", "access to queue 'aliveness-test' in vhost '/' refused for user 'clerk'")
	d.publishes(200, "amq.topic", message, `{"routed":false}`)
	d.as = ""
	d.wants(201, "PUT /api/topic-permissions/%2F/clerk", `{"exchange":"amq.topic","write":"^mine","read":""}`)
	d.as = "clerk:clerk"
	d.publishes(400, "amq.topic", message, "access to topic 'q' in exchange 'amq.topic'")
	d.publishes(400, "amq.topic", `{"properties":{"user_id":"boss"},"routing_key":"mine","payload":"x","payload_encoding":"string"}`,
		"user_id property set to 'boss' but authenticated user was 'clerk'")
	d.publishes(400, "amq.topic", `{"properties":{"headers":{"BCC":["mine","q"]}},"routing_key":"mine","payload":"x","payload_encoding":"string"}`,
		"access to topic 'q' in exchange 'amq.topic'")
	d.as = ""
	d.wants(204, "PUT /api/permissions/%2F/clerk", `{"configure":"","write":"^q$","read":"^amq.topic$"}`)
	d.as = "clerk:clerk"
	d.wants(400, "POST /api/bindings/%2F/e/amq.topic/q/q", `{"routing_key":"#"}`, "access to topic '#' in exchange 'amq.topic' in vhost '/' refused for user 'clerk'")
}

// JSON takes many times as much memory when it is read: nobody has the broker read much of it without a right to what he asks for.
func TestWhatARequestBringsIsBounded(t *testing.T) {
	d := newDesk(t)
	many := "[" + strings.Repeat("[],", maxBody/3) + "[]]"
	d.wants(413, "PUT /api/queues/%2F/q", `{"arguments":{"a":`+many+`}}`, "the body is larger than 1048576 bytes")
	d.wants(413, "POST /api/exchanges/%2F/amq.default/publish", `{"properties":`+many+`,"routing_key":"q","payload":"x","payload_encoding":"string"}`,
		"the properties are larger than 1048576 bytes")
	d.wants(413, "POST /api/exchanges/%2F/amq.default/publish", `{"payload":"`+strings.Repeat("x", maxPublish)+`"}`, "the body is larger than 33554432 bytes")
	name := "clerk"
	if _, err := d.users.Put(t.Context(), name, access.Change{Password: &name, Tags: &[]string{access.Management}}); err != nil {
		t.Fatal(err)
	}
	d.wants(201, "PUT /api/permissions/%2F/clerk", `{"configure":"","write":"","read":""}`)
	d.as = "clerk:clerk"
	d.wants(400, "POST /api/exchanges/%2F/amq.default/publish", `{"payload":"`+strings.Repeat("x", maxPublish)+`"}`, "access to exchange 'amq.default' in vhost '/' refused")
}

// What is exclusive to a connection is no other user's, whatever rights he has: an administrator alone may end it.
func TestAnExclusiveQueueIsForItsOwnerAndAdministrators(t *testing.T) {
	d := newDesk(t)
	v, _ := d.core.VHost("/")
	owner := v.NewClient("its owner")
	var b core.Burst
	b.Begin(d.core.Now())
	if _, err := owner.DeclareQueue(t.Context(), &b, core.QueueSpec{Name: "q", Exclusive: true}); err != nil {
		t.Fatal(err)
	}
	b.End()
	name := "clerk"
	if _, err := d.users.Put(t.Context(), name, access.Change{Password: &name, Tags: &[]string{access.Management}}); err != nil {
		t.Fatal(err)
	}
	d.wants(201, "PUT /api/permissions/%2F/clerk", `{"configure":".*","write":".*","read":".*"}`)
	d.as = "clerk:clerk"
	const locked = "405 RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'q' in vhost '/'"
	d.wants(400, "DELETE /api/queues/%2F/q", "", locked)
	d.wants(400, "DELETE /api/queues/%2F/q/contents", "", locked)
	d.wants(400, "POST /api/queues/%2F/q/get", `{"count":1,"ackmode":"ack_requeue_true","encoding":"auto"}`, locked)
	d.wants(400, "POST /api/bindings/%2F/e/amq.topic/q/q", `{"routing_key":"#"}`, locked)
	d.as = ""
	d.wants(204, "DELETE /api/queues/%2F/q/contents", "")
	d.wants(204, "DELETE /api/queues/%2F/q", "")
}
