package main

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/postrider-mq/postrider/broker"
)

func TestHealthIsToldWithoutAPassword(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	runs(t, "health", "--dir", dir).wants(t, exitFailed, "", "no broker is running on "+dir)
	b, _ := serving(t, "--dir", dir, "--metrics", "127.0.0.1:0", "--log-format", "json")
	_, rest, _ := strings.Cut(b.stderr.await(t, b.ended, "metrics endpoint is ready"), `"address":"`)
	address, _, _ := strings.Cut(rest, `"`)
	for _, path := range []string{"/livez", "/readyz", "/healthz"} {
		answer, err := http.Get("http://" + address + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK || string(body) != "ok\n" {
			t.Errorf("%s: %s %s", path, answer.Status, body)
		}
	}
	runs(t, "health", "--dir", dir, "--alarms").wants(t, exitOK, "clients are served\n")
	runs(t, "health", "--dir", dir, "--json").wants(t, exitOK, `{"serving":true,"lowOnMemory":false,"lowOnDisk":false,"lowOnFiles":false}`+"\n")
}

func TestAnAlarmIsAFailureWhereThatIsAskedFor(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	serving(t, "--dir", dir, "--memory-mark", "64KiB")
	const said = "clients are served\npublishers wait: memory is low\n"
	runs(t, "health", "--dir", dir).wants(t, exitOK, said)
	runs(t, "health", "--dir", dir, "--alarms").wants(t, exitFailed, said)
}

func TestABrokerThatStartsIsAlive(t *testing.T) {
	ln := listening(t)
	f := &figures{ln: ln}
	wants := func(path string, status int, text string) {
		t.Helper()
		w := httptest.NewRecorder()
		f.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != status || !strings.Contains(w.Body.String(), text) {
			t.Errorf("%s: %d %q, want %d %q", path, w.Code, w.Body, status, text)
		}
	}
	wants("/livez", 200, "ok\n")
	for _, path := range []string{"/readyz", "/healthz", "/metrics"} {
		wants(path, 503, "the broker is starting\n")
	}
	b, err := broker.Open(broker.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	f.show(b)
	wants("/metrics", 200, "rabbitmq_connections")
	wants("/metrics/per-object", 200, "# HELP")
	for _, path := range []string{"/livez", "/readyz", "/healthz"} {
		wants(path, 200, "ok\n")
	}
	b.Close()
	wants("/livez", 200, "ok\n")
	wants("/readyz", 503, "shutting down\n")
}
