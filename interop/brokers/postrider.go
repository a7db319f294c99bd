package brokers

import (
	"bufio"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Postrider runs `postrider serve` as its users do, until the test ends, and
// returns the host:port of its listener. A test under the race detector gets a
// broker under it too.
func Postrider(t testing.TB) (addr string) {
	t.Helper()
	addr, _ = ManagedPostrider(t)
	return addr
}

// ManagedPostrider is Postrider, and tells the host:port of its management interface too.
func ManagedPostrider(t testing.TB) (addr, management string) {
	t.Helper()
	management = "127.0.0.1:" + freePort(t)
	program := Build(t, root(t), "./cmd/postrider", raceFlags...)
	cmd := exec.Command(program, "serve", "--listen", "127.0.0.1:0", "--dir", t.TempDir(), "--log-level", "warn", "--management", management)
	log := &strings.Builder{} // read only when the process has ended
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	address := make(chan string, 1)
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		readAddress(out, address)
	}()
	t.Cleanup(func() { stopBroker(t, cmd, drained, log) })
	select {
	case at := <-address:
		return at, management
	case <-drained:
		t.Fatal("postrider serve ended without saying where it listens")
	case <-time.After(time.Minute):
		t.Fatal("postrider serve did not say where it listens")
	}
	return "", ""
}

// readAddress finds the line "listening on amqp://HOST:PORT" and reads on to
// the end, so that the broker never waits for us.
func readAddress(out io.Reader, address chan<- string) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if at, ok := strings.CutPrefix(lines.Text(), "listening on amqp://"); ok {
			address <- at
			break
		}
	}
	_, _ = io.Copy(io.Discard, out)
}

// stopBroker interrupts the broker and wants it to end well.
func stopBroker(t testing.TB, cmd *exec.Cmd, drained <-chan struct{}, log *strings.Builder) {
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Errorf("interrupting the broker: %v", err)
	}
	giveUp := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer giveUp.Stop()
	<-drained
	if err := cmd.Wait(); err != nil {
		t.Errorf("the broker did not end well: %v", err)
	}
	if t.Failed() {
		t.Logf("the broker's log:\n%s", log)
	}
}

// Build compiles a command of the module in folder module.
func Build(t testing.TB, module, pkg string, flags ...string) (program string) {
	t.Helper()
	program = filepath.Join(t.TempDir(), filepath.Base(pkg))
	cmd := exec.CommandContext(t.Context(), "go", slices.Concat([]string{"build", "-o", program}, flags, []string{pkg})...)
	cmd.Dir = module
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
	return program
}

// root is the folder of the repository, the one above this module's.
func root(t testing.TB) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(strings.TrimSpace(string(out)))
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
