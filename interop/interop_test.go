// Package interop runs clients that we did not write against our broker: a
// small program for each, in its own language, playing the scenarios that
// README.md lists.
package interop

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postrider-mq/postrider/interop/brokers"
)

// patience bounds a whole program; each wait in it has a shorter deadline.
const patience = 3 * time.Minute

var scenarios = []string{
	"hello", "work-queue", "fanout", "direct", "topics", "rpc", "direct-reply-to", "confirms",
}

// A client is a program that plays scenarios: PROGRAM URL. It prints "ok" and
// the name of each that went well, and exits non-zero at the first that did not.
type client struct {
	name    string
	program []string
	plays   []string
}

func clients(t *testing.T) []client {
	python := "/usr/bin/python3" // Debian's own, for it has Debian's packages
	return []client{
		{"pika", []string{python, "python/pika_client.py"}, scenarios},
		{"kombu", []string{python, "python/kombu_client.py"}, scenarios},
		{"amqplib", []string{"node", "node/client.js"}, scenarios},
		{"amqp091-go", []string{brokers.Build(t, ".", "./go")}, scenarios},
		{"amqp-tools", []string{"c/amqp-tools.sh"}, scenarios[:5]},
	}
}

func TestRealClients(t *testing.T) {
	url := os.Getenv("POSTRIDER_INTEROP_URL")
	if url == "" {
		url = "amqp://guest:guest@" + brokers.Postrider(t) + "/%2F"
	}
	for _, c := range clients(t) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.play(t, url)
		})
	}
}

func (c client) play(t *testing.T, url string) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.program[0], append(c.program[1:], url)...)
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	played := passed(string(out))
	for _, name := range c.plays {
		t.Run(name, func(t *testing.T) {
			if !slices.Contains(played, name) {
				t.Fail()
			}
		})
	}
	if err != nil || t.Failed() {
		t.Fatalf("%s: %v (is everything there? interop/install.sh sees to it)\n%s", strings.Join(cmd.Args, " "), err, out)
	}
}

// passed reads the names behind "ok" from what a program printed.
func passed(out string) (names []string) {
	for line := range strings.Lines(out) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "ok "); ok {
			names = append(names, name)
		}
	}
	return names
}
