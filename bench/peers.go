package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// What rows need of the machine beside this binary.
const (
	needZMQ      = "zmq"
	needPika     = "pika"
	needRedis    = "redis"
	needRabbitMQ = "rabbitmq"

	// Without these programs the same runs inside a process of the bench.
	needPostrider = "postrider"
	needNATS      = "nats-server"
)

var (
	//go:embed peers/zmq.c
	zmqSource []byte
	//go:embed peers/pika.py
	pikaSource []byte
)

// peers is what others have made, and the bench has built or started for one run of it.
type peers struct {
	dir      string
	programs map[string]string // what was built, by need
	missing  map[string]error  // what is not there, by need
	rabbit   *process
	start    time.Duration // of RabbitMQ
	rest     *scaleFigures // of RabbitMQ before it has worked
}

// openPeers makes ready what these rows need. What is not installed is missing, and no failure.
func openPeers(ctx context.Context, s *setting, rows []*row, say *sayer, more ...string) (*peers, error) {
	dir, err := os.MkdirTemp(s.Dir, "postrider-bench-")
	if err != nil {
		return nil, err
	}
	p := &peers{dir: dir, programs: make(map[string]string), missing: make(map[string]error)}
	wanted := make(map[string]bool)
	for _, need := range more {
		wanted[need] = true
	}
	for _, r := range rows {
		for _, need := range r.needs() {
			wanted[need] = true
		}
	}
	provide := map[string]func(context.Context, *setting) error{
		needZMQ: p.buildZMQ, needPika: p.writePika, needRedis: p.findRedis, needRabbitMQ: p.startRabbitMQ,
		needPostrider: p.buildPostrider, needNATS: p.buildNATS,
	}
	for need := range wanted {
		say.step("making ready: %s", need)
		if err := provide[need](ctx, s); err != nil {
			p.missing[need] = err
			say.note("MISSING: %s: %v", need, err)
		}
	}
	s.programs = p.programs
	if err := context.Cause(ctx); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *peers) close() {
	if p.rabbit != nil {
		p.rabbit.kill()
	}
	os.RemoveAll(p.dir)
}

func (p *peers) buildZMQ(ctx context.Context, _ *setting) error {
	source, program := filepath.Join(p.dir, "zmq.c"), filepath.Join(p.dir, "zmq")
	if err := os.WriteFile(source, zmqSource, 0o600); err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, "cc", "-O2", "-o", program, source, "-lzmq").CombinedOutput(); err != nil {
		return fmt.Errorf("cc: %w: %s", err, strings.TrimSpace(string(out)))
	}
	p.programs[needZMQ] = program
	return nil
}

func (p *peers) buildPostrider(ctx context.Context, s *setting) error {
	return p.build(ctx, s, needPostrider, "..", "./cmd/postrider", "auto")
}

func (p *peers) buildNATS(ctx context.Context, s *setting) error {
	return p.build(ctx, s, needNATS, ".", "github.com/nats-io/nats-server/v2", "default.pgo")
}

// build builds a program of Go's by a profile, unless profiles are wanted: only our own processes write those. It works in this folder alone.
// Without cgo, as such programs are released, each is 1.5 MiB less.
func (p *peers) build(ctx context.Context, s *setting, need, folder, pkg, profile string) error {
	if s.Profiles != "" {
		return nil
	}
	program := filepath.Join(p.dir, need)
	c := exec.CommandContext(ctx, "go", "build", "-pgo="+profile, "-o", program, pkg)
	c.Dir, c.Env = folder, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w: %s", pkg, err, strings.TrimSpace(string(out)))
	}
	p.programs[need] = program
	return nil
}

func (p *peers) writePika(ctx context.Context, _ *setting) error {
	if out, err := exec.CommandContext(ctx, python, "-c", "import pika").CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", python, err, strings.TrimSpace(string(out)))
	}
	p.programs[needPika] = filepath.Join(p.dir, "pika_bench.py") // pika.py would be imported in place of pika
	return os.WriteFile(p.programs[needPika], pikaSource, 0o600)
}

func (p *peers) findRedis(context.Context, *setting) error {
	_, err := exec.LookPath("redis-server")
	return err
}

// startRabbitMQ starts one, unless the user has named a broker.
func (p *peers) startRabbitMQ(ctx context.Context, s *setting) (err error) {
	if s.AMQP != "" {
		return nil
	}
	dir := filepath.Join(p.dir, "rabbitmq")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	var address string
	p.rabbit, address, err = startProcess(ctx, order{Role: roleRabbitMQ, Dir: dir})
	if err != nil {
		if p.rabbit != nil {
			p.rabbit.kill()
			err = fmt.Errorf("%w\n%s", err, &p.rabbit.stderr)
			p.rabbit = nil
		}
		return err
	}
	p.start = p.rabbit.took
	s.AMQP = "amqp://guest:guest@" + address
	return nil
}

// lookAtRest looks at a RabbitMQ that has just started, as at the others.
func (p *peers) lookAtRest(ctx context.Context, s scale) error {
	p.rest = new(scaleFigures)
	return s.rest(&scaleTarget{ctx: ctx, pid: p.rabbit.pid, start: p.start}, p.rest)
}

// lacks tells why a row cannot run.
func (p *peers) lacks(r *row) error {
	for _, need := range r.needs() {
		if err := p.missing[need]; err != nil && need != needPostrider && need != needNATS {
			return fmt.Errorf("%s: %w", need, err)
		}
	}
	return nil
}

func (r *row) needs() (all []string) {
	if r.foreign {
		all = append(all, needRabbitMQ)
	}
	for _, role := range r.roles {
		if need := needs[role]; need != "" {
			all = append(all, need)
		}
	}
	return all
}
