package interop

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/postrider-mq/postrider/interop/brokers"
)

// RabbitMQ's own tool, in each of its verbs but those for connections, which need one. What it prints is what it prints of RabbitMQ 3.10: with
// POSTRIDER_INTEROP_MANAGEMENT set to the host:port of one, it is asked.
func TestRabbitMQAdmin(t *testing.T) {
	tool, err := exec.LookPath("rabbitmqadmin")
	if err != nil {
		t.Skipf("NOTHING IS COMPARED: %v; interop/install.sh installs it", err)
	}
	management := os.Getenv("POSTRIDER_INTEROP_MANAGEMENT")
	if management == "" {
		_, management = brokers.ManagedPostrider(t)
	}
	host, port, err := net.SplitHostPort(management)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	run := func(command string) string {
		t.Helper()
		args := append([]string{"--host", host, "--port", port, "--format", "tsv"}, strings.Fields(command)...)
		out, err := exec.CommandContext(ctx, tool, args...).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v: %s", command, err, out)
		}
		return string(out)
	}
	payload, exported := filepath.Join(t.TempDir(), "payload"), filepath.Join(t.TempDir(), "definitions.json")
	for _, step := range [][2]string{
		{"declare vhost name=admins", "vhost declared"},
		{"declare user name=clerk password=c tags=monitoring", "user declared"},
		{"declare permission vhost=admins user=clerk configure=^c write=.* read=.*", "permission declared"},
		{"--vhost admins declare queue name=jobs durable=true auto_delete=false arguments={\"x-max-length\":5}", "queue declared"},
		{"--vhost admins declare queue name=left queue_type=quorum", "queue declared"},
		{"--vhost admins declare exchange name=news type=topic internal=false", "exchange declared"},
		{"--vhost admins declare binding source=news destination=jobs routing_key=job.#", "binding declared"},
		{"--vhost admins list bindings source destination routing_key", "source\tdestination\trouting_key\n\tjobs\tjobs\n\tleft\tleft\nnews\tjobs\tjob.#"},
		{"--vhost admins declare policy name=short pattern=^jobs$ definition={\"max-length\":3} priority=1 apply-to=queues", "policy declared"},
		{"--vhost admins list policies name pattern priority apply-to", "name\tpattern\tpriority\tapply-to\nshort\t^jobs$\t1\tqueues"},
		{"--vhost admins declare operator_policy name=shorter pattern=^jobs$ definition={\"max-length\":2}", "operator_policy declared"},
		{"declare vhost_limit vhost=admins name=max-queues value=10", "vhost_limit declared"},
		{"--vhost admins publish exchange=news routing_key=job.1 payload=hello properties={\"delivery_mode\":2}", "Message published"},
		{"--vhost admins publish exchange=news routing_key=other payload=hello", "Message published but NOT routed"},
		{"--vhost admins get queue=jobs count=3", "routing_key\texchange\tmessage_count\tpayload\tpayload_bytes\tpayload_encoding\tredelivered\n" +
			"job.1\tnews\t0\thello\t5\tstring\tFalse"},
		{"--vhost admins get queue=jobs ackmode=ack_requeue_false payload_file=" + payload, ""},
		{"--vhost admins purge queue name=jobs", "queue purged"},
		{"export " + exported, "Exported definitions for "},
		{"import " + exported, "Uploaded definitions from"},
		{"--vhost admins delete binding source=news destination_type=queue destination=jobs properties_key=job.%23", "binding deleted"},
		{"--vhost admins delete exchange name=news", "exchange deleted"},
		{"--vhost admins delete queue name=jobs", "queue deleted"},
		{"delete user name=clerk", "user deleted"},
		{"delete vhost name=admins", "vhost deleted"},
		{"list vhosts name", "name\n/"},
		{"show overview rabbitmq_version", "rabbitmq_version\n3.10.8"},
	} {
		if got := run(step[0]); !strings.HasPrefix(got, step[1]) {
			t.Errorf("%s: it prints %q, want %q", step[0], got, step[1])
		}
	}
	if text, err := os.ReadFile(payload); string(text) != "hello" || err != nil {
		t.Errorf("the payload is %q, %v", text, err)
	}
}
