package brokers

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startup bounds how long a RabbitMQ may take until it serves.
const startup = 2 * time.Minute

// Rabbit is a RabbitMQ that runs.
type Rabbit struct {
	Addr       string // host:port, for guest with the password guest
	Management string // host:port of the management interface, likewise

	dir     string
	node    string
	env     []string
	scripts string
	process *process
}

// RabbitMQ runs a RabbitMQ of its own until the test ends, with the virtual host
// "/" and the given ones, in all of which guest may do everything. Where none is
// installed the test is skipped, loudly.
func RabbitMQ(t testing.TB, vhosts ...string) *Rabbit {
	t.Helper()
	r := &Rabbit{dir: t.TempDir(), scripts: scripts(t)}
	port, dist, epmd := freePort(t), freePort(t), freePort(t)
	r.Addr, r.Management = "127.0.0.1:"+port, "127.0.0.1:"+freePort(t)
	r.node = "postrider-" + port + "@localhost"
	r.write(t, "rabbitmq.conf", configuration(r.Addr, r.Management, r.path("definitions.json")))
	r.write(t, "definitions.json", definitions(t, vhosts))
	r.write(t, "enabled_plugins", "[rabbitmq_consistent_hash_exchange,rabbitmq_management].\n")
	r.environment(r.dir, dist, epmd)
	t.Cleanup(func() { r.endNameServer(t) })
	r.start(t)
	return r
}

// environment makes it a RabbitMQ of its own: nothing of it is the machine's. Its cookie is in folder home.
func (r *Rabbit) environment(home, dist, epmd string) {
	r.env = append(os.Environ(),
		"HOME="+home,
		"RABBITMQ_NODENAME="+r.node, "RABBITMQ_DIST_PORT="+dist,
		"ERL_EPMD_PORT="+epmd, "ERL_EPMD_ADDRESS=127.0.0.1",
		"RABBITMQ_CONFIG_FILE="+r.path("rabbitmq.conf"), "RABBITMQ_CONF_ENV_FILE=/dev/null",
		"RABBITMQ_ENABLED_PLUGINS_FILE="+r.path("enabled_plugins"),
		"RABBITMQ_MNESIA_BASE="+r.path("mnesia"), "RABBITMQ_LOG_BASE="+r.dir, "RABBITMQ_LOGS=-",
		"RABBITMQ_PID_FILE="+r.path("pid"),
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=+sbwt none", // an idle one leaves the cores to others
	)
}

// scripts is the folder of RabbitMQ's own start scripts. Those that Debian puts
// into the path insist on a user and on the one instance of the machine.
func scripts(t testing.TB) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin")
	if len(found) == 0 {
		t.Skip("NO RABBITMQ, NOTHING IS COMPARED: interop/install.sh installs it")
	}
	return found[len(found)-1]
}

func configuration(addr, management, definitions string) string {
	host, port, _ := net.SplitHostPort(management)
	return fmt.Sprintf("management.tcp.ip = %s\nmanagement.tcp.port = %s\nmanagement_agent.disable_metrics_collector = true\n", host, port) + fmt.Sprintf("listeners.tcp.1 = %s\nload_definitions = %s\nlog.console.level = info\nlog.connection.level = critical\n"+
		"log.channel.level = critical\nlog.queue.level = critical\ndisk_free_limit.absolute = 50MB\n", addr, definitions)
}

func definitions(t testing.TB, vhosts []string) string {
	t.Helper()
	type object map[string]any
	names, permissions := []object{}, []object{}
	for _, name := range append([]string{"/"}, vhosts...) {
		names = append(names, object{"name": name})
		permissions = append(permissions, object{"user": "guest", "vhost": name, "configure": ".*", "write": ".*", "read": ".*"})
	}
	text, err := json.Marshal(object{
		"users":  []object{{"name": "guest", "password": "guest", "tags": "administrator"}},
		"vhosts": names, "permissions": permissions,
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (r *Rabbit) path(name string) string { return filepath.Join(r.dir, name) }

func (r *Rabbit) write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(r.path(name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// start starts the process and waits until it serves. It ends with the test, if not before.
func (r *Rabbit) start(t testing.TB) {
	t.Helper()
	err := r.launch(t)
	if err == nil {
		err = r.serving()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// launch starts the process.
func (r *Rabbit) launch(t testing.TB) error {
	cmd := exec.Command(filepath.Join(r.scripts, "rabbitmq-server"))
	cmd.Env = r.env
	cmd.Dir = r.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p := &process{cmd: cmd, ready: make(chan struct{}), drained: make(chan struct{})}
	cmd.Stderr = &p.complaints
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := os.Remove(r.path("pid")); err != nil && !os.IsNotExist(err) {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() {
		defer close(p.drained)
		awaitLine(io.TeeReader(out, &p.log), "Server startup complete", p.ready)
	}()
	r.process = p
	t.Cleanup(func() { r.end(t, p) })
	return nil
}

// process is one life of a RabbitMQ. Its texts are read only when it has ended.
type process struct {
	cmd             *exec.Cmd
	log, complaints strings.Builder
	ready, drained  chan struct{}
	ended           bool
}

// serving waits until it serves.
func (r *Rabbit) serving() error {
	p := r.process
	select {
	case <-p.ready:
		return nil
	case <-p.drained:
		_ = p.cmd.Wait()
		p.ended = true
		return fmt.Errorf("RabbitMQ ended while it was to start:\n%s%s", &p.log, &p.complaints)
	case <-time.After(startup):
		return errors.New("RabbitMQ did not start in time")
	}
}

// awaitLine closes found when text was read, and reads on to the end.
func awaitLine(out io.Reader, text string, found chan<- struct{}) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.Contains(lines.Text(), text) {
			close(found)
			break
		}
	}
	_, _ = io.Copy(io.Discard, out)
}

// end ends a life of the node, at once: nothing of it is needed any more.
func (r *Rabbit) end(t testing.TB, p *process) {
	if p.ended {
		return
	}
	p.ended = true
	if err := r.kill(); err != nil {
		t.Logf("stopping RabbitMQ: %v", err) // it had not come so far as to say which process it is
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // what its start script has started
	<-p.drained
	_ = p.cmd.Wait() // it was killed
}

// endNameServer ends what the nodes leave behind: a name server goes when it has noticed that they are gone.
func (r *Rabbit) endNameServer(t testing.TB) {
	for range 100 {
		epmd := exec.Command("epmd", "-kill")
		epmd.Env = r.env
		if epmd.Run() == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Log("RabbitMQ's name server does not end")
}

// kill ends the process that RabbitMQ says it is. Its start script follows.
func (r *Rabbit) kill() error {
	text, err := os.ReadFile(r.path("pid"))
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return err
	}
	return syscall.Kill(pid, syscall.SIGKILL)
}

// freePort is a port of the loopback that nobody listens on.
func freePort(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
