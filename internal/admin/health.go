package admin

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/postrider-mq/postrider/internal/access"
	"github.com/postrider-mq/postrider/internal/core"
	"github.com/postrider-mq/postrider/internal/server"
)

// Health checks answer 200 and "ok", or 503 and why not, for whoever looks after many brokers.
var healthRoutes = []endpoint{
	{"GET", "/api/health/checks/alarms", everyUser, checkAlarms("There are alarms in effect in the cluster")},
	{"GET", "/api/health/checks/local-alarms", everyUser, checkAlarms("There are alarms in effect on the node")},
	{"GET", "/api/health/checks/certificate-expiration/{within}/{unit}", everyUser, checkCertificates},
	{"GET", "/api/health/checks/port-listener/{port}", everyUser, checkPort},
	{"GET", "/api/health/checks/protocol-listener/{protocol}", everyUser, checkProtocol},
	{"GET", "/api/health/checks/virtual-hosts", everyUser, fine},
	{"GET", "/api/health/checks/node-is-mirror-sync-critical", everyUser, alone},
	{"GET", "/api/health/checks/node-is-quorum-critical", everyUser, alone},
	{"GET", "/api/health/checks/is-in-service", everyUser, checkService}, // this one and the next are of later RabbitMQs
	{"GET", "/api/health/checks/ready-to-serve-clients", everyUser, checkService},
	{"GET", "/api/healthchecks/node", everyUser, checkNode},
	{"GET", "/api/healthchecks/node/{node}", everyUser, checkNode},
	{"GET", "/api/aliveness-test/{vhost}", inVHost, testAliveness},
}

// health is the answer of a check; more is what else it tells.
func health(more map[string]any) map[string]any {
	more["status"] = "ok"
	return more
}

// unwell is the answer of a check that failed.
type unwell map[string]any

func failed(reason string, more map[string]any) (any, error) {
	more["status"], more["reason"] = "failed", reason
	return unwell(more), nil
}

// fine is a check of what is always so in a broker that answers.
func fine(*request) (any, error) { return health(map[string]any{}), nil }

func alone(*request) (any, error) {
	return health(map[string]any{"reason": "single node cluster"}), nil
}

type alarmJSON struct {
	Node     string `json:"node"`
	Resource string `json:"resource"`
}

func (a *Admin) alarms() (all []alarmJSON) {
	short := a.core.Shortage()
	if short&core.LowOnMemory != 0 {
		all = append(all, alarmJSON{a.node, "memory"})
	}
	if short&core.LowOnDisk != 0 {
		all = append(all, alarmJSON{a.node, "disk"})
	}
	if short&core.LowOnFiles != 0 {
		all = append(all, alarmJSON{a.node, "file_descriptor_limit"})
	}
	return all
}

func checkAlarms(reason string) func(*request) (any, error) {
	return func(r *request) (any, error) {
		if alarms := r.admin.alarms(); alarms != nil {
			return failed(reason, map[string]any{"alarms": alarms})
		}
		return fine(r)
	}
}

func checkNode(r *request) (any, error) {
	if node := r.PathValue("node"); node != "" && node != r.admin.node {
		return nil, errNotFound
	}
	if alarms := r.admin.alarms(); alarms != nil {
		return failed(fmt.Sprintf("resource alarm(s) in effect: %v", alarms), map[string]any{})
	}
	return checkService(r)
}

func checkService(r *request) (any, error) {
	if !r.admin.server.InService() {
		return failed("the broker is shutting down", map[string]any{})
	}
	return fine(r)
}

func checkPort(r *request) (any, error) {
	port, err := strconv.Atoi(r.PathValue("port"))
	if err != nil {
		return nil, badRequest("Invalid port")
	}
	ports := []int{}
	for _, l := range r.admin.server.Listeners() {
		_, open := hostPort(l.Addr)
		ports = append(ports, int(open))
	}
	if !slices.Contains(ports, port) {
		return failed("No active listener", map[string]any{"missing": port, "ports": ports})
	}
	return health(map[string]any{"port": port}), nil
}

// protocolNames are what else protocols are called by who asks for them.
var protocolNames = map[string]string{
	"amqp091": "amqp", "amqp0.9.1": "amqp", "amqp0-9-1": "amqp",
	"amqps": "amqp/ssl", "amqp/tls": "amqp/ssl", "prometheus": "http/prometheus",
}

func checkProtocol(r *request) (any, error) {
	want := strings.ToLower(r.PathValue("protocol"))
	want = cmp.Or(protocolNames[want], want)
	protocols := []string{}
	for _, l := range r.admin.server.Listeners() {
		protocols = append(protocols, l.Protocol)
	}
	if protocols = slices.Compact(protocols); !slices.Contains(protocols, want) {
		return failed("No active listener", map[string]any{"missing": want, "protocols": protocols})
	}
	return health(map[string]any{"protocol": want}), nil
}

type expiringJSON struct {
	Node      string   `json:"node"`
	Protocol  string   `json:"protocol"`
	Interface string   `json:"interface"`
	Port      uint16   `json:"port"`
	Expires   []string `json:"certfile_expires_on"`
}

func checkCertificates(r *request) (any, error) {
	within, err := strconv.Atoi(r.PathValue("within"))
	if err != nil {
		return nil, badRequest("Invalid expiration value.")
	}
	until := time.Now()
	switch strings.TrimSuffix(strings.ToLower(r.PathValue("unit")), "s") {
	case "day":
		until = until.AddDate(0, 0, within)
	case "week":
		until = until.AddDate(0, 0, 7*within)
	case "month":
		until = until.AddDate(0, within, 0)
	case "year":
		until = until.AddDate(within, 0, 0)
	default:
		return nil, badRequest("Time unit not recognised. Supported units: days, weeks, months, years.")
	}
	expiring := []expiringJSON{}
	for _, l := range r.admin.server.Listeners() {
		if e, ok := r.admin.expires(&l, until); ok {
			expiring = append(expiring, e)
		}
	}
	if len(expiring) > 0 {
		return failed("Certificates expiring", map[string]any{"expired": expiring})
	}
	return fine(r)
}

// expires tells of a listener whose certificate is good no longer than until.
func (a *Admin) expires(l *server.Listener, until time.Time) (e expiringJSON, ok bool) {
	if l.Certificate == nil {
		return e, false
	}
	c := l.Certificate()
	if c == nil || c.NotAfter.After(until) {
		return e, false
	}
	e = expiringJSON{Node: a.node, Protocol: l.Protocol, Expires: []string{c.NotAfter.UTC().Format(time.DateTime)}}
	e.Interface, e.Port = hostPort(l.Addr)
	return e, true
}

// livesWithin is how long an aliveness test waits for a broker that takes no messages.
const livesWithin = 5 * time.Second

// testAliveness declares a queue, publishes to it and takes the message out. The queue stays, for the next test.
func testAliveness(r *request) (any, error) {
	const queue = "aliveness-test"
	v, err := r.vhost()
	if err != nil {
		return nil, err
	}
	for _, right := range []access.Right{access.Configure, access.Read} {
		if err := r.may(right, "queue", queue); err != nil {
			return nil, refused(err)
		}
	}
	if err := r.may(access.Write, "exchange", ""); err != nil {
		return nil, refused(err)
	}
	ctx, cancel := context.WithTimeout(r.Context(), livesWithin)
	defer cancel()
	o := v.Operator()
	err = o.Do(func(c *core.Client, b *core.Burst) error {
		if c.HasQueue(queue) {
			return nil
		}
		_, err := c.DeclareQueue(ctx, b, core.QueueSpec{Name: queue})
		return err
	})
	if err != nil {
		return nil, err
	}
	if _, err := o.Publish(ctx, core.NewMessage("", queue, []byte{0, 0}, []byte("test_message"))); err != nil {
		return failed(err.Error(), map[string]any{})
	}
	alive := false
	err = o.Take(ctx, queue, core.TakenOut, func(*core.Message, bool, int) bool {
		alive = true
		return false
	})
	switch {
	case err != nil:
		return failed(err.Error(), map[string]any{})
	case !alive:
		return failed("what was published is not in the queue", map[string]any{})
	}
	return fine(r)
}

// refused is the answer to who has not the right to a thing.
func refused(err error) error {
	return &problem{http.StatusUnauthorized, "not_authorised", reasonOf(err)}
}
