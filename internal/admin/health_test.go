package admin

import (
	"crypto/x509"
	"net"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"

	"github.com/postrider-mq/postrider/internal/core"
	"github.com/postrider-mq/postrider/internal/disk"
	"github.com/postrider-mq/postrider/internal/server"
)

func TestABrokerThatIsWell(t *testing.T) {
	d := newDesk(t)
	for _, check := range []string{
		"health/checks/alarms", "health/checks/local-alarms", "health/checks/virtual-hosts", "health/checks/is-in-service", "health/checks/ready-to-serve-clients",
		"health/checks/node-is-mirror-sync-critical", "health/checks/node-is-quorum-critical", "health/checks/certificate-expiration/1/years",
		"healthchecks/node", "healthchecks/node/desk",
	} {
		d.wants(200, "GET /api/"+check, "", `"status":"ok"`)
	}
	for range 2 { // the queue is there the second time
		d.wants(200, "GET /api/aliveness-test/%2F", "", `{"status":"ok"}`)
	}
	d.wants(200, "GET /api/queues/%2F/aliveness-test", "", `"messages":0`, `"durable":false`)
	d.wants(404, "GET /api/aliveness-test/none", "")
	d.wants(404, "GET /api/healthchecks/node/another", "")
	d.wants(404, "GET /api/health/checks/none", "")
	d.lists("GET /api/feature-flags", "state", "enabled", "enabled", "enabled", "enabled", "enabled", "enabled")
	d.wants(204, "PUT /api/feature-flags/quorum_queue/enable", "{}")
	d.wants(400, "PUT /api/feature-flags/stream_queue/enable", "{}", "unsupported")
}

func TestListenersAreChecked(t *testing.T) {
	d := newDesk(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- d.server.Serve(ln) }()
	d.server.Listens(server.Listener{
		Protocol: "https", Addr: &net.TCPAddr{IP: net.IPv6loopback, Port: 15671},
		Certificate: func() *x509.Certificate { return &x509.Certificate{NotAfter: time.Now().Add(20 * 24 * time.Hour)} },
	})
	for t.Context().Err() == nil && len(d.server.Listeners()) < 2 { // until the server has it
		runtime.Gosched()
	}
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	d.wants(200, "GET /api/health/checks/port-listener/"+port, "", `"port":`+port, `"status":"ok"`)
	d.wants(200, "GET /api/health/checks/port-listener/15671", "")
	d.wants(503, "GET /api/health/checks/port-listener/1", "", `"missing":1`, `"reason":"No active listener"`, `"status":"failed"`, `"ports":[`+port+`,15671]`)
	d.wants(400, "GET /api/health/checks/port-listener/abc", "", "Invalid port")
	for _, name := range []string{"amqp", "AMQP", "amqp091", "https"} {
		d.wants(200, "GET /api/health/checks/protocol-listener/"+name, "", `"protocol":"`)
	}
	d.wants(503, "GET /api/health/checks/protocol-listener/amqps", "", `"missing":"amqp/ssl"`, `"protocols":["amqp","https"]`)
	d.wants(503, "GET /api/health/checks/certificate-expiration/3/weeks", "", `"reason":"Certificates expiring"`, `"port":15671`, `"certfile_expires_on"`)
	d.wants(200, "GET /api/health/checks/certificate-expiration/2/weeks", "")
	d.wants(200, "GET /api/health/checks/certificate-expiration/1/day", "")
	d.wants(503, "GET /api/health/checks/certificate-expiration/1/months", "")
	d.wants(400, "GET /api/health/checks/certificate-expiration/1/moons", "", "Supported units")
	d.wants(400, "GET /api/health/checks/certificate-expiration/x/days", "", "Invalid expiration value")

	d.server.Close()
	<-served
	for _, check := range []string{"health/checks/is-in-service", "healthchecks/node"} {
		d.wants(503, "GET /api/"+check, "", "shutting down")
	}
	d.wants(503, "GET /api/health/checks/protocol-listener/amqp", "")
}

func TestAlarmsAreTold(t *testing.T) {
	d := newDeskOf(t, core.Config{FS: disk.OS(t.TempDir()), MinFree: 1 << 62})
	d.wants(503, "GET /api/health/checks/alarms", "",
		`"alarms":[{"node":"desk","resource":"disk"}]`, `"reason":"There are alarms in effect in the cluster"`, `"status":"failed"`)
	d.wants(503, "GET /api/health/checks/local-alarms", "", `"reason":"There are alarms in effect on the node"`)
	d.wants(503, "GET /api/healthchecks/node", "", "disk")
}

func TestProbesAskForNoPassword(t *testing.T) {
	d := newDesk(t)
	probe := func(path string, status int, text string) {
		t.Helper()
		w := httptest.NewRecorder()
		d.admin.Probes().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != status || w.Body.String() != text+"\n" {
			t.Errorf("%s: %d %q, want %d %q", path, w.Code, w.Body, status, text)
		}
	}
	for _, path := range []string{"/livez", "/readyz", "/healthz"} {
		probe(path, 200, "ok")
	}
	probe("/api/overview", 404, "404 page not found")
	d.server.Close()
	probe("/livez", 200, "ok")
	probe("/readyz", 503, "the broker is shutting down")
	probe("/healthz", 503, "the broker is shutting down")

	d = newDeskOf(t, core.Config{FS: disk.OS(t.TempDir()), MinFree: 1 << 62})
	probe("/readyz", 200, "ok") // consumers have to come, to end it
	probe("/healthz", 503, "publishers wait: low on disk")
	if why := d.admin.hindrance(); why != "it is low on disk" {
		t.Error("who publishes here is told:", why)
	}
}
