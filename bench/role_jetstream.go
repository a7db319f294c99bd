package main

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/postrider-mq/postrider/internal/measure"
)

// What JetStream calls the mailbox.
const (
	jetStream  = "BENCH"
	jetSubject = "bench"
	jetWorker  = "worker"
)

// jetServer is a NATS server with JetStream, and the stream.
type jetServer struct {
	natsServer
	conn *nats.Conn
	js   jetstream.JetStream
}

func (p *jetServer) prepare(o order) (string, error) {
	address, err := p.start(o, true)
	if err != nil {
		return "", err
	}
	if p.conn, p.js, err = openJetStream("nats://" + address); err != nil {
		return "", err
	}
	ctx, cancel := jetContext()
	defer cancel()
	s, err := p.js.CreateStream(ctx, jetstream.StreamConfig{
		Name: jetStream, Subjects: []string{jetSubject}, Storage: jetstream.FileStorage, Retention: jetstream.WorkQueuePolicy,
	})
	if err != nil {
		return "", err
	}
	_, err = s.CreateConsumer(ctx, jetstream.ConsumerConfig{
		Durable: jetWorker, AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: o.Prefetch,
	})
	return address, err
}

func openJetStream(url string, opts ...jetstream.JetStreamOpt) (*nats.Conn, jetstream.JetStream, error) {
	conn, err := nats.Connect(url)
	if err != nil {
		return nil, nil, err
	}
	js, err := jetstream.New(conn, opts...)
	return conn, js, err
}

func jetContext() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), 10*time.Second)
}

// work serves until the clients are gone, and then looks that they have acknowledged everything.
func (p *jetServer) work(stop <-chan struct{}) (tally, error) {
	t, _ := p.natsServer.work(stop)
	ctx, cancel := jetContext()
	defer cancel()
	s, err := p.js.Stream(ctx, jetStream)
	if err != nil {
		return t, err
	}
	for { // acknowledgements are not answered; those that were sent are soon there
		info, err := s.Info(ctx)
		switch {
		case err != nil:
			return tally{}, err
		case info.State.Msgs == 0:
			return t, nil
		case ctx.Err() != nil:
			return tally{}, fmt.Errorf("%d messages were not acknowledged", info.State.Msgs)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (p *jetServer) close() error {
	if p.conn != nil {
		p.conn.Close()
	}
	return p.natsServer.close()
}

// jetSender publishes with a window of messages that are not confirmed.
type jetSender struct {
	order order
	conn  *nats.Conn
	js    jetstream.JetStream
	fault chan error
}

func (s *jetSender) prepare(o order) (_ string, err error) {
	s.order, s.fault = o, make(chan error, 1)
	s.conn, s.js, err = openJetStream(o.Broker, jetstream.WithPublishAsyncMaxPending(o.Window),
		jetstream.WithPublishAsyncErrHandler(func(_ jetstream.JetStream, _ *nats.Msg, err error) {
			select {
			case s.fault <- err:
			default: // the first one tells enough
			}
		}))
	return "", err
}

func (s *jetSender) work(<-chan struct{}) (tally, error) {
	watch := newStopwatch(s.order)
	err := stream(s.order, measure.NewPace(float64(s.order.Rate)), watch, func(body []byte) error {
		_, err := s.js.PublishAsync(jetSubject, append([]byte(nil), body...), jetstream.WithStallWait(time.Minute))
		return err
	})
	if err != nil {
		return tally{}, err
	}
	select {
	case <-s.js.PublishAsyncComplete():
	case err := <-s.fault:
		return tally{}, err
	}
	select {
	case err := <-s.fault:
		return tally{}, err
	default:
		return watch.stop()
	}
}

func (s *jetSender) close() error { return closeNATS(s.conn) }

func closeNATS(conn *nats.Conn) error {
	if conn == nil {
		return nil
	}
	err := conn.FlushTimeout(10 * time.Second)
	conn.Close()
	return err
}

// jetReceiver acknowledges one message after the other.
type jetReceiver struct {
	conn      *nats.Conn
	consuming jetstream.ConsumeContext
	ending    ending
}

func (r *jetReceiver) prepare(o order) (string, error) {
	r.ending = newEnding()
	var js jetstream.JetStream
	var err error
	if r.conn, js, err = openJetStream(o.Broker); err != nil {
		return "", err
	}
	ctx, cancel := jetContext()
	defer cancel()
	c, err := js.Consumer(ctx, jetStream, jetWorker)
	if err != nil {
		return "", err
	}
	arrivals := newArrivals(o)
	r.consuming, err = c.Consume(func(m jetstream.Msg) {
		last, err := arrivals.add(m.Data())
		if err == nil {
			err = m.Ack()
		}
		r.ending.took(arrivals, last, err)
	}, jetstream.PullMaxMessages(o.Prefetch))
	return "", err
}

func (r *jetReceiver) work(stop <-chan struct{}) (tally, error) { return r.ending.wait(stop) }

func (r *jetReceiver) close() error {
	if r.consuming != nil {
		r.consuming.Stop()
	}
	return closeNATS(r.conn)
}
