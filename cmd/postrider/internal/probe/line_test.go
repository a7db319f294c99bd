package probe

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/broker"
	"github.com/postrider-mq/postrider/internal/client"
)

func TestALineAsksABroker(t *testing.T) {
	b, at := open(t)
	c, err := b.Dial(broker.DialConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.DeclareQueue(t.Context(), broker.QueueOptions{Name: "jobs"}); err != nil {
		t.Fatal(err)
	}
	l, err := Dial(t.Context(), at, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if s := l.Server(); s != (Server{"here", "Postrider", broker.Version}) {
		t.Errorf("%+v", s)
	}
	for range 3 {
		if took, err := l.Ping(t.Context()); took <= 0 || err != nil {
			t.Fatal(took, err)
		}
	}
	if messages, consumers, err := l.Queue(t.Context(), "jobs"); messages != 0 || consumers != 0 || err != nil {
		t.Error(messages, consumers, err)
	}
	var refused *amqp.Error
	if _, _, err := l.Queue(t.Context(), "none"); !errors.As(err, &refused) || refused.Code != amqp.NotFound {
		t.Error(err)
	}
	if _, err := l.Ping(t.Context()); err != nil { // a refusal ends a channel, and no more
		t.Error(err)
	}
}

func TestAWrongPasswordIsARefusal(t *testing.T) {
	_, at := open(t)
	at.Password = "wrong"
	_, err := Dial(t.Context(), at, nil)
	var refused *amqp.Error
	if !errors.As(err, &refused) || refused.Code != amqp.AccessRefused {
		t.Error(err)
	}
}

func TestWhoSaysNothingIsNotWaitedForLongerThanTheContext(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := Dial(ctx, address(ln), nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func TestWhoSpeaksAnotherProtocolIsToldApart(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		c, err := ln.Accept()
		if err == nil {
			_, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			defer c.Close()
			_, _ = c.Read(make([]byte, 100))
		}
	}()
	if _, err := Dial(t.Context(), address(ln), nil); err == nil {
		t.Error("dialled an HTTP server")
	} else {
		t.Log(err)
	}
}

// open starts a broker.
func open(t *testing.T) (*broker.Broker, client.Address) {
	t.Helper()
	b, err := broker.Open(broker.Config{Name: "here"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go b.Serve(ln)
	return b, address(ln)
}

func address(ln net.Listener) client.Address {
	return client.Address{Host: ln.Addr().String(), User: "guest", Password: "guest", VHost: "/"}
}
