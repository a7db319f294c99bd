package broker_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/broker"
	"github.com/postrider-mq/postrider/internal/disk"
)

// stuckDisk is a disk that, while it is stuck, does not answer what is asked of it.
type stuckDisk struct {
	*disk.Faulty
	stuck atomic.Pointer[chan struct{}] // closed when it goes on
	asked chan struct{}                 // has one when something is asked of it while it is stuck
}

// newStuckDisk is of those operations that may be stuck.
func newStuckDisk(kinds ...disk.OpKind) *stuckDisk {
	d := &stuckDisk{asked: make(chan struct{}, 1)}
	d.Faulty = disk.NewFaulty(disk.NewMem(), func(op disk.Op) error {
		for _, k := range kinds {
			if goOn := d.stuck.Load(); k == op.Kind && goOn != nil {
				select {
				case d.asked <- struct{}{}:
				default:
				}
				<-*goOn
			}
		}
		return nil
	}, nil)
	return d
}

// stick has it be stuck until goOn is called.
func (d *stuckDisk) stick() (goOn func()) {
	until := make(chan struct{})
	d.stuck.Store(&until)
	return func() {
		d.stuck.Store(nil)
		close(until)
	}
}

// A disk that does not answer keeps nobody who closes a broker: he learns what is not safe, and so does who waits for the disk. The directory is given back when
// the disk goes on.
func TestABrokerIsClosedThoughItsDiskDoesNotAnswer(t *testing.T) {
	for what, end := range map[string]func(*broker.Broker) (time.Duration, error){
		"Close": func(b *broker.Broker) (time.Duration, error) { return 31 * time.Second, b.Close() },
		"Shutdown": func(b *broker.Broker) (time.Duration, error) {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			return 11 * time.Second, b.Shutdown(ctx)
		},
		"Shutdown, out of time": func(b *broker.Broker) (time.Duration, error) {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			return time.Second, b.Shutdown(ctx)
		},
	} {
		for _, kind := range []disk.OpKind{disk.OpSync, disk.OpWrite} {
			t.Run(what+"/"+string(kind), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					fs := newStuckDisk(kind)
					b := openOn(t, fs)
					c := dial(t, b)
					declare(t, c, broker.QueueOptions{Name: "q", Durable: true})
					publish(t, c, "q", persistent, "safe")
					goOn := fs.stick()
					told := make(fate, 2)
					if err := c.Publish(&broker.Publishing{Key: "q", Properties: amqp.Properties{DeliveryMode: persistent}, Body: []byte("unsafe")}, told); err != nil {
						t.Fatal(err)
					}
					declared := make(chan error, 1)
					go func() {
						_, err := c.DeclareQueue(context.Background(), broker.QueueOptions{Name: "r", Durable: true})
						declared <- err
					}()
					synctest.Wait()
					began := time.Now()
					bound, err := end(b)
					if took := time.Since(began); took > bound {
						t.Errorf("it took %v", took)
					}
					if err == nil || !strings.Contains(err.Error(), "does not answer: 3 records") {
						t.Error(err)
					}
					if err := <-told; !errors.Is(err, broker.ErrUnconfirmed) {
						t.Error(err)
					}
					if err := <-declared; !errors.Is(err, broker.ErrClosed) {
						t.Error(err)
					}
					if _, err := broker.Open(broker.Config{}.On(fs)); err == nil {
						t.Error("its directory is another's while the disk may still write")
					}
					goOn()
					<-b.Done()
					if err := b.Close(); err != nil {
						t.Error(err)
					}
					consume(t, dial(t, openOn(t, fs)), "q", broker.ConsumeOptions{}).want(t, "safe", "unsafe")
				})
			})
		}
	}
}

// A disk that is slow is waited for, as long as it answers at all.
func TestASlowDiskIsWaitedForAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var slow atomic.Bool
		fs := disk.NewFaulty(disk.NewMem(), func(op disk.Op) error {
			if slow.Load() && op.Kind == disk.OpSync {
				time.Sleep(25 * time.Second)
			}
			return nil
		}, nil)
		b := openOn(t, fs)
		c := dial(t, b)
		declare(t, c, broker.QueueOptions{Name: "q", Durable: true})
		slow.Store(true)
		told := make(fate, 2)
		if err := c.Publish(&broker.Publishing{Key: "q", Properties: amqp.Properties{DeliveryMode: persistent}}, told); err != nil {
			t.Fatal(err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		if err := <-told; err != nil {
			t.Error(err)
		}
	})
}

// A client whose reader writes to the disk itself keeps nobody either who has clients leave.
func TestABrokerIsClosedThoughAReaderWaitsForItsDisk(t *testing.T) {
	fs := newStuckDisk(disk.OpSync)
	b := openOn(t, fs)
	declare(t, dial(t, b), broker.QueueOptions{Name: "q", Durable: true})
	ln := listen(t)
	served := serve(b, ln)
	s := login(t, ln.Addr().String())
	s.on(1, &amqp.ChannelOpen{})
	s.want(amqp.ChannelOpenOkID)
	s.on(1, &amqp.ConfirmSelect{})
	s.want(amqp.ConfirmSelectOkID)
	goOn := fs.stick()
	props, _ := (&amqp.Properties{DeliveryMode: persistent}).Append(nil)
	publish, _ := (&amqp.BasicPublish{RoutingKey: "q"}).AppendFrame(nil, 1)
	s.write(amqp.AppendHeaderFrame(publish, 1, uint16(amqp.BasicPublishID>>16), 0, props))
	receive(t, fs.asked)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Shutdown(ctx); err == nil || !strings.Contains(err.Error(), "does not answer: 1 record is") {
		t.Error(err)
	}
	if err := receive(t, served); !errors.Is(err, broker.ErrClosed) {
		t.Error(err)
	}
	goOn()
	receive(t, b.Done())
}
