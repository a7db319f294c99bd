package postrider_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"math/big"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/broker"
)

// strangers is a network of nodes that know the broker and no peer.
func strangers(cfg *postrider.Config) { onBroker(cfg); cfg.Peers = nil }

func TestAPeerIsFoundThroughTheBrokerAlsoAfterItMoved(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		net.broker()
		alice := net.node("alice", strangers)
		early := post(t, alice.Peer("bob"), "early")
		fate(t, alice.Peer("bob").Send(within(t, time.Minute), "nobody"), false, postrider.ErrPeerDown, context.DeadlineExceeded)
		bob := net.node("bob", strangers)
		got := collect(t, bob, bob.Inbox())
		wantBody(t, got, "early")
		wantGrade(t, early, postrider.Received)
		if err := alice.Peer("bob").Send(within(t, time.Minute), "hello"); err != nil {
			t.Fatal(err)
		}
		wantBody(t, got, "hello")
		bob.Close()
		synctest.Wait()
		late := post(t, alice.Peer("bob"), "late")
		l := net.listen("elsewhere:1")
		bob = net.node("bob", strangers, func(cfg *postrider.Config) { cfg.Listener = l })
		wantBody(t, collect(t, bob, bob.Inbox()), "late")
		wantGrade(t, late, postrider.Received)
	})
}

func TestWhoIsNotFoundIsDown(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		net.broker()
		alice := net.node("alice", strangers)
		err := alice.Peer("carol").Send(within(t, time.Minute), "hello")
		fate(t, err, false, postrider.ErrPeerDown)
		if !strings.Contains(err.Error(), `looking for "carol"`) {
			t.Error(err)
		}
		alone := net.node("bob", func(cfg *postrider.Config) { cfg.Peers = nil })
		fate(t, alone.Peer("carol").Send(within(t, time.Minute), "hello"), false, postrider.ErrNoSuchTarget)
	})
}

// A node that ends takes with it what it was just asked.
func TestAQuestionThatNobodyAnswersIsAskedAgain(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		mq, _ := net.broker()
		ending, err := mq.Dial(broker.DialConfig{Name: "bob, who ends"})
		if err != nil {
			t.Fatal(err)
		}
		if err := ending.DeclareExchange(t.Context(), broker.ExchangeOptions{Name: "postrider.nodes", Kind: "direct", Durable: true}); err != nil {
			t.Fatal(err)
		}
		q, err := ending.DeclareQueue(t.Context(), broker.QueueOptions{Exclusive: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := ending.BindQueue(t.Context(), q.Name, "postrider.nodes", "bob", nil); err != nil {
			t.Fatal(err)
		}
		asked := make(chan struct{}, 1)
		if _, err := ending.Consume(t.Context(), q.Name, broker.ConsumeOptions{}, func(broker.Delivery) { asked <- struct{}{} }); err != nil {
			t.Fatal(err)
		}
		alice := net.node("alice", strangers)
		sent := make(chan error, 1)
		go func() {
			sent <- alice.Peer("bob", postrider.Relay()).Send(within(t, 5*time.Second), "by way of the broker")
		}()
		<-asked
		ending.Close()
		if err := <-sent; err != nil {
			t.Errorf("it waits for an answer that will not come: %v", err)
		}
	})
}

// Two may ask each other, and a third one, whatever became of the connections to the broker meanwhile.
func TestPeersFindEachOther(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		_, l := net.broker()
		alice, bob := net.node("alice", strangers), net.node("bob", strangers)
		l.cut()
		toBob, toAlice := collect(t, bob, bob.Inbox()), collect(t, alice, alice.Inbox())
		post(t, alice.Peer("bob"), "1")
		post(t, bob.Peer("alice"), "2")
		wantBody(t, toBob, "1")
		wantBody(t, toAlice, "2")
	})
}

// certificate is one that nobody has signed.
func certificate(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

func listenTCP(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// brokerOverTCP returns the address of a broker.
func brokerOverTCP(t *testing.T) string {
	t.Helper()
	b, err := broker.Open(broker.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	l := listenTCP(t)
	go b.Serve(l)
	return "amqp://" + l.Addr().String()
}

// sendInVain sends what must not arrive, until the error says why it does not. That is known within milliseconds as a rule, and a Send waits for
// its context in any case.
func sendInVain(t *testing.T, to *postrider.Target, why string) error {
	t.Helper()
	for ctx := soon(t); ; {
		short, done := context.WithTimeout(ctx, 100*time.Millisecond)
		err := to.Send(short, "secret")
		done()
		switch {
		case err == nil:
			t.Fatal("it was sent, in spite of ", why)
		case strings.Contains(err.Error(), why):
			return err
		case ctx.Err() != nil:
			t.Fatalf("%v, want %q", err, why)
		}
	}
}

// A peer's card has its public key: it is believed at its address, and nobody else is there.
func TestAPeerThatIsFoundShowsItsKey(t *testing.T) {
	mq := []string{brokerOverTCP(t)}
	start(t, postrider.Config{Name: "bob", Listen: "127.0.0.1:0", TLS: certificate(t), Brokers: mq})
	alice := start(t, postrider.Config{Name: "alice", Brokers: mq})
	if err := alice.Peer("bob").Send(soon(t), "hello"); err != nil {
		t.Fatal(err)
	}
	impostor := tls.NewListener(listenTCP(t), certificate(t))
	go func() {
		for c, err := impostor.Accept(); err == nil; c, err = impostor.Accept() {
			go func() {
				c.Read(make([]byte, 1)) // the handshake
				c.Close()
			}()
		}
	}()
	start(t, postrider.Config{
		Name: "carol", Listen: "127.0.0.1:0", TLS: certificate(t), Brokers: mq, Advertise: impostor.Addr().String(),
	})
	ctx, cancel := context.WithCancelCause(soon(t))
	defer cancel(nil)
	other := make(chan error, 1)
	go func() { other <- alice.Peer("carol").Send(ctx, "secret") }()
	fate(t, sendInVain(t, alice.Peer("carol"), "another public key"), false, postrider.ErrPeerDown)
	cancel(nil)
	if err := <-other; !errors.Is(err, postrider.ErrPeerDown) {
		t.Error(err)
	}
}

// answerSRV is a name server that knows where _amqp._tcp.example.test is, and says so to whoever asks anything.
func answerSRV(t *testing.T, where func() (port uint16)) *net.Resolver {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	go func() {
		for b := make([]byte, 512); ; {
			n, from, err := server.ReadFrom(b)
			if err != nil {
				return
			}
			server.WriteTo(srvAnswer(b[:n], where()), from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}

// srvAnswer answers a question with one SRV record for localhost (RFC 1035, section 4; RFC 2782).
func srvAnswer(question []byte, port uint16) []byte {
	end := 12
	for question[end] != 0 {
		end += int(question[end]) + 1
	}
	end += 5 // the root, type and class
	a := append([]byte(nil), question[:end]...)
	copy(a[2:12], []byte{0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0}) // an answer to one question, with one record
	target := []byte("\x09localhost\x00")
	a = append(a, 0xc0, 12, 0, 33, 0, 1, 0, 0, 0, 0) // the name in the question, SRV, IN, not to be cached
	a = binary.BigEndian.AppendUint16(a, uint16(6+len(target)))
	a = append(a, 0, 0, 0, 0) // priority, weight
	a = binary.BigEndian.AppendUint16(a, port)
	return append(a, target...)
}

func TestAPeerIsFoundByDNS(t *testing.T) {
	bob := start(t, postrider.Config{Name: "bob", Listen: "127.0.0.1:0"})
	resolver := answerSRV(t, func() uint16 { return uint16(bob.Addr().(*net.TCPAddr).Port) })
	alice := start(t, postrider.Config{
		Name: "alice", Peers: map[string]string{"bob": "amqp+srv://example.test"}, Resolver: resolver,
	})
	if err := alice.Peer("bob").Send(soon(t), "hello"); err != nil {
		t.Error(err)
	}
	if err := alice.Peer("amqp+srv://example.test/bob").Send(soon(t), "hello"); err != nil {
		t.Error(err)
	}
	for _, wrong := range []string{"amqp+srv://", "http+srv://example.test", "amqp+srv://example.test:5672"} {
		_, err := postrider.Start(t.Context(), postrider.Config{Name: "x", Peers: map[string]string{"bob": wrong}})
		if err == nil {
			t.Errorf("%s is taken", wrong)
		}
	}
}

// Where TLS is asked for, who can forge DNS gains nothing by a certificate of his own.
func TestWhoIsFoundByDNSShowsTheDomainsCertificate(t *testing.T) {
	f := newFamily(t)
	roots := f.keys("alice").TLS().RootCAs
	for host, trusted := range map[string]bool{"localhost": false, "example.test": true} {
		f.issue("bob", host)
		pair, err := tls.X509KeyPair(f.get("bob.pem"), f.get("bob.key"))
		if err != nil {
			t.Fatal(err)
		}
		bob := start(t, postrider.Config{Name: "bob", Listen: "127.0.0.1:0", TLS: &tls.Config{Certificates: []tls.Certificate{pair}}})
		resolver := answerSRV(t, func() uint16 { return uint16(bob.Addr().(*net.TCPAddr).Port) })
		alice := start(t, postrider.Config{
			Name: "alice", Peers: map[string]string{"bob": "amqps+srv://example.test"}, Resolver: resolver, TLS: &tls.Config{RootCAs: roots},
		})
		if !trusted {
			sendInVain(t, alice.Peer("bob"), "example.test")
		} else if err := alice.Peer("bob").Send(soon(t), "hello"); err != nil {
			t.Errorf("the certificate of %s: %v", host, err)
		}
	}
}
