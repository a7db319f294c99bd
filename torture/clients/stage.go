package clients

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/postrider-mq/postrider/torture/history"
)

// Patience is how long any one thing that a client asks of a running broker may take.
const Patience = 20 * time.Second

// Stage is one life of the broker, as its clients see it.
type Stage struct {
	URL     string
	History *history.History

	ctx    context.Context // ends when the actors should go
	leave  context.CancelFunc
	ending atomic.Bool // from now on broken connections are no news
	fail   func(error)
	actors sync.WaitGroup
}

// NewStage returns the stage of a broker at url. What a broker must not do while it is up is told to fail.
func NewStage(url string, h *history.History, fail func(error)) *Stage {
	s := &Stage{URL: url, History: h, fail: fail}
	s.ctx, s.leave = context.WithCancel(context.Background())
	return s
}

// Ending says that the broker is about to be stopped.
func (s *Stage) Ending() {
	if !s.ending.Swap(true) {
		s.History.Ending()
	}
}

// Clear ends the stage and waits until every actor has left it.
func (s *Stage) Clear() {
	s.Ending()
	s.leave()
	s.actors.Wait()
}

// Actor is who can play on a stage.
type Actor interface{ play(s *Stage) error }

// Enter lets an actor play until the stage ends. One who is thrown out begins again.
func (s *Stage) Enter(a Actor) {
	s.actors.Go(func() {
		for s.ctx.Err() == nil {
			if err := a.play(s); err != nil && !s.ending.Load() {
				s.fail(err)
				return
			}
			if s.ending.Load() {
				return
			}
		}
	})
}

// do runs one call of a client, which must come back in time.
func (s *Stage) do(what string, call func() error) error {
	late := time.AfterFunc(Patience, func() {
		if !s.ending.Load() {
			s.fail(fmt.Errorf("hang: %s took more than %v", what, Patience))
		}
	})
	defer late.Stop()
	if err := call(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// line is a connection with one channel.
type line struct {
	conn   *amqp.Connection
	ch     *amqp.Channel
	socket net.Conn
	closed chan *amqp.Error
}

// connect dials, and opens a channel that confirms.
func (s *Stage) connect(name string) (*line, error) {
	l := &line{}
	cfg := amqp.Config{
		Heartbeat:  2 * Patience, // who hears nothing for one and a half of it hangs up: no sooner than we give up
		Locale:     "en_US",
		Properties: amqp.Table{"connection_name": name},
		Dial: func(network, address string) (c net.Conn, err error) {
			c, err = net.DialTimeout(network, address, Patience)
			l.socket = c
			return c, err
		},
	}
	err := s.do(name+": connect", func() (err error) {
		if l.conn, err = amqp.DialConfig(s.URL, cfg); err != nil {
			return err
		}
		l.closed = l.conn.NotifyClose(make(chan *amqp.Error, 1))
		if l.ch, err = l.conn.Channel(); err != nil {
			return err
		}
		return l.ch.Confirm(false)
	})
	if err != nil {
		l.hangUp()
		return nil, err
	}
	return l, nil
}

// hangUp ends the connection without a word, as a client does that is killed.
func (l *line) hangUp() {
	if l.socket != nil {
		_ = l.socket.Close()
	}
	if l.conn != nil {
		_ = l.conn.CloseDeadline(time.Now())
	}
}

// lost is why the connection broke.
func (l *line) lost(name string) error {
	select {
	case err := <-l.closed:
		if err != nil {
			return fmt.Errorf("%s: the connection broke: %w", name, err)
		}
	case <-time.After(time.Second):
	}
	return fmt.Errorf("%s: the connection or its channel broke", name)
}
