package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/probe"
	"github.com/postrider-mq/postrider/internal/client"
)

func (d *doctor) brokers(ctx context.Context) {
	for _, url := range d.o.brokerURLs() {
		if at, err := client.ParseURL(url); err == nil {
			d.broker(ctx, at)
		}
	}
}

// dial connects as a client with the flags would, with the certificate if that can be used.
func (d *doctor) dial(ctx context.Context, at client.Address) (*probe.Line, error) {
	o := d.o.nodeOptions
	if !d.paired {
		o.tlsCert, o.tlsKey, o.keys = "", "", ""
	}
	return o.dial(ctx, at)
}

func (d *doctor) broker(ctx context.Context, at client.Address) {
	asked := len(d.o.brokers) > 0 || os.Getenv(brokerVariable) != ""
	l, err := d.dial(ctx, at)
	switch {
	case err != nil && !asked && errors.Is(err, syscall.ECONNREFUSED):
		d.ok("broker", "nobody listens at %s; --broker or $%s names another", at, brokerVariable)
		return
	case err != nil:
		d.bad("broker", remedy(err), "cannot reach %s as %s: %v", at, at.User, err)
		return
	}
	defer l.Close()
	s := l.Server()
	took, err := l.Ping(ctx)
	if err != nil {
		d.bad("broker", "", "%s does not answer: %v", at, err)
		return
	}
	d.ok("broker", "%s is %s (%s %s), virtual host %s, round trip %s", at, s.Name, s.Product, s.Version, at.VHost, rounded(took))
	if s.Product == "RabbitMQ" {
		for _, f := range adviceOnRabbitMQ(s.Version) {
			d.found(f)
		}
	}
	d.overNetwork(ctx, at)
}

// overNetwork looks at what only matters where others can reach a broker, or listen on the way.
func (d *doctor) overNetwork(ctx context.Context, at client.Address) {
	if onlyLoopback(at.Host) {
		return
	}
	if !at.TLS {
		d.warn("encryption", "use amqps:// and give the broker a certificate: see postrider keys", "%s is not encrypted: whoever listens on the way reads passwords and messages", at)
	}
	guest := at
	guest.User, guest.Password = "guest", "guest"
	l, err := d.dial(ctx, guest)
	if err != nil {
		return
	}
	l.Close()
	d.bad("password", "make another user, then: postrider user delete guest, or rabbitmqctl delete_user guest", "whoever reaches %s may enter as guest with the password guest", at)
}

// adviceOnRabbitMQ is what one should know of a version of RabbitMQ.
func adviceOnRabbitMQ(version string) (all []finding) {
	major, minor, ok := parseVersion(version)
	say := func(v verdict, advice, format string, args ...any) {
		all = append(all, finding{"rabbitmq", v, fmt.Sprintf(format, args...), advice})
	}
	before := func(a, b int) bool { return major < a || major == a && minor < b }
	switch {
	case !ok:
		say(warning, "", "the version %q is none that is known", version)
		return all
	case before(3, 10):
		say(problem, "upgrade to 3.10 or later", "version %s has no quorum queues with a TTL, on which retries are built", version)
	case before(4, 0):
		say(warning, "plan the upgrade to 4", "version %s: RabbitMQ 3 has got its last fixes from its makers", version)
	case before(4, 3):
		say(fine, "", "from 4.3 on it refuses transient queues that are not exclusive, and global prefetch: old applications may need them")
	default:
		say(fine, "", "it refuses transient queues that are not exclusive, and global prefetch; postrider serve takes both")
	}
	say(fine, "", "it closes the channel of a handler that takes longer than its consumer_timeout, 30 minutes unless it is set")
	return all
}

func parseVersion(s string) (major, minor int, ok bool) {
	a, rest, _ := strings.Cut(s, ".")
	b, _, _ := strings.Cut(rest, ".")
	major, err1 := strconv.Atoi(a)
	minor, err2 := strconv.Atoi(b)
	return major, minor, err1 == nil && err2 == nil
}

// listening looks whether a broker could listen on an address.
func (d *doctor) listening(ctx context.Context, address string) {
	if _, _, err := net.SplitHostPort(address); err != nil {
		d.bad("listen", "want HOST:PORT, as in 127.0.0.1:5672", "%q is no address", address)
		return
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", address)
	switch {
	case err == nil:
		ln.Close()
		d.ok("listen", "%s is free", address)
	case errors.Is(err, syscall.EADDRINUSE):
		d.taken(ctx, address)
	case errors.Is(err, os.ErrPermission):
		d.bad("listen", "choose a port from 1024 on, or allow it: setcap cap_net_bind_service=+ep on the program", "%s: %v", address, cause(err))
	default:
		d.bad("listen", "choose an address of this machine", "%s: %v", address, cause(err))
	}
	if !onlyLoopback(address) && d.o.tlsCert == "" {
		d.warn("encryption", "give it --tls-cert and --tls-key: see postrider keys", "others can reach %s, and without TLS no passwords are accepted there", address)
	}
}

// taken tells who listens on an address: a broker answers there, with TLS or without, be it that it does not want us.
func (d *doctor) taken(ctx context.Context, address string) {
	host, port, _ := net.SplitHostPort(address)
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	at := client.Address{Host: net.JoinHostPort(host, port), User: "guest", Password: "guest", VHost: "/"}
	silent := true // with TLS and without
	for _, at.TLS = range []bool{false, true} {
		l, err := d.dial(ctx, at)
		if err == nil {
			d.ok("listen", "%s is in use by a broker: %s %s", address, l.Server().Product, l.Server().Version)
			l.Close()
			return
		}
		if _, refused := errors.AsType[*amqp.Error](err); refused {
			d.ok("listen", "%s is in use by a broker", address)
			return
		}
		_, late := errors.AsType[timedOut](err)
		silent = silent && late
		if encrypts(err) {
			d.ok("listen", "%s is in use by a program that speaks TLS, as a broker does: %v", address, cause(err))
			return
		}
	}
	what := "is no broker"
	if silent {
		what = "does not answer: it is no broker, or one that hangs"
	}
	d.bad("listen", "end it, or choose another address with --listen", "%s is in use by a program that %s", address, what)
}

// encrypts reports whether it was TLS that failed: a certificate that we do not trust, or ours that is not trusted there.
func encrypts(err error) bool {
	_, ours := errors.AsType[*tls.CertificateVerificationError](err)
	op, ok := errors.AsType[*net.OpError](err)
	return ours || ok && op.Op == "remote error"
}
