package suites

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postrider-mq/postrider/interop/brokers"
)

// patience bounds one run of one suite.
const patience = 4 * time.Minute

// A suite runs against the broker at url and returns the names of the tests
// that passed and of those that failed.
type suite struct {
	name string
	run  func(t *testing.T, url string) (passed, failed []string)
}

var suites = []suite{
	{"amqp091-go", amqp091},
	{"amqplib", amqplib},
}

// A URL with the virtual host spelt out, as some suites take it apart themselves.
func url(addr string) string { return "amqp://guest:guest@" + addr + "/" }

func TestWhatPassesOnRabbitMQPassesHere(t *testing.T) {
	theirs, ours := brokers.RabbitMQ(t).Addr, brokers.Postrider(t)
	for _, s := range suites {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel() // the suites have names of their own
			there, failedThere := s.run(t, url(theirs))
			here, failedHere := s.run(t, url(ours))
			t.Logf("RabbitMQ: %d passed, %d failed %q; Postrider: %d passed, %d failed %q",
				len(there), len(failedThere), failedThere, len(here), len(failedHere), failedHere)
			if len(there) == 0 {
				t.Fatal("nothing passed on RabbitMQ: the suite did not run")
			}
			for _, name := range there {
				if !slices.Contains(here, name) {
					t.Errorf("%s passes on RabbitMQ only", name)
				}
			}
		})
	}
}

// amqp091 runs the integration tests of amqp091-go, of the version that go.mod
// pins. Those of its recovery cut connections through RabbitMQ's management
// interface; one opens 80,000 channels, to see what becomes of the client.
func amqp091(t *testing.T, url string) (passed, failed []string) {
	dir := filepath.Join(t.TempDir(), "amqp091-go")
	if err := os.CopyFS(dir, os.DirFS(moduleDir(t, "github.com/rabbitmq/amqp091-go"))); err != nil {
		t.Fatal(err)
	}
	cmd := command(t, "go", "test", "-json", "-count=1", "-tags=integration",
		"-skip=^TestConnectionRecovery|^TestChannelCounterShouldNotPanicIssue136$", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "AMQP_URL="+url, "GOFLAGS=-mod=mod")
	out := output(t, cmd)
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		var e struct{ Action, Test string }
		if json.Unmarshal(lines.Bytes(), &e) != nil || e.Test == "" {
			continue
		}
		switch e.Action {
		case "pass":
			passed = append(passed, e.Test)
		case "fail":
			failed = append(failed, e.Test)
		}
	}
	return passed, failed
}

func moduleDir(t *testing.T, module string) string {
	if out, err := command(t, "go", "mod", "download", module).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := command(t, "go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// amqplib runs amqplib's tests where npm has put them. The version is the last
// whose package contains them.
func amqplib(t *testing.T, url string) (passed, failed []string) {
	cmd := command(t, "../.bin/mocha", "--check-leaks", "--ui=tdd", "--exit", "--reporter=json", "test/")
	cmd.Dir = "node/node_modules/amqplib"
	cmd.Env = append(os.Environ(), "URL="+strings.TrimSuffix(url, "/"))
	out := output(t, cmd)
	var report struct {
		Passes, Failures []struct{ FullTitle string }
	}
	if start := bytes.IndexByte(out, '{'); start < 0 || json.Unmarshal(out[start:], &report) != nil {
		t.Fatalf("mocha printed no report (is it there? interop/install.sh sees to it):\n%s", out)
	}
	for _, p := range report.Passes {
		passed = append(passed, p.FullTitle)
	}
	for _, f := range report.Failures {
		failed = append(failed, f.FullTitle)
	}
	return passed, failed
}

func command(t *testing.T, name string, args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.WaitDelay = time.Second
	return cmd
}

// output is what a suite printed. That some of it failed is no error here.
func output(t *testing.T, cmd *exec.Cmd) []byte {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if _, failed := err.(*exec.ExitError); err != nil && !failed {
		t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, &stderr)
	}
	return out
}
