package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// natsServer is nats-server: the program itself, or when there is none, or a profile is wanted, the same server inside this process.
type natsServer struct {
	service *service
	server  *server.Server
}

func (p *natsServer) prepare(o order) (string, error) { return p.start(o, false) }

// natsPayload is the largest message: a little more than the 1 MiB that it is by default.
const natsPayload = 2 * mostBody

// start returns the address of a server that is ready.
func (p *natsServer) start(o order, jetStream bool) (address string, err error) {
	if o.Program != "" {
		return p.startProgram(o, jetStream)
	}
	p.server, err = server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true, MaxPayload: natsPayload,
		JetStream: jetStream, StoreDir: o.Dir, SyncAlways: o.SyncAlways,
	})
	if err != nil {
		return "", err
	}
	go p.server.Start()
	if !p.server.ReadyForConnections(10 * time.Second) {
		return "", errors.New("the NATS server is not ready after 10 s")
	}
	return p.server.Addr().String(), nil
}

func (p *natsServer) startProgram(o order, jetStream bool) (address string, err error) {
	port, err := freePort()
	if err != nil {
		return "", err
	}
	address = "127.0.0.1:" + port
	text := fmt.Sprintf("listen: %q\nmax_payload: %d\nlog_file: %q\n", address, natsPayload, filepath.Join(o.Dir, "nats.log"))
	if jetStream {
		interval := "2m" // as it comes
		if o.SyncAlways {
			interval = "always"
		}
		text += fmt.Sprintf("jetstream { store_dir: %q, sync_interval: %s }\n", o.Dir, interval)
	}
	config := filepath.Join(o.Dir, "nats.conf")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return "", err
	}
	p.service, err = startServiceAt(address, exec.Command(o.Program, "-c", config))
	return address, err
}

func (p *natsServer) pid() int { return p.service.pid() }

func (p *natsServer) work(stop <-chan struct{}) (tally, error) {
	p.service.begin()
	<-stop
	return tally{CPU: p.service.cpu(), Broker: true}, nil
}

func (p *natsServer) close() error {
	p.service.close()
	if p.server != nil {
		p.server.Shutdown()
		p.server.WaitForShutdown()
	}
	return nil
}
