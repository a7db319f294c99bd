package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/load"
	"github.com/postrider-mq/postrider/internal/client"
)

const brokerVariable = "POSTRIDER_BROKER"

// usualPlace is where the broker is when nobody says where; for tests it is elsewhere.
var usualPlace = "127.0.0.1:5672"

func defaultBroker() string { return "amqp://" + usualPlace }

// nodeOptions are the flags of verbs that take part in the network as a node.
type nodeOptions struct {
	brokers []string
	peers   []string
	name    string
	timeout time.Duration
	tlsCA   string
	tlsCert string
	tlsKey  string
	keys    string
	sealed  bool
	json    bool
	log     logOptions

	partitions int // of a mailbox

	observe func(*postrider.Message, postrider.Step, error) // see postrider.Config

	alone bool // no broker was named, none is at the usual place, and none is needed

	listen       string // of verbs that receive
	dir          string
	subscription string   // to a topic
	matching     []string // what of a topic
}

func (o *nodeOptions) flags(f *pflag.FlagSet, timeout time.Duration, timeoutUsage string) {
	f.StringArrayVar(&o.brokers, "broker", nil, "`URL` of the broker with the mailboxes, or of one node of a cluster; may be repeated (default $"+brokerVariable+" or "+defaultBroker()+")")
	f.StringArrayVar(&o.peers, "peer", nil, "`NAME=HOST:PORT` or NAME=URL of a node; may be repeated (default whoever answers to that name through the broker)")
	f.StringVar(&o.name, "name", "", "`name` of this node, the sender of what it sends (default a random one)")
	f.DurationVar(&o.timeout, "timeout", timeout, timeoutUsage)
	o.tlsFlags(f)
	f.BoolVar(&o.sealed, "sealed", false, "send and receive only what is sealed, with the keys of --keys, see postrider keys seal")
	f.BoolVar(&o.json, "json", false, "print a JSON object a line")
	f.IntVar(&o.partitions, "partitions", 0, "`number` of the mailbox's partitions, the same for all who use it; 0 is a mailbox without")
	o.log.flags(f, "error")
}

// answerTime is how long a server may take to answer, unless a flag says otherwise.
const answerTime = 5 * time.Second

// askFlags are the flags of verbs that only ask.
func (o *nodeOptions) askFlags(f *pflag.FlagSet) {
	f.StringArrayVar(&o.brokers, "broker", nil, "`URL` of the broker with the mailboxes (default $"+brokerVariable+" or "+defaultBroker()+")")
	f.DurationVar(&o.timeout, "timeout", answerTime, "`duration` to wait for each answer of a server, as in 1.5s")
	o.tlsFlags(f)
	f.BoolVar(&o.json, "json", false, "print a JSON object a line")
	f.StringVar(&o.name, "name", "", "`name` of this node (default a random one)")
	o.log.level, o.log.format = "error", "text"
}

// loadFlags are the flags of verbs that put a load on a broker, or on one that they start.
func (o *nodeOptions) loadFlags(f *pflag.FlagSet) {
	f.StringArrayVar(&o.brokers, "broker", nil, "`URL` of the broker, or of one node of a cluster; may be repeated (default $"+brokerVariable+", or one is started)")
	o.tlsFlags(f)
	f.StringVar(&o.name, "name", "", "`name` whose certificate is taken from --keys")
	o.timeout = answerTime
	o.log.level, o.log.format = "error", "text"
}

// checkLoad finds what is wrong with them, and sees whether the environment names a broker.
func (o *nodeOptions) checkLoad() error {
	if o.namesBroker() {
		o.brokers = o.brokerURLs()
	}
	for _, url := range o.brokers {
		if _, err := client.ParseURL(url); err != nil {
			return usagef("--broker: %w", err)
		}
	}
	return nil
}

// loadKeys are the keys as the processes of a load take them.
func (o *nodeOptions) loadKeys() (load.Keys, error) {
	login, err := o.login()
	return load.Keys{CA: o.tlsCA, Cert: o.tlsCert, Key: o.tlsKey, Login: login}, err
}

// receiving adds the flags of verbs that can be a node's inbox.
func (o *nodeOptions) receiving(f *pflag.FlagSet) {
	f.StringVar(&o.listen, "listen", "", "`address` where peers reach the inbox; port 0 takes a free one")
	f.StringVar(&o.dir, "dir", "", "`directory` that keeps the inbox over a restart")
	f.StringVar(&o.subscription, "subscription", "", "`name` under which the broker keeps what a topic brings while nobody receives; who uses the same name shares it")
	f.StringArrayVar(&o.matching, "match", nil, "`pattern` of the keys that are wanted of a topic, as in eu.* or eu.#; may be repeated (default all)")
	f.Lookup("log-level").DefValue = "warn"
	o.log.level = "warn"
}

// start starts the node.
func (o *nodeOptions) start(ctx context.Context, stderr io.Writer) (*postrider.Node, error) {
	log, err := o.log.logger(stderr)
	if err != nil {
		return nil, err
	}
	secure, err := o.tls()
	if err != nil {
		return nil, err
	}
	sealing, err := o.sealing()
	if err != nil {
		return nil, err
	}
	login, err := o.login()
	if err != nil {
		return nil, err
	}
	peers, err := parsePeers(o.peers)
	if err != nil {
		return nil, err
	}
	for name, where := range peers {
		if peers[name], err = o.enter(where); err != nil {
			return nil, err
		}
	}
	var brokers []string
	if !o.alone {
		brokers = o.brokerURLs()
	}
	for _, broker := range brokers {
		if _, err := client.ParseURL(broker); err != nil {
			return nil, usagef("--broker: %w", err)
		}
	}
	cfg := postrider.Config{
		Name:    o.nodeName(),
		Listen:  o.listen,
		Dir:     o.dir,
		Brokers: brokers,
		Peers:   peers,
		Login:   login,
		TLS:     secure,
		Keys:    sealing,
		Logger:  log,
		Observe: o.observe,

		CallTimeout: -1, // a flag says it, and may say for ever
	}
	if login != "" {
		name, password, _ := strings.Cut(login, ":")
		cfg.Users = map[string]string{name: password}
	}
	if o.fromKeys() {
		k, err := sealing, error(nil)
		if k == nil {
			k, err = postrider.LoadKeys(os.DirFS(o.keys), o.name)
		}
		if err == nil {
			k.Secure(&cfg)
		} else {
			log.Warn("a certificate that is replaced will be shown after a restart only", "err", err)
		}
	}
	n, err := postrider.Start(ctx, cfg)
	if err != nil {
		return nil, plain{err, inFlags.Replace(err.Error())}
	}
	return n, nil
}

// inFlags puts what is wrong with a configuration into terms of the flags that it is made of.
var inFlags = strings.NewReplacer(
	"postrider: ", "",
	"Config.Name", "--name",
	"Config.Listen", "--listen",
	"set Config.TLS", "give it --keys, or --tls-cert and --tls-key",
	"Config.Dir: broker: ", "--dir: ",
	"Config.Dir", "--dir",
	"Config.Peers", "--peer",
	"Config.Brokers", "--broker",
)

func (o *nodeOptions) nodeName() string {
	if o.name == "" {
		o.name = "postrider-" + strings.ToLower(rand.Text()[:8])
	}
	return o.name
}

// namesBroker reports whether somebody has said which broker it is.
func (o *nodeOptions) namesBroker() bool {
	return len(o.brokers) > 0 || os.Getenv(brokerVariable) != ""
}

// listens reports whether somebody does at an address of this machine. What they speak is not asked: one who does not answer would hold us up.
func listens(ctx context.Context, address string) bool {
	d := net.Dialer{Timeout: time.Second}
	c, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return false
	}
	c.Close()
	return true
}

func (o *nodeOptions) brokerURLs() []string {
	if len(o.brokers) > 0 {
		return o.brokers
	}
	if url := os.Getenv(brokerVariable); url != "" {
		return []string{url}
	}
	return []string{defaultBroker()}
}

// parsePeers makes NAME=WHERE into a map. The URL may be that of the inbox, as receive prints it: then it ends with the name.
func parsePeers(list []string) (map[string]string, error) {
	peers := make(map[string]string, len(list))
	for _, s := range list {
		name, where, ok := strings.Cut(s, "=")
		if !ok || name == "" || where == "" {
			return nil, usagef("--peer %q: want NAME=HOST:PORT, as in bob=127.0.0.1:5681", s)
		}
		if strings.Contains(where, "://") {
			where = strings.TrimSuffix(where, "/"+url.PathEscape(name))
		} else if _, _, err := net.SplitHostPort(where); err != nil {
			return nil, usagef("--peer %q: want NAME=HOST:PORT, as in %s=%s", s, name, net.JoinHostPort(strings.Trim(where, "[]"), "5681"))
		}
		peers[name] = where
	}
	return peers, nil
}

// within bounds ctx by the timeout; 0 is no bound.
func (o *nodeOptions) within(ctx context.Context) (context.Context, context.CancelFunc) {
	if o.timeout <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, o.timeout, timedOut(o.timeout))
}

type timedOut time.Duration

func (t timedOut) Error() string { return fmt.Sprintf("timed out after %s", time.Duration(t)) }
