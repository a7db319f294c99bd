package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/postrider-mq/postrider/broker"
)

// shutdownTime is how long clients have to leave when the broker is told to stop.
const shutdownTime = 10 * time.Second

// serveOptions are the flags of serve.
type serveOptions struct {
	listen       string
	tlsListen    string
	management   string
	metrics      string
	adminSocket  string
	definitions  string
	dir          string
	memory       bool
	user         string
	passwordFile string
	tlsCert      string
	tlsKey       string
	tlsCA        string
	plaintext    bool
	untilEOF     bool
	disk         diskOptions
	bounds       boundOptions
	patience     timeoutFlag
	log          logOptions
}

func newServe() *cobra.Command {
	var o serveOptions
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run a broker",
		Long: text(`
			Run a broker that every AMQP 0-9-1 client can use, until SIGINT or SIGTERM, or until the terminal that
			shows its log is closed. SIGHUP ends no broker whose log goes elsewhere.

			When it is ready it prints one line, "listening on amqp://HOST:PORT". It logs to stderr.

			Without --user, guest with the password guest may do everything, from this machine
			only. When the broker listens beyond this machine there is a user admin
			instead, with a secret that the first start makes and writes to admin.secret in
			the data directory. Other users come by "postrider user add" and are kept there.
			Passwords are not accepted over a network without TLS, unless --allow-plaintext says so.

			With --tls-cert the broker speaks TLS at --listen, or, if there is a --tls-listen, at
			that address beside --listen. Certificates are read again when the files change, and
			on SIGHUP. With --tls-ca, a client whose certificate is signed by one of those may log
			in by EXTERNAL as the user whose name is one of its subject alternative names.

			With --metrics, GET /metrics there shows Prometheus what the broker does, under RabbitMQ's names
			where it has them, and /metrics/per-object each queue. Whoever reaches that address sees the
			names of queues and how busy they are, without a password: so there is none unless you ask.
			There, too, /livez answers 200 as soon as the process runs, /readyz when clients are served, and /healthz when
			no alarm keeps publishers waiting, either; and 503 and why before; see postrider health.

			The verbs user, vhost, permission, connection, queue, policy, definitions and health reach
			the broker by a socket in the data directory, which only the owner of the process can open.`),
		Example: examples(`
			postrider serve
			postrider serve --listen 127.0.0.1:0 --memory
			POSTRIDER_PASSWORD=… postrider serve --user ops
			postrider serve --listen :5671 --dir /var/lib/postrider --tls-cert cert.pem --tls-key key.pem
			postrider serve --tls-listen :5671 --tls-cert cert.pem --tls-key key.pem --tls-ca clients.pem`),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("dir") && o.memory {
				return usagef("--dir and --memory exclude each other")
			}
			ctx := cmd.Context()
			if isTerminal(cmd.ErrOrStderr()) && hangup != nil { // it is closed
				var stop context.CancelFunc
				ctx, stop = signal.NotifyContext(ctx, hangup)
				defer stop()
			}
			signal.Ignore(syscall.SIGPIPE) // who reads the log may end before the broker
			if o.untilEOF {
				ctx = untilEOF(ctx, cmd.InOrStdin())
			}
			return serve(ctx, o, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.listen, "listen", "127.0.0.1:5672", "`address` to listen on; port 0 takes a free one")
	f.StringVar(&o.tlsListen, "tls-listen", "", "`address` to listen on with TLS, beside --listen, as in :5671")
	f.StringVar(&o.management, "management", "", "`address` for the management interface over HTTP, as in 127.0.0.1:15672; none by default")
	f.StringVar(&o.metrics, "metrics", "", "`address` for Prometheus and for health checks, as in 127.0.0.1:15692; none by default, for it asks for no password")
	f.StringVar(&o.adminSocket, "admin-socket", "", "`path` of the local socket (default admin.sock in --dir; none with --memory)")
	f.StringVar(&o.definitions, "definitions", "", "`file` with definitions in RabbitMQ's JSON, to import at each start; see postrider definitions")
	f.StringVar(&o.dir, "dir", "./postrider-data", "`directory` of the journal, made if it is missing")
	f.BoolVar(&o.memory, "memory", false, "keep everything in memory; it ends with the process")
	o.disk.flags(f)
	o.bounds.flags(f)
	o.patience.flags(f)
	f.StringVar(&o.user, "user", "", "`name` of the user who may do everything; the password is $POSTRIDER_PASSWORD, or see --password-file")
	f.StringVar(&o.passwordFile, "password-file", "", "`file` whose first line is the password of --user")
	f.StringVar(&o.tlsCert, "tls-cert", "", "`file` with the server's certificate chain, PEM")
	f.StringVar(&o.tlsKey, "tls-key", "", "`file` with the certificate's private key, PEM")
	f.StringVar(&o.tlsCA, "tls-ca", "", "`file` with the certificates that sign clients', PEM")
	f.BoolVar(&o.plaintext, "allow-plaintext", false, "accept passwords over a network without TLS, for whoever listens there to read")
	f.BoolVar(&o.untilEOF, "until-eof", false, "stop when stdin ends, too: with the process that started this one")
	_ = f.MarkHidden("until-eof")
	o.log.flags(f, "info")
	return cmd
}

func serve(ctx context.Context, o serveOptions, stdout, stderr io.Writer) error {
	log, err := o.log.logger(stderr)
	if err == nil {
		err = o.checkAddresses()
	}
	if err != nil {
		return err
	}
	warnOfFewAddresses(log)
	files, err := o.serverTLS(log)
	if err != nil {
		return err
	}
	if !isTerminal(stderr) {
		defer files.reloadOnSignal(log)()
	}
	failed := make(chan error, 1)
	cfg := broker.Config{
		Logger: log, OnFailure: func(err error) { failed <- err },
		AllowPlaintext: o.plaintext, ClientCertificates: o.tlsCA != "",
	}
	o.bounds.apply(&cfg)
	cfg.ConsumerTimeout = time.Duration(o.patience)
	if err := o.users(&cfg, log); err != nil {
		return err
	}
	if !o.memory {
		cfg.Dir = o.dir
		cfg.Sync = broker.Sync(o.disk.sync)
		cfg.SegmentSize = int64(o.disk.segmentSize.sizeFlag)
	}
	w := &web{log: log}
	defer w.Close()
	figures, err := o.serveMetrics(ctx, w)
	if err != nil {
		return err
	}
	b, err := broker.Open(cfg)
	if err != nil {
		return cannotOpen(err)
	}
	defer b.Close()
	if ctx.Err() != nil { // while the journal was read
		return stopServing(b, log)
	}
	defer collectSeldom(heapFloor(b.Stats().MessageMemoryLimit))()
	if err := o.loadDefinitions(ctx, b, log); err != nil {
		return err
	}
	if err := o.serveAdmin(ctx, w, b, files); err != nil {
		return err
	}
	doors, err := o.openDoors(ctx, files)
	if err != nil {
		return err
	}
	figures.show(b)
	served, err := o.serveAMQP(b, doors, stdout, log)
	if err != nil {
		return err
	}
	notify(notifyReady, log)
	select {
	case <-ctx.Done():
		notify(notifyStopping, log)
		return stopServing(b, log)
	case err := <-failed:
		return fmt.Errorf("the disk failed, and nothing more can be confirmed; what was confirmed is on it. See to %s and start again: %w", o.dir, err)
	case err := <-served:
		return endedBy(err, failed)
	}
}

// door is where clients come in.
type door struct {
	net.Listener
	files *certificates // nil: without TLS
}

// openDoors listens for AMQP clients at each address.
func (o *serveOptions) openDoors(ctx context.Context, files *certificates) (all []door, err error) {
	open := func(flag, address string, files *certificates) {
		var ln net.Listener
		if err == nil {
			ln, err = listen(ctx, flag, address)
			all = append(all, door{ln, files})
		}
	}
	if o.tlsListen == "" {
		open("--listen", o.listen, files)
	} else {
		open("--listen", o.listen, nil)
		open("--tls-listen", o.tlsListen, files)
	}
	return all, err
}

// serveAMQP serves who comes in, and says where that is.
func (o *serveOptions) serveAMQP(b *broker.Broker, doors []door, stdout io.Writer, log *slog.Logger) (<-chan error, error) {
	served := make(chan error, len(doors))
	for _, d := range doors {
		if d.files != nil {
			b.Listens(broker.Listener{Protocol: "amqp/ssl", Addr: d.Addr(), Certificate: d.files.shown()})
		}
		go func() { served <- b.Serve(d.files.wrap(d.Listener)) }()
		log.Info("broker is ready", "version", broker.Version, "address", d.Addr().String(), "dir", o.dataDir(), "tls", d.files != nil)
		if _, err := fmt.Fprintf(stdout, "listening on %s://%s\n", d.files.scheme(), d.Addr()); err != nil {
			return nil, fmt.Errorf("stdout: %w", err)
		}
	}
	return served, nil
}

// dataDir is the data directory; empty for none.
func (o *serveOptions) dataDir() string {
	if o.memory {
		return ""
	}
	return o.dir
}

// endedBy is why a broker ended by itself. When its disk has failed, that is why it no longer serves.
func endedBy(err error, failed <-chan error) error {
	if !errors.Is(err, broker.ErrClosed) {
		return fmt.Errorf("cannot accept clients any more: %w", err)
	}
	return fmt.Errorf("the disk failed, and nothing more can be confirmed: %w", <-failed)
}

// stopServing ends the broker in good order. That some client did not leave in time is no failure.
func stopServing(b *broker.Broker, log *slog.Logger) error {
	log.Info("stopping; a second signal stops at once")
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	err := b.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		log.Warn("some clients did not leave in time and were cut off", "waited", shutdownTime)
		err = b.Close() // the disk has its own time
	}
	if err == nil {
		log.Info("broker has stopped")
	}
	return err
}

// checkAddresses finds addresses that can be none, before anything is opened or made.
func (o *serveOptions) checkAddresses() error {
	if o.tlsListen != "" && o.tlsCert == "" {
		return usagef("--tls-listen needs --tls-cert and --tls-key")
	}
	all := []flagged{{"--listen", o.listen}, {"--tls-listen", o.tlsListen}, {"--management", o.management}, {"--metrics", o.metrics}}
	for i, a := range all {
		if a.address == "" && a.flag != "--listen" {
			continue
		}
		if err := checkAddress(a.flag, a.address); err != nil {
			return err
		}
		for _, b := range all[:i] {
			if b.collides(a) {
				return usagef("%s and %s want the same address, %s: choose another port for one of them", b.flag, a.flag, a.address)
			}
		}
	}
	return nil
}

// flagged is an address to listen on, and the flag that gave it.
type flagged struct{ flag, address string }

// collides reports whether two addresses, of which one is good, cannot both be listened on. Port 0 is a free one each time; no host is all.
func (a flagged) collides(b flagged) bool {
	host, port, err := net.SplitHostPort(a.address)
	if err != nil {
		return false
	}
	other, its, _ := net.SplitHostPort(b.address)
	return port == its && port != "0" && (host == other || host == "" || other == "")
}

// usualPort is what an address of each flag has mostly.
var usualPort = map[string]string{"--listen": "5672", "--tls-listen": "5671", "--management": "15672", "--metrics": "15692"}

// checkAddress finds out whether an address to listen on can be one.
func checkAddress(flag, address string) error {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return usagef("%s %q: want HOST:PORT, as in 127.0.0.1:%s", flag, address, usualPort[flag])
	}
	if _, err := net.LookupPort("tcp", port); err != nil {
		return usagef("%s %q: invalid port: want HOST:PORT, as in 127.0.0.1:%s", flag, address, usualPort[flag])
	}
	return nil
}

func listen(ctx context.Context, flag, address string) (net.Listener, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, cannotListen(flag, address, err)
	}
	return ln, nil
}

// untilEOF ends with ctx, or when r does.
func untilEOF(ctx context.Context, r io.Reader) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, r)
		cancel()
	}()
	return ctx
}
