package postridertest_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider/postridertest"
)

// connected is a connection between two.
func connected(t *testing.T, n *postridertest.Network) (shop, warehouse net.Conn) {
	t.Helper()
	listener := n.Listen("warehouse")
	accepted := make(chan net.Conn, 1)
	go func() {
		c, _ := listener.Accept()
		accepted <- c
	}()
	shop, err := n.Dialer("shop")(t.Context(), "tcp", postridertest.Address("warehouse"))
	if err != nil {
		t.Fatal(err)
	}
	return shop, <-accepted
}

func wantRead(t *testing.T, c net.Conn, text string, after time.Duration) {
	t.Helper()
	began := time.Now()
	b := make([]byte, len(text))
	if _, err := io.ReadFull(c, b); err != nil || string(b) != text {
		t.Errorf("%q, %v", b, err)
	}
	if took := time.Since(began); took != after {
		t.Errorf("%s took %v, want %v", text, took, after)
	}
}

func wantWritten(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Error(err)
	}
}

// What is sent while something else is under way is not late by both their times, and nothing overtakes.
func TestWhatIsUnderWayDelaysNothingBehindIt(t *testing.T) {
	inMemory(t, func(t *testing.T, n *postridertest.Network) {
		shop, warehouse := connected(t, n)
		n.Slow("warehouse", time.Second)
		wantWritten(t, shop, "one")
		time.Sleep(100 * time.Millisecond)
		wantWritten(t, shop, "two")
		n.Slow("warehouse", 0)
		wantWritten(t, shop, "three")
		n.Slow("shop", 2*time.Second)
		shop.Close()
		wantRead(t, warehouse, "one", 900*time.Millisecond)
		wantRead(t, warehouse, "two", 100*time.Millisecond)
		wantRead(t, warehouse, "three", 0)
		began := time.Now()
		if _, err := warehouse.Read(make([]byte, 1)); err != io.EOF || time.Since(began) != time.Second {
			t.Error("the end:", err, time.Since(began))
		}
		if _, err := warehouse.Write([]byte("x")); err == nil {
			t.Error("who has closed is written to")
		}
	})
}

// A connection that is cut loses what is under way; so does one that becomes mute, but for what has arrived.
func TestWhatIsUnderWayIsLost(t *testing.T) {
	inMemory(t, func(t *testing.T, n *postridertest.Network) {
		shop, warehouse := connected(t, n)
		wantWritten(t, shop, "here")
		n.Slow("shop", time.Second)
		wantWritten(t, shop, "lost")
		n.Mute("shop")
		wantWritten(t, shop, "lost")
		wantRead(t, warehouse, "here", 0)
		warehouse.SetReadDeadline(time.Now().Add(time.Hour))
		if _, err := warehouse.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
		n.Unmute("shop")
		shop, warehouse = connected(t, n)
		wantWritten(t, shop, "lost")
		n.Cut("shop")
		for _, c := range []net.Conn{shop, warehouse} {
			if _, err := c.Read(make([]byte, 1)); err == nil {
				t.Error("it is not cut")
			}
			if _, err := c.Write([]byte("x")); err == nil {
				t.Error("it is not cut")
			}
		}
	})
}

// Who writes waits when too much is under way, until somebody reads, his time is up, or the connection ends.
func TestSoMuchIsUnderWay(t *testing.T) {
	inMemory(t, func(t *testing.T, n *postridertest.Network) {
		shop, warehouse := connected(t, n)
		most := 0
		shop.SetWriteDeadline(time.Now().Add(time.Minute))
		for {
			some, err := shop.Write(make([]byte, 1000))
			most += some
			if err != nil {
				if !errors.Is(err, os.ErrDeadlineExceeded) || most < 64<<10 || most > 1<<20 {
					t.Error(most, err)
				}
				break
			}
		}
		shop.SetWriteDeadline(time.Time{})
		sent := bytes.Repeat([]byte("0123456789"), 100_000)
		wrote := make(chan error, 2)
		go func() {
			_, err := shop.Write(sent)
			wrote <- err
			_, err = shop.Write(make([]byte, 1<<20))
			wrote <- err
		}()
		synctest.Wait()
		got := make([]byte, most+len(sent))
		if _, err := io.ReadFull(warehouse, got); err != nil || !bytes.Equal(got[most:], sent) || <-wrote != nil {
			t.Error("not as it was sent", err)
		}
		synctest.Wait()
		n.CutAll()
		if <-wrote == nil {
			t.Error("written to a connection that was cut")
		}
	})
}
