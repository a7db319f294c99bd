package postridertest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/broker"
	"github.com/postrider-mq/postrider/postridertest"
)

func inMemory(t *testing.T, tell func(t *testing.T, net *postridertest.Network)) {
	synctest.Test(t, func(t *testing.T) { tell(t, postridertest.New(t, "shop", "warehouse")) })
}

// within is a context that ends after some of the bubble's time, which takes none of ours.
func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// wantDown checks that a message is not delivered, and why.
func wantDown(t *testing.T, to *postrider.Target, why error) {
	t.Helper()
	err := to.Send(within(t, time.Minute), "hello")
	if !errors.Is(err, postrider.ErrPeerDown) || !errors.Is(err, why) {
		t.Errorf("%v, want %v", err, why)
	}
}

func wantUp(t *testing.T, to *postrider.Target) {
	t.Helper()
	if err := to.Send(within(t, time.Minute), "hello"); err != nil {
		t.Error(err)
	}
}

func TestWhoIsIsolatedComesBack(t *testing.T) {
	inMemory(t, func(t *testing.T, net *postridertest.Network) {
		shop := net.Node("shop")
		wantDown(t, shop.Peer("warehouse"), postridertest.ErrRefused)
		net.Node("warehouse")
		wantUp(t, shop.Peer("warehouse"))
		net.Isolate("warehouse")
		wantDown(t, shop.Peer("warehouse"), postridertest.ErrNoRoute)
		net.Rejoin("warehouse")
		wantUp(t, shop.Peer("warehouse"))
		net.CutAll()
		wantUp(t, shop.Peer("warehouse"))
	})
}

func TestTwoWhoArePartedStillReachTheBroker(t *testing.T) {
	inMemory(t, func(t *testing.T, net *postridertest.Network) {
		mq := net.Broker("mq")
		shop, warehouse := net.Node("shop", mq.Use), net.Node("warehouse", mq.Use)
		net.Split("shop", "warehouse")
		wantDown(t, shop.Peer("warehouse"), postridertest.ErrNoRoute)
		wantDown(t, warehouse.Peer("shop"), postridertest.ErrNoRoute)
		wantUp(t, shop.Mailbox("orders"))
		wantUp(t, warehouse.Mailbox("orders"))
		net.Heal("warehouse", "shop")
		wantUp(t, shop.Peer("warehouse"))
	})
}

// Who was about to connect when the two were parted does not get through.
func TestNoConnectionIsMadeBetweenTwoWhoAreParted(t *testing.T) {
	inMemory(t, func(t *testing.T, net *postridertest.Network) {
		listener, dial := net.Listen("warehouse"), net.Dialer("shop")
		dialled := make(chan error, 1)
		go func() {
			_, err := dial(t.Context(), "tcp", postridertest.Address("warehouse"))
			dialled <- err
		}()
		synctest.Wait() // nobody accepts yet
		net.Split("shop", "warehouse")
		c, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if err := <-dialled; !errors.Is(err, postridertest.ErrNoRoute) {
			t.Error(err)
		}
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("the connection is open")
		}
	})
}

// A broker with a directory is a machine that can be switched off and on.
func TestABrokerStartsAgain(t *testing.T) {
	inMemory(t, func(t *testing.T, net *postridertest.Network) {
		disk := broker.Config{Dir: t.TempDir()}
		mq := net.BrokerWith("mq", disk)
		shop := net.Node("shop", mq.Use)
		wantUp(t, shop.Mailbox("orders"))
		mq.Close()
		wantDown(t, shop.Mailbox("orders"), postridertest.ErrRefused)
		net.BrokerWith("mq", disk)
		for m, err := range shop.Messages(within(t, time.Minute), postrider.Of(shop.Mailbox("orders"))) {
			if err != nil || string(m.Body) != "hello" {
				t.Fatal(m, err)
			}
			m.Ack()
			break
		}
	})
}

// One that is mute hangs up no connection: only a deadline tells.
func TestWhoIsMuteIsNotMissed(t *testing.T) {
	inMemory(t, func(t *testing.T, net *postridertest.Network) {
		shop := net.Node("shop")
		net.Node("warehouse")
		wantUp(t, shop.Peer("warehouse"))
		net.Mute("warehouse")
		began := time.Now()
		err := shop.Peer("warehouse").Send(within(t, 3*time.Second), "hello")
		var failed *postrider.SendError
		if !errors.As(err, &failed) || !failed.MaybeDelivered || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, and nobody knows of it", err)
		}
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("it took %v", took)
		}
		if _, err := net.Dialer("shop")(within(t, time.Second), "tcp", postridertest.Address("warehouse")); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		net.Unmute("warehouse")
		wantUp(t, shop.Peer("warehouse"))
	})
}

func TestWhoIsSlowAnswersLate(t *testing.T) {
	inMemory(t, func(t *testing.T, net *postridertest.Network) {
		shop := net.Node("shop")
		net.Node("warehouse")
		wantUp(t, shop.Peer("warehouse"))
		net.Slow("warehouse", time.Second)
		began := time.Now()
		wantUp(t, shop.Peer("warehouse"))
		if took := time.Since(began); took < 2*time.Second {
			t.Errorf("there and back in %v", took)
		}
		net.Slow("warehouse", 0)
		wantUp(t, shop.Peer("warehouse")) // the reads that had begun
		began = time.Now()
		wantUp(t, shop.Peer("warehouse"))
		if took := time.Since(began); took > time.Second {
			t.Errorf("still slow: %v", took)
		}
	})
}
