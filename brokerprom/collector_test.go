package brokerprom_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/postrider-mq/postrider/broker"
	"github.com/postrider-mq/postrider/brokerprom"
)

func open(t *testing.T) *broker.Broker {
	t.Helper()
	b, err := broker.Open(broker.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func declare(t *testing.T, b *broker.Broker, name string) {
	t.Helper()
	c, err := b.Dial(broker.DialConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.DeclareQueue(t.Context(), broker.QueueOptions{Name: name}); err != nil {
		t.Fatal(err)
	}
}

func TestTheCollectorIsAsPrometheusWantsIt(t *testing.T) {
	t.Parallel()
	b := open(t)
	registry := func(c *brokerprom.Collector) *prometheus.Registry {
		r := prometheus.NewPedanticRegistry()
		if err := r.Register(c); err != nil {
			t.Fatal(err)
		}
		return r
	}
	all := []*prometheus.Registry{registry(brokerprom.New(b)), registry(brokerprom.New(b, brokerprom.PerQueue()))}
	declare(t, b, "q")
	for _, r := range all {
		problems, err := testutil.GatherAndLint(r)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range problems {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

// What is written without Prometheus's library is what it would write, as it reads it.
func TestTheTextSaysWhatTheCollectorSays(t *testing.T) {
	t.Parallel()
	b := open(t)
	declare(t, b, "a \"quoted\" \\ name")
	web := httptest.NewServer(brokerprom.Handler(b))
	t.Cleanup(web.Close)
	resp, err := http.Get(web.URL + "/metrics/per-object")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if format := expfmt.ResponseFormat(resp.Header); format.FormatType() != expfmt.TypeTextPlain {
		t.Errorf("the format is %q", resp.Header.Get("Content-Type"))
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	read, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(brokerprom.New(b, brokerprom.PerQueue()))
	collected, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if len(read) != len(collected) {
		t.Errorf("%d families are written, %d collected", len(read), len(collected))
	}
	for _, want := range collected {
		got := read[want.GetName()]
		switch {
		case got == nil:
			t.Errorf("%s is not written", want.GetName())
		case got.GetType() != want.GetType() || got.GetHelp() != want.GetHelp() || len(got.Metric) != len(want.Metric):
			t.Errorf("it is written as %v, collected as %v", got, want)
		case len(want.Metric) > 0 && len(got.Metric[0].Label) != len(want.Metric[0].Label):
			t.Errorf("it is written as %v, collected as %v", got, want)
		}
	}
}
