package main

import (
	"context"
	"os/exec"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/postrider-mq/postrider/internal/rabbitmq"
)

// A peer is what another system was in this run.
type peer struct {
	Name    string
	Version string `json:",omitempty"`
	Missing string `json:",omitempty"` // why it was not measured
}

// versions are those of everybody who was wanted.
func (p *peers) versions(ctx context.Context, s *setting) (all []peer) {
	for module, name := range map[string]string{
		"google.golang.org/grpc": "gRPC-Go", "github.com/nats-io/nats-server/v2": "NATS server", "github.com/nats-io/nats.go": "NATS client",
		"github.com/rabbitmq/amqp091-go": "amqp091-go",
	} {
		all = append(all, peer{Name: name, Version: moduleVersion(module)})
	}
	for _, c := range []struct {
		need, name string
		command    []string
	}{
		{needZMQ, "ZeroMQ", []string{"sh", "-c", "printf '#include <zmq.h>\nZMQ_VERSION_MAJOR.ZMQ_VERSION_MINOR.ZMQ_VERSION_PATCH' | cc -E -P - | tail -n 1 | tr -d ' '"}},
		{needRedis, "Redis", []string{"redis-server", "--version"}},
		{needPika, "pika", []string{python, "-c", "import pika; print(pika.__version__)"}},
	} {
		all = append(all, p.peer(ctx, c.need, c.name, c.command))
	}
	rabbit := peer{Name: "RabbitMQ"}
	rabbit.Version, _ = rabbitmq.Installed()
	if err := p.missing[needRabbitMQ]; err != nil {
		rabbit = peer{Name: rabbit.Name, Missing: err.Error()}
	} else if p.rabbit == nil {
		rabbit = peer{Name: "the broker of -amqp"}
		if s.AMQP != "" {
			rabbit.Version, _ = productAt(ctx, s.AMQP)
		}
	}
	all = append(all, rabbit)
	slices.SortFunc(all, func(a, b peer) int { return strings.Compare(a.Name, b.Name) })
	return all
}

func (p *peers) peer(ctx context.Context, need, name string, command []string) peer {
	if err := p.missing[need]; err != nil {
		return peer{Name: name, Missing: err.Error()}
	}
	out, err := exec.CommandContext(ctx, command[0], command[1:]...).Output()
	if err != nil {
		return peer{Name: name, Missing: err.Error()}
	}
	return peer{Name: name, Version: aVersion.FindString(string(out))}
}

var aVersion = regexp.MustCompile(`[0-9]+(\.[0-9]+)+`)

func moduleVersion(path string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, m := range info.Deps {
		if m.Path == path {
			return m.Version
		}
	}
	return ""
}
