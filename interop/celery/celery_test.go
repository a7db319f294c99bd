// Package celery runs a Celery worker, as Debian has it, with our broker.
package celery

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/postrider-mq/postrider/interop/brokers"
)

// patience bounds all scenarios of one backend; each wait in them has a shorter deadline.
const patience = 3 * time.Minute

// Results come over rpc://, which has no chords: these count their parts in files. They come first,
// for a worker that is killed may leave a task behind, and the next one would do it.
func TestCelery(t *testing.T) {
	url := os.Getenv("POSTRIDER_INTEROP_URL")
	if url == "" {
		url = "amqp://guest:guest@" + brokers.Postrider(t) + "//"
	}
	play(t, url, "file://"+t.TempDir(), "chords")
	play(t, url, "rpc://", "plain", "retries", "countdown", "eta", "inspect", "revoke", "killed")
}

func play(t *testing.T, url, backend string, scenarios ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/usr/bin/python3", append([]string{"play.py"}, scenarios...)...)
	cmd.Env = append(os.Environ(), "BROKER="+url, "BACKEND="+backend, "C_FORCE_ROOT=1", "PYTHONDONTWRITEBYTECODE=1", "PYTHONWARNINGS=ignore")
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	for _, name := range scenarios {
		if !strings.Contains(string(out), "ok "+name+"\n") {
			t.Errorf("%s did not pass", name)
		}
	}
	if err != nil || t.Failed() {
		t.Fatalf("%v\n%s", err, out)
	}
}
