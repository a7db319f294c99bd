package server

import (
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/core"
	"github.com/postrider-mq/postrider/internal/disk"
)

// stuckDisk is a disk that, once it is stuck, tells of each sync and waits for a word.
type stuckDisk struct {
	stuck   atomic.Bool
	syncing chan bool
	goOn    chan bool
}

func (d *stuckDisk) broker(t *testing.T) *broker {
	d.syncing, d.goOn = make(chan bool), make(chan bool)
	c, err := core.Open(core.Config{FS: disk.NewFaulty(disk.NewMem(), func(op disk.Op) error {
		if op.Kind == disk.OpSync && d.stuck.Load() {
			d.syncing <- true
			<-d.goOn
		}
		return nil
	}, nil)})
	if err != nil {
		t.Fatal(err)
	}
	return newBroker(t, func(cfg *Config) { cfg.Core = c })
}

// publisher is a client in confirm mode; the durable queue q is there.
func (b *broker) publisher() *peer {
	p := b.dial()
	p.declare(1, amqp.QueueDeclare{Queue: "q", Durable: true})
	p.send(1, &amqp.ConfirmSelect{})
	expect[*amqp.ConfirmSelectOk](p, 1)
	return p
}

func (p *peer) persist(body string) {
	p.publish(1, amqp.BasicPublish{RoutingKey: "q"}, amqp.Properties{DeliveryMode: amqp.Persistent}, body)
}

// wantReadersAtTheDisk looks how many readers do not listen to their clients.
func (b *broker) wantReadersAtTheDisk(want int) {
	b.t.Helper()
	synctest.Wait()
	got := 0
	for _, c := range b.server.all() {
		if !c.listening.Load() {
			got++
		}
	}
	if got != want {
		b.t.Errorf("%d readers wait for the disk, want %d", got, want)
	}
}

// The reader of a publisher that waits for each confirm writes to the disk itself. It alone waits: others are answered, and
// what they publish meanwhile is the journal's writer's.
func TestOnlyThePublishersOwnReaderWaitsForTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d stuckDisk
		b := d.broker(t)
		lone, other := b.publisher(), b.publisher()
		synctest.Wait()
		d.stuck.Store(true)
		lone.persist("first")
		<-d.syncing
		b.wantReadersAtTheDisk(1)
		other.persist("second")
		other.quiet(1)
		d.goOn <- true
		expect[*amqp.BasicAck](lone, 1)
		<-d.syncing
		other.quiet(1)
		d.stuck.Store(false)
		d.goOn <- true
		expect[*amqp.BasicAck](other, 1)
	})
}

// A client that consumes, or publishes on before it has its confirms, has a reader that goes on while the disk does not.
func TestAReaderWithMoreToDoDoesNotWaitForTheDisk(t *testing.T) {
	for name, publish := range map[string]func(*peer){
		"consumes": func(p *peer) {
			p.declare(1, amqp.QueueDeclare{Queue: "elsewhere"})
			p.consume(1, amqp.BasicConsume{Queue: "elsewhere"})
			p.persist("x")
		},
		"publishes on": func(p *peer) {
			x := p.message(1, amqp.BasicPublish{RoutingKey: "q"}, amqp.Properties{DeliveryMode: amqp.Persistent}, "x")
			p.write(append(x, x...)) // in one burst
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var d stuckDisk
				b := d.broker(t)
				p := b.publisher()
				synctest.Wait()
				d.stuck.Store(true)
				publish(p)
				<-d.syncing
				b.wantReadersAtTheDisk(0)
				p.quiet(1)
				d.stuck.Store(false)
				d.goOn <- true
				expect[*amqp.BasicAck](p, 1)
			})
		})
	}
}

// Who rejects puts dead letters on the way to the disk, and waits for it as who publishes does; who only acknowledges does not.
func TestWhoRejectsWaitsForADiskThatIsBehind(t *testing.T) {
	const all, most = 22, 18 << 20
	synctest.Test(t, func(t *testing.T) {
		var stuck atomic.Bool
		goOn := make(chan bool)
		c, err := core.Open(core.Config{SegmentSize: 4 << 20, FS: disk.NewFaulty(disk.NewMem(), func(op disk.Op) error {
			if op.Kind == disk.OpSync && stuck.Load() {
				<-goOn
			}
			return nil
		}, nil)})
		if err != nil {
			t.Fatal(err)
		}
		b := newBroker(t, func(cfg *Config) { cfg.Core = c })
		p, other := b.dial(), b.dial()
		p.declare(1, amqp.QueueDeclare{Queue: "dead", Durable: true})
		p.declare(1, amqp.QueueDeclare{Queue: "dying", Arguments: amqp.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}})
		body := strings.Repeat("x", 1<<20)
		p.consume(1, amqp.BasicConsume{Queue: "dying"})
		for range all {
			p.publish(1, amqp.BasicPublish{RoutingKey: "dying"}, amqp.Properties{DeliveryMode: amqp.Persistent}, body)
			p.wantDelivery(1, body)
		}
		other.declare(1, amqp.QueueDeclare{Queue: "q"})
		other.publish(1, amqp.BasicPublish{RoutingKey: "q"}, amqp.Properties{}, "x")
		other.consume(1, amqp.BasicConsume{Queue: "q"})
		tag := other.wantDelivery(1, "x").DeliveryTag
		synctest.Wait()
		stuck.Store(true)
		for n := range all {
			p.send(1, &amqp.BasicReject{DeliveryTag: uint64(n + 1)})
			synctest.Wait()
		}
		if n := b.core.Figures().Journal.Backlog; n > most {
			t.Errorf("%d MiB of dead letters wait for the disk", n>>20)
		}
		b.wantReadersAtTheDisk(1)
		other.send(1, &amqp.BasicAck{DeliveryTag: tag})
		other.quiet(1)
		stuck.Store(false)
		close(goOn)
		p.quiet(1)
		if ok := p.declare(1, amqp.QueueDeclare{Queue: "dead", Passive: true}); ok.MessageCount != all {
			t.Errorf("%d dead letters", ok.MessageCount)
		}
	})
}

// Where another publishes without waiting, syncs are a millisecond apart; who waits for each confirm gets it sooner all the same.
func TestWhoWaitsForEachConfirmWaitsForNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := core.Open(core.Config{FS: disk.NewFaulty(disk.NewMem(), func(op disk.Op) error {
			if op.Kind == disk.OpSync {
				time.Sleep(120 * time.Microsecond)
			}
			return nil
		}, nil)})
		if err != nil {
			t.Fatal(err)
		}
		b := newBroker(t, func(cfg *Config) { cfg.Core = c })
		stream, lone := b.publisher(), b.publisher()
		go io.Copy(io.Discard, stream.nc) // its confirms
		flowing := make(chan bool)
		go func() {
			defer close(flowing)
			for range 20_000 {
				time.Sleep(50 * time.Microsecond)
				stream.persist("more")
			}
		}()
		time.Sleep(100 * time.Millisecond)
		before := c.Figures().Journal.Syncs
		time.Sleep(100 * time.Millisecond)
		if n := c.Figures().Journal.Syncs - before; n > 150 {
			t.Errorf("%d syncs in 100 ms: they are not spaced", n)
		}
		began := time.Now()
		const all = 1000
		for range all {
			time.Sleep(30 * time.Microsecond)
			lone.persist("one")
			expect[*amqp.BasicAck](lone, 1)
		}
		if took := time.Since(began); took > all*300*time.Microsecond {
			t.Errorf("%d were confirmed in %v", all, took)
		}
		<-flowing
	})
}
