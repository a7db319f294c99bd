//go:build unix

package socket

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"math/rand/v2"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

// pair is two ends of a loopback connection.
func pair(t testing.TB) (a, b *net.TCPConn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	dialed, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dialed.Close(); accepted.Close() })
	return dialed.(*net.TCPConn), accepted.(*net.TCPConn)
}

func put(t *testing.T, s *Socket, what string) {
	t.Helper()
	if n, err := s.TryWrite([]byte(what)); n != len(what) || err != nil {
		t.Fatalf("wrote %d bytes of %q: %v", n, what, err)
	}
}

// So often that calls are quick ones in the end.
func TestWhatIsWrittenIsRead(t *testing.T) {
	a, b := pair(t)
	from, to := Of(a), Of(b)
	buf := make([]byte, 100)
	for range 200 {
		put(t, from, "a few words")
		n, err := to.Read(buf)
		if string(buf[:n]) != "a few words" || err != nil {
			t.Fatalf("read %q: %v", buf[:n], err)
		}
	}
	a.Close()
	if n, err := to.Read(buf); n != 0 || err != io.EOF {
		t.Errorf("after the end: %d bytes, %v", n, err)
	}
}

func TestNothingIsAllocatedForACall(t *testing.T) {
	a, b := pair(t)
	from, to := Of(a), Of(b)
	word, buf := []byte("word"), make([]byte, 100)
	if n := testing.AllocsPerRun(1000, func() { from.TryWrite(word); to.Read(buf) }); n != 0 {
		t.Errorf("%v objects", n)
	}
}

func TestTryWriteDoesNotWait(t *testing.T) {
	a, b := pair(t)
	s := Of(a)
	big, taken := make([]byte, 1<<20), 0
	for {
		n, err := s.TryWrite(big)
		if err != nil {
			t.Fatal(err)
		}
		if taken += n; n == 0 {
			break
		}
	}
	go io.CopyN(io.Discard, b, int64(taken))
	for n := 0; n == 0; { // there is room again, sooner or later
		var err error
		if n, err = s.TryWrite(big); err != nil {
			t.Fatal(err)
		}
	}
}

// Whatever ends a connection's Read ends this one, and says the same.
func TestErrorsAreTheConnections(t *testing.T) {
	for how, end := range map[string]func(here, there *net.TCPConn){
		"reset":    func(_, there *net.TCPConn) { there.SetLinger(0); there.Close() },
		"deadline": func(here, _ *net.TCPConn) { here.SetReadDeadline(time.Unix(1, 0)) },
		"closed":   func(here, _ *net.TCPConn) { here.Close() },
	} {
		t.Run(how, func(t *testing.T) {
			a, b := pair(t)
			waiting := make(chan error, 1)
			go func() {
				_, err := Of(a).Read(make([]byte, 1))
				waiting <- err
			}()
			end(a, b)
			got := <-waiting

			c, d := pair(t)
			end(c, d)
			_, want := c.Read(make([]byte, 1))
			for _, kind := range []error{net.ErrClosed, os.ErrDeadlineExceeded} {
				if errors.Is(got, kind) != errors.Is(want, kind) {
					t.Errorf("%v and %v: %v", got, want, kind)
				}
			}
			if got, want := said(t, got), said(t, want); got != want {
				t.Errorf("it says %q, want %q", got, want)
			}
		})
	}
}

// said is an error without the addresses.
func said(t *testing.T, err error) string {
	t.Helper()
	op, ok := errors.AsType[*net.OpError](err)
	if !ok || op.Addr == nil || op.Source == nil {
		t.Fatalf("%v is %T, without its addresses", err, err)
	}
	return op.Op + " " + op.Net + " " + op.Err.Error()
}

func TestWhatHasNoSocket(t *testing.T) {
	a, _ := net.Pipe()
	if s := Of(a); s != nil {
		t.Error("a connection in memory has one")
	}
}

// What is written under TLS, more than there is room for at once, arrives whole, both ways.
func TestUnderTLS(t *testing.T) {
	a, b := pair(t)
	here, there := Under(a), Under(b)
	if _, ok := here.(syscall.Conn); !ok || Of(here) == nil {
		t.Fatal("it has no socket any more")
	}
	sent := make([]byte, 4<<20)
	rand.NewChaCha8([32]byte{}).Read(sent)
	done := make(chan error, 1)
	go func() { // an echo
		server := tls.Server(there, &tls.Config{Certificates: []tls.Certificate{certificate(t)}})
		defer server.Close()
		got, err := io.ReadAll(io.LimitReader(server, int64(len(sent))))
		if err == nil {
			_, err = server.Write(got)
		}
		done <- err
	}()
	client := tls.Client(here, &tls.Config{InsecureSkipVerify: true})
	defer client.Close()
	if _, err := client.Write(sent); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(client)
	if err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d bytes came back, %v", len(got), err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func certificate(t *testing.T) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	if err != nil {
		t.Error(err)
	}
	c, err := x509.CreateCertificate(crand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1)}, &x509.Certificate{SerialNumber: big.NewInt(1)}, key.Public(), key)
	if err != nil {
		t.Error(err)
	}
	return tls.Certificate{Certificate: [][]byte{c}, PrivateKey: key}
}

func TestTheListenersConnectionsAreUnder(t *testing.T) {
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln := Listener(plain)
	defer ln.Close()
	a, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if _, ok := b.(*under); !ok {
		t.Errorf("it is %T", b)
	}
	ln.Close()
	if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}
