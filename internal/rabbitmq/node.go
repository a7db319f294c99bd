package rabbitmq

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A Config says what a node is to be. Guest, with the password guest, may do everything in all virtual hosts.
type Config struct {
	Dir      string   // for its files, which are those of one node
	VHosts   []string // beside "/"
	Plugins  []string // "rabbitmq_management" listens at [Node.Management]
	Settings []string // lines of rabbitmq.conf beside our own
	Erlang   string   // arguments of the virtual machine beside our own
	// Names is a name server that several nodes share, and in whose directory they have their cookie: a cluster. The
	// node gets one of its own where it is nil.
	Names *NameServer
}

// A Node is one RabbitMQ. Its methods are for one goroutine at a time.
type Node struct {
	Name       string // as other nodes call it
	Addr       string // host:port
	Management string // host:port of the management interface, if that is among the plugins

	config  Config
	scripts string
	dist    string // port on which nodes speak with each other
	names   *NameServer
	life    *life // nil before the first
}

// startup bounds how long a node may take until it serves: seconds on a machine that has nothing else to do.
const startup = 2 * time.Minute

// Start returns a node that serves. One that ended while it was to start is given a second chance, with other ports: somebody may
// have been faster with the first.
func Start(ctx context.Context, c Config) (*Node, error) {
	n, err := startOnce(ctx, c)
	if errors.Is(err, errEnded) && ctx.Err() == nil {
		var second error
		if n, second = startOnce(ctx, c); second != nil {
			return nil, errors.Join(err, second)
		}
		return n, nil
	}
	return n, err
}

func startOnce(ctx context.Context, c Config) (*Node, error) {
	n, err := New(c)
	if err != nil {
		return nil, err
	}
	if err = n.Launch(ctx); err == nil {
		err = n.Await(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// New gives a node its name and its ports, and starts nothing.
func New(c Config) (*Node, error) {
	scripts, err := scripts()
	if err != nil {
		return nil, err
	}
	ports, err := freePorts(3)
	if err != nil {
		return nil, err
	}
	return &Node{
		Name: "postrider-" + ports[0] + "@localhost", Addr: loopback + ports[0], dist: ports[1], Management: loopback + ports[2],
		config: c, scripts: scripts,
	}, nil
}

// Set adds lines to rabbitmq.conf, before the node is launched.
func (n *Node) Set(lines ...string) { n.config.Settings = append(n.config.Settings, lines...) }

// Launch starts the process, for the first time or again after [Node.Kill].
func (n *Node) Launch(ctx context.Context) (err error) {
	if n.names == nil {
		if n.names = n.config.Names; n.names == nil {
			if n.names, err = StartNameServer(ctx, n.config.Dir); err != nil {
				return err
			}
		}
	}
	if err := n.configure(); err != nil {
		return err
	}
	if err := os.Remove(n.path(pidFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	command := exec.Command(filepath.Join(n.scripts, "rabbitmq-server"))
	command.Env, command.Dir = n.environment(), n.config.Dir
	n.life, err = begin(command)
	return err
}

// Await waits until the node serves. It is an error if it ends before.
func (n *Node) Await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startup)
	defer cancel()
	return n.life.serving(ctx)
}

// Pid is the process that does the work, 0 before there is one.
func (n *Node) Pid() int {
	text, err := os.ReadFile(n.path(pidFile))
	if err != nil {
		return 0
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return pid
}

// Ended is closed when the node's process is gone.
func (n *Node) Ended() <-chan struct{} { return n.life.ended }

// Kill ends the node with signal 9, and returns when its process is gone. Its files stay, for another [Node.Launch].
func (n *Node) Kill() error {
	if n.life == nil {
		return nil
	}
	return n.life.kill(n.Pid())
}

// Close ends the node at once, with signal 9 too, and the name server if that is its own.
func (n *Node) Close() error {
	err := n.Kill()
	if n.names != nil && n.config.Names == nil {
		err = errors.Join(err, n.names.Close())
	}
	return err
}

func (n *Node) path(name string) string { return filepath.Join(n.config.Dir, name) }

// pidFile is where the node says which process it is.
const pidFile = "pid"

// environment makes it a node of its own.
func (n *Node) environment() []string {
	return append(os.Environ(),
		"HOME="+n.names.dir, // the cookie
		"RABBITMQ_NODENAME="+n.Name, "RABBITMQ_DIST_PORT="+n.dist,
		"ERL_EPMD_PORT="+n.names.port, "ERL_EPMD_ADDRESS=127.0.0.1",
		"RABBITMQ_CONFIG_FILE="+n.path("rabbitmq.conf"), "RABBITMQ_CONF_ENV_FILE=/dev/null",
		"RABBITMQ_ENABLED_PLUGINS_FILE="+n.path("enabled_plugins"), "RABBITMQ_MNESIA_BASE="+n.path("mnesia"),
		"RABBITMQ_LOG_BASE="+n.config.Dir, "RABBITMQ_LOGS=-", "RABBITMQ_PID_FILE="+n.path(pidFile),
		// The name server is there, and an idle node leaves the cores to others.
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="+strings.TrimSpace("-start_epmd false +sbwt none "+n.config.Erlang),
	)
}

// Installed is the version of the RabbitMQ that the machine has, or an error that says that it has none.
func Installed() (version string, err error) {
	found, err := scripts()
	if err != nil {
		return "", err
	}
	return strings.TrimPrefix(filepath.Base(filepath.Dir(found)), "rabbitmq_server-"), nil
}

// scripts is the folder of RabbitMQ's own start scripts. Those that Debian puts into the path insist on a user and on the
// one instance of the machine.
func scripts() (string, error) {
	const where = "/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin"
	found, _ := filepath.Glob(where)
	if len(found) == 0 {
		return "", fmt.Errorf("no RabbitMQ is installed: there is no %s", where)
	}
	return found[len(found)-1], nil
}

const loopback = "127.0.0.1:"

// freePorts are ports of the loopback that nobody listens on.
func freePorts(n int) (ports []string, err error) {
	for range n {
		ln, err := net.Listen("tcp", loopback+"0")
		if err != nil {
			return nil, err
		}
		defer ln.Close() // when all are found, or two might be the same
		ports = append(ports, strconv.Itoa(ln.Addr().(*net.TCPAddr).Port))
	}
	return ports, nil
}
