package scrape_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/broker"
	"github.com/postrider-mq/postrider/internal/scrape"
)

// scraped is a broker whose metrics are served over HTTP.
type scraped struct {
	*testing.T
	broker *broker.Broker
	conn   *broker.Conn
	url    string
}

func serve(t *testing.T, cfg broker.Config) *scraped {
	t.Helper()
	b, err := broker.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	c, err := b.Dial(broker.DialConfig{})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(scrape.Handler(b))
	t.Cleanup(web.Close)
	return &scraped{t, b, c, web.URL}
}

// get returns the series below path: each with its value.
func (s *scraped) get(path string) map[string]string {
	s.Helper()
	resp, err := http.Get(s.url + path)
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		s.Fatalf("%s: %s, %v: %s", path, resp.Status, err, body)
	}
	series := map[string]string{}
	for line := range strings.Lines(string(body)) {
		if at := strings.LastIndex(line, " "); !strings.HasPrefix(line, "#") && at > 0 {
			series[line[:at]] = strings.TrimSpace(line[at:])
		}
	}
	return series
}

// wants compares some series.
func (s *scraped) wants(path string, want map[string]string) {
	s.Helper()
	got := s.get(path)
	for name, value := range want {
		if got[name] != value {
			s.Errorf("%s: %s is %q, want %q", path, name, got[name], value)
		}
	}
}

func (s *scraped) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *scraped) declare(name string) {
	s.Helper()
	_, err := s.conn.DeclareQueue(s.Context(), broker.QueueOptions{Name: name, Durable: true})
	s.must(err)
}

// publish returns when the fate of the message is known.
func (s *scraped) publish(key string, mandatory bool) error {
	s.Helper()
	fate := make(fates, 1)
	s.must(s.conn.Publish(&broker.Publishing{Key: key, Mandatory: mandatory, Properties: amqp.Properties{DeliveryMode: amqp.Persistent}, Body: []byte("x")}, fate))
	select {
	case err := <-fate:
		return err
	case <-s.Context().Done():
		return context.Cause(s.Context())
	}
}

type fates chan error

func (f fates) Confirmed(err error) { f <- err }

const global = `rabbitmq_global_messages_%s_total{protocol="amqp091"}`

func TestAScrapeShowsWhatBecameOfMessages(t *testing.T) {
	t.Parallel()
	s := serve(t, broker.Config{Dir: t.TempDir(), Name: "ours"})
	s.declare("orders")
	s.declare("idle")
	for range 3 {
		s.must(s.publish("orders", false))
	}
	s.must(s.publish("nowhere", false))
	if err := s.publish("nowhere", true); err != broker.ErrUnroutable {
		t.Fatalf("a mandatory message that no queue takes: %v", err)
	}
	given := make(chan broker.Delivery, 2)
	_, err := s.conn.Consume(t.Context(), "orders", broker.ConsumeOptions{Prefetch: 1}, func(d broker.Delivery) { given <- d })
	s.must(err)
	s.wants("/metrics", map[string]string{
		"rabbitmq_queues":                                                      "2",
		"rabbitmq_queue_messages":                                              "3",
		"rabbitmq_queue_messages_ready":                                        "2",
		"rabbitmq_queue_messages_unacked":                                      "1",
		"rabbitmq_connections":                                                 "0",
		fmt.Sprintf(global, "received"):                                        "5",
		fmt.Sprintf(global, "confirmed"):                                       "4",
		fmt.Sprintf(global, "routed"):                                          "3",
		fmt.Sprintf(global, "unroutable_dropped"):                              "1",
		fmt.Sprintf(global, "unroutable_returned"):                             "1",
		fmt.Sprintf(global, "delivered_consume_manual_ack"):                    "1",
		fmt.Sprintf(global, "acknowledged"):                                    "0",
		"rabbitmq_alarms_memory_used_watermark":                                "0",
		"rabbitmq_alarms_free_disk_space_watermark":                            "0",
		`rabbitmq_identity_info{rabbitmq_cluster="ours",rabbitmq_node="ours"}`: "1",
		"postrider_journal_segments":                                           "1",
		"postrider_journal_quarantined_records_total":                          "0",
		"postrider_paged_messages":                                             "0",
		`postrider_journal_sync_seconds_bucket{le="+Inf"}`:                     s.get("/metrics")["postrider_journal_sync_seconds_count"],
	})
	if n := s.get("/metrics")["postrider_journal_sync_seconds_count"]; n == "0" || n == "" {
		t.Errorf("%q syncs after a confirm", n)
	}
	s.must((<-given).Ack())
	s.wants("/metrics", map[string]string{
		fmt.Sprintf(global, "acknowledged"): "1", fmt.Sprintf(global, "delivered"): "2",
		"rabbitmq_queue_messages": "2", "rabbitmq_queue_messages_ready": "1",
	})
	s.wants("/metrics/per-object", map[string]string{
		`rabbitmq_queue_messages_ready{queue="orders",vhost="/"}`: "1",
		`rabbitmq_queue_messages_ready{queue="idle",vhost="/"}`:   "0",
	})
}

func TestQueuesBeyondTheBoundAreSummed(t *testing.T) {
	t.Parallel()
	s := serve(t, broker.Config{})
	const more = 3
	for i := range scrape.MaxQueues + more {
		name := fmt.Sprint("q", i)
		s.declare(name)
		s.must(s.publish(name, false))
	}
	series, ready := s.get("/metrics/per-object"), 0
	for name := range series {
		if strings.HasPrefix(name, "rabbitmq_queue_messages_ready{") {
			ready++
		}
	}
	if ready != scrape.MaxQueues+1 {
		t.Errorf("%d series, want one for each of %d queues and one for the others", ready, scrape.MaxQueues)
	}
	if n := series[`rabbitmq_queue_messages_ready{queue="(others)",vhost=""}`]; n != fmt.Sprint(more) {
		t.Errorf("the other queues have %q messages, want %d", n, more)
	}
}

func TestTheGoRuntimeIsAmongTheFigures(t *testing.T) {
	t.Parallel()
	got := serve(t, broker.Config{}).get("/metrics")
	for _, name := range []string{"go_goroutines", "go_threads", "go_memstats_heap_inuse_bytes", fmt.Sprintf("go_info{version=%q}", runtime.Version())} {
		if n := got[name]; n == "" || n == "0" {
			t.Errorf("%s is %q", name, n)
		}
	}
	if got["go_gc_duration_seconds_count"] == "" {
		t.Error("there is nothing of the garbage collector")
	}
}

func TestNoNameOfAQueueBreaksTheText(t *testing.T) {
	t.Parallel()
	s := serve(t, broker.Config{})
	s.declare("a \"b\" \\ c} 1")
	s.wants("/metrics/per-object", map[string]string{`rabbitmq_queue_messages{queue="a \"b\" \\ c} 1",vhost="/"}`: "0"})
}
