package nodes

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/postrider-mq/postrider/internal/rabbitmq"
	"github.com/postrider-mq/postrider/torture/broker"
	"github.com/postrider-mq/postrider/torture/told"
)

// server is one life of the broker: of ours, or of RabbitMQ.
type server interface {
	Ready() (url string, err error)
	Done() <-chan struct{}
	Log() string
	Terminate() error
	Kill()
}

// rabbit is RabbitMQ, one node whose lives follow each other. They end in good order: killed with signal 9, version 3.10 came back with quorum queues
// that answered nobody any more.
type rabbit struct{ *rabbitmq.Node }

func newRabbit(dir string) (*rabbit, error) {
	dir = filepath.Join(dir, "rabbitmq")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	n, err := rabbitmq.New(rabbitmq.Config{Dir: dir, Plugins: []string{"rabbitmq_consistent_hash_exchange"}})
	return &rabbit{n}, err
}

func (b *rabbit) Ready() (url string, err error) {
	return "amqp://guest:guest@" + b.Addr + "/", b.Await(context.Background())
}
func (b *rabbit) Done() <-chan struct{} { return b.Ended() }
func (b *rabbit) Log() string           { return "RabbitMQ ended by itself" }
func (b *rabbit) Terminate() error      { return syscall.Kill(b.Pid(), syscall.SIGTERM) }
func (b *rabbit) Kill()                 { _ = b.Node.Kill() }

// startBroker begins the broker's next life.
func (r *Run) startBroker() error {
	b, err := r.launch()
	if err != nil {
		return err
	}
	r.broker = b
	url, err := b.Ready()
	if err != nil {
		return err
	}
	_, at, _ := strings.Cut(strings.TrimSuffix(url, "/"), "@")
	r.proxies[theBroker].Lead(at)
	r.story.note(told.Now(), "the broker begins")
	return nil
}

func (r *Run) launch() (server, error) {
	if r.rabbit != nil {
		return r.rabbit, r.rabbit.Launch(context.Background())
	}
	flags := append([]string{"--segment-size", "1MiB"}, r.manner.serve()...)
	return broker.Start(broker.Serve(r.cfg.Program, filepath.Join(r.cfg.Dir, "data"), flags...))
}

// keepBroker kills and starts the broker until it is enough.
func (r *Run) keepBroker() {
	random := rand.New(rand.NewPCG(r.cfg.Seed, 'B'))
	for {
		select {
		case <-time.After(time.Duration(300+random.IntN(3500)) * time.Millisecond):
		case <-r.broker.Done():
			r.stop(fmt.Errorf("%w\n%s", broker.ErrEnded, r.broker.Log()))
			return
		case <-r.ctx.Done():
			return
		}
		r.proxies[theBroker].Lead("")
		if err := r.endBroker(random); err != nil {
			r.stop(err)
			return
		}
		select {
		case <-time.After(time.Duration(random.IntN(400)) * time.Millisecond):
		case <-r.ctx.Done():
		}
		if err := r.startBroker(); err != nil {
			r.stop(err)
			return
		}
	}
}

func (r *Run) endBroker(random *rand.Rand) error {
	if r.rabbit != nil {
		return r.endRabbit()
	}
	if random.IntN(6) == 0 {
		r.story.note(told.Now(), "the broker is told to end")
		if err := r.broker.Terminate(); err != nil {
			return err
		}
		select { // its clients may take long to go
		case <-r.broker.Done():
			r.count(&r.report.BrokerStops)
			return nil
		case <-time.After(time.Duration(random.IntN(1500)) * time.Millisecond):
		}
	}
	r.story.note(told.Now(), "the broker is killed")
	r.broker.Kill()
	r.count(&r.report.BrokerKills)
	return nil
}

func (r *Run) endRabbit() error {
	r.story.note(told.Now(), "RabbitMQ is told to end")
	if err := r.rabbit.Terminate(); err != nil {
		return err
	}
	select {
	case <-r.rabbit.Done():
		r.count(&r.report.BrokerStops)
		return nil
	case <-time.After(Patience):
		return fmt.Errorf("hang: RabbitMQ did not end within %v", Patience)
	}
}
