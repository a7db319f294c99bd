package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/client"
)

// A foreignBroker is the one of -amqp, with a queue of its own for one run: durable and classic.
type foreignBroker struct {
	conn    *client.Conn
	queue   *client.Queue
	product string
	pid     string // "" when it is not on this machine
	before  float64
}

// The broker deletes the queue by itself some time after the run.
const queueExpires = 60_000 // milliseconds

func openForeign(ctx context.Context, url string) (*foreignBroker, error) {
	at, err := client.ParseURL(url)
	if err != nil {
		return nil, err
	}
	f := &foreignBroker{
		conn: client.New(client.Config{Name: "bench", Addresses: []client.Address{at}, Publishes: true}),
		queue: &client.Queue{
			Name:    fmt.Sprintf("postrider-bench-%d-%d", os.Getpid(), now()),
			Durable: true,
			Args:    amqp.Table{"x-expires": int32(queueExpires)},
		},
		pid: listenerOn(at.Host),
	}
	f.conn.Ensure(f.queue)
	if err := f.ready(ctx); err != nil {
		f.close()
		return nil, fmt.Errorf("%s: %w", at, err)
	}
	f.before = cpuSecondsOf(f.pid)
	return f, nil
}

// ready waits until the queue is there: a message to nowhere is answered after it was made.
func (f *foreignBroker) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	nowhere, err := client.NewEnvelope("", f.queue.Name+"-no", false, amqp.Properties{})
	if err != nil {
		return err
	}
	if _, err := f.conn.Publisher().Send(ctx, nowhere, nil, nil); err != nil {
		return err
	}
	state, _ := f.conn.State()
	f.product = state.Product
	return f.queue.Err()
}

func (f *foreignBroker) close() { f.conn.Close() }

func (f *foreignBroker) cost(messages uint64) processCost {
	var c cost
	if f.pid != "" {
		c.CPU = cpuSecondsOf(f.pid) - f.before
		c.Resident, c.Peak = memory(f.pid)
	}
	return c.each("broker", messages)
}

// listenerOn finds the process that listens on an address of this machine, "" if it cannot be seen.
func listenerOn(host string) string {
	_, port, _ := strings.Cut(host, ":")
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return ""
	}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		b, _ := os.ReadFile(table)
		for line := range strings.Lines(string(b)) {
			f := strings.Fields(line)
			if len(f) > 9 && f[3] == tcpListen && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", number)) {
				return ownerOf("socket:[" + f[9] + "]")
			}
		}
	}
	return ""
}

const tcpListen = "0A"

func ownerOf(socket string) string {
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, l := range links {
		if at, err := os.Readlink(l); err == nil && at == socket {
			return strings.Split(l, "/")[2]
		}
	}
	return ""
}

// cpuSecondsOf is what another process has used so far.
func cpuSecondsOf(pid string) float64 {
	b, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.ParseFloat(f[11], 64)
	system, _ := strconv.ParseFloat(f[12], 64)
	return (user + system) / clockTicks
}

const clockTicks = 100 // a second, on every Linux
