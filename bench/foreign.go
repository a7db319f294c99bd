package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/client"
	"github.com/postrider-mq/postrider/internal/measure"
)

// A foreignBroker is RabbitMQ or the one of -amqp, with a durable queue of its own for one run.
type foreignBroker struct {
	conn    *client.Conn
	queue   *client.Queue
	product string
	pid     int // 0 when it is not on this machine
	before  float64
}

// The broker deletes the queue by itself some time after the run.
const queueExpires = 60_000 // milliseconds

func openForeign(ctx context.Context, url string, quorum bool) (*foreignBroker, error) {
	at, err := client.ParseURL(url)
	if err != nil {
		return nil, err
	}
	if err := answersAt(ctx, at.Host); err != nil {
		return nil, err // a client would try again until its time is over
	}
	f := &foreignBroker{
		conn: client.New(client.Config{Name: "bench", Addresses: []client.Address{at}, Publishes: true}),
		queue: &client.Queue{
			Name:    fmt.Sprintf("postrider-bench-%d-%d", os.Getpid(), measure.Now()),
			Durable: true,
			Args:    amqp.Table{"x-expires": int32(queueExpires)},
		},
		pid: listenerOn(at.Host),
	}
	if quorum {
		f.queue.Args["x-queue-type"] = "quorum"
	}
	f.conn.Ensure(f.queue)
	if err := f.ready(ctx); err != nil {
		f.close()
		return nil, fmt.Errorf("%s: %w", at, err)
	}
	f.before = measure.CPUSeconds(f.pid)
	return f, nil
}

// answersAt tells whether somebody listens.
func answersAt(ctx context.Context, address string) error {
	d := net.Dialer{Timeout: 5 * time.Second}
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return conn.Close()
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

// cpu is what the broker has used since it was opened, in seconds.
func (f *foreignBroker) cpu() float64 { return measure.CPUSeconds(f.pid) - f.before }

// listenerOn finds the process that listens on an address of this machine, 0 if it is on another or cannot be seen.
func listenerOn(address string) int {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return 0
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return 0
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return 0
	}
	end := fmt.Sprintf(":%04X", number)
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		b, _ := os.ReadFile(table)
		for line := range strings.Lines(string(b)) {
			f := strings.Fields(line)
			if len(f) > 9 && f[3] == tcpListen && strings.HasSuffix(f[1], end) {
				return ownerOf("socket:[" + f[9] + "]")
			}
		}
	}
	return 0
}

const tcpListen = "0A"

func ownerOf(socket string) int {
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, l := range links {
		if at, err := os.Readlink(l); err == nil && at == socket {
			pid, _ := strconv.Atoi(strings.Split(l, "/")[2])
			return pid
		}
	}
	return 0
}
