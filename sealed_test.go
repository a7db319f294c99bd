package postrider_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/broker"
	"github.com/postrider-mq/postrider/postridertest"
)

// wire hears all that nodes say and hear over the connections that they make.
type wire struct {
	mu    sync.Mutex
	heard bytes.Buffer
}

func (w *wire) listenIn(cfg *postrider.Config) {
	dial := cfg.Dial
	cfg.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &heardConn{c, w}, nil
	}
}

func (w *wire) hear(b []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.heard.Write(b)
}

type heardConn struct {
	net.Conn
	by *wire
}

func (c *heardConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.by.hear(b[:n])
	return n, err
}

func (c *heardConn) Write(b []byte) (int, error) {
	c.by.hear(b)
	return c.Conn.Write(b)
}

const secret = "SECRET"

func (w *wire) wantNothingOf(t *testing.T) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if i := bytes.Index(w.heard.Bytes(), []byte(secret)); i >= 0 {
		t.Errorf("somebody on the way has read %q", w.heard.Bytes()[max(0, i-60):min(w.heard.Len(), i+30)])
	}
	if w.heard.Len() < 1000 {
		t.Errorf("%d bytes were heard in all", w.heard.Len())
	}
}

// toSealed tells a part of a story of a peer, of a mailbox and of one with partitions.
func toSealed(t *testing.T, tell func(t *testing.T, w *wire, to, at *postrider.Target, bob *postrider.Node)) {
	for kind, target := range map[string]func(n *postrider.Node) *postrider.Target{
		"peer":       func(n *postrider.Node) *postrider.Target { return n.Peer("bob") },
		"mailbox":    func(n *postrider.Node) *postrider.Target { return n.Mailbox("jobs") },
		"partitions": func(n *postrider.Node) *postrider.Target { return n.Mailbox("jobs", postrider.Partitions(2)) },
	} {
		t.Run(kind, func(t *testing.T) {
			inMemory(t, func(t *testing.T, net *network) {
				net.broker()
				var w wire
				keys := postridertest.NewKeys(t, "peer:bob", "mailbox:jobs")
				alice := net.node("alice", onBroker, w.listenIn, keys.For("alice"))
				bob := net.node("bob", onBroker, w.listenIn, keys.For("bob", "mailbox:jobs"))
				tell(t, &w, target(alice), target(bob), bob)
				w.wantNothingOf(t)
			})
		})
	}
}

// Bodies, what kind they are, headers, answers, errors, and why something failed: none of it can be read on the way.
func TestNobodyOnTheWayReadsASealedMessage(t *testing.T) {
	toSealed(t, func(t *testing.T, _ *wire, to, at *postrider.Target, bob *postrider.Node) {
		got := make(chan *postrider.Message, 10)
		err := bob.Handle(t.Context(), at, func(ctx context.Context, m *postrider.Message) error {
			if f, failed := m.Failure(); failed && f.Reason != "not now: "+secret {
				t.Errorf("%+v", f)
			}
			switch _, failed := m.Failure(); {
			case string(m.Body) == secret+" question":
				return m.Reply(ctx, secret+" answer")
			case string(m.Body) == secret+" bad question":
				return errors.New(secret + " error")
			case string(m.Body) == secret+" bad":
				return postrider.Reject(errors.New("never: " + secret))
			case string(m.Body) == secret+" twice" && !failed:
				return errors.New("not now: " + secret)
			}
			got <- m
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx := within(t, time.Hour)
		err = to.Send(ctx, secret, postrider.Header("colour", secret), postrider.Header("n", 7), postrider.Key("customer 3"), postrider.ID("m-1"))
		if err != nil {
			t.Fatal(err)
		}
		m := wantBody(t, got, secret)
		if m.SealedBy() != "alice" || m.From != "alice" || m.ID != "m-1" || m.Key() != "customer 3" || m.ContentType != postrider.TypeText ||
			m.Header("colour") != secret || m.Header("n") != int64(7) || len(m.Headers()) != 2 {
			t.Errorf("%+v, by %q, %v", m, m.SealedBy(), m.Headers())
		}
		if err := to.Send(ctx, map[string]string{"a": secret}); err != nil {
			t.Fatal(err)
		}
		var value map[string]string
		if m := <-got; m.ContentType != postrider.TypeJSON || m.Decode(&value) != nil || value["a"] != secret || m.Headers() != nil || m.Header("colour") != nil {
			t.Errorf("%+v, %v", m, value)
		}
		rc, err := to.Post(ctx, secret+" twice", postrider.Until(postrider.Handled))
		if err != nil {
			t.Fatal(err)
		}
		wantGrade(t, rc, postrider.Handled)
		wantBody(t, got, secret+" twice")
		if answer, err := postrider.Call[string](ctx, to, secret+" question"); answer != secret+" answer" || err != nil {
			t.Error(answer, err)
		}
		var remote *postrider.RemoteError
		if _, err := postrider.Call[string](ctx, to, secret+" bad question"); !errors.As(err, &remote) || remote.Reason != secret+" error" {
			t.Error(err)
		}
		if err := to.Send(ctx, secret+" bad", postrider.Until(postrider.Handled)); !errors.As(err, &remote) || remote.Reason != "never: "+secret {
			t.Error(err)
		}
		// What nobody could handle has a second life.
		for m, err := range bob.Messages(ctx, postrider.Of(at.Dead())) {
			if err != nil {
				t.Fatal(err)
			}
			if f, ok := m.Failure(); !ok || f.Reason != "never: "+secret || string(m.Body) != secret+" bad" || m.SealedBy() != "alice" {
				t.Errorf("%+v, %q", f, m.Body)
			}
			m.Ack()
			break
		}
	})
}

// crook is somebody who runs the broker: he takes messages out and puts what he likes in.
type crook struct {
	t    *testing.T
	conn *broker.Conn
}

func newCrook(t *testing.T, b *broker.Broker) *crook {
	c, err := b.Dial(broker.DialConfig{Name: "crook"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &crook{t, c}
}

// steal takes the next message out of a queue.
func (c *crook) steal(queue string) (p amqp.Properties, body []byte) {
	c.t.Helper()
	if _, err := c.conn.DeclareQueue(c.t.Context(), broker.QueueOptions{Name: queue, Durable: true}); err != nil {
		c.t.Fatal(err)
	}
	got := make(chan broker.Delivery, 100)
	consumer, err := c.conn.Consume(c.t.Context(), queue, broker.ConsumeOptions{NoAck: true, Prefetch: 1}, func(d broker.Delivery) { got <- d })
	if err != nil {
		c.t.Fatal(err)
	}
	d := <-got
	consumer.Cancel()
	if err := p.Parse(d.Props, nil); err != nil {
		c.t.Fatal(err)
	}
	return p, d.Body
}

func (c *crook) put(queue string, p amqp.Properties, body []byte) {
	c.t.Helper()
	if err := c.conn.Publish(&broker.Publishing{Key: queue, Mandatory: true, Properties: p, Body: body}, nil); err != nil {
		c.t.Fatal(err)
	}
}

// Whoever runs the broker can put into mailboxes what he likes; it reaches no handler.
func TestWhatIsNotAsItWasSealedReachesNoHandler(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		b, _ := net.broker()
		keys := postridertest.NewKeys(t, "peer:bob", "mailbox:jobs", "mailbox:orders")
		alice := net.node("alice", onBroker, keys.For("alice"))
		bob := net.node("bob", onBroker, keys.For("bob", "mailbox:jobs", "mailbox:orders"), func(cfg *postrider.Config) { cfg.Plain = []string{"mailbox:logs", "topic:news"} })
		logs, news := collect(t, bob, bob.Mailbox("logs")), collect(t, bob, bob.Topic("news", postrider.Durable("bob")))
		strange := postridertest.NewKeys(t, "mailbox:jobs")
		mallory := net.node("carol", onBroker, func(cfg *postrider.Config) {
			cfg.Name = "alice" // says she
			strange.For("alice")(cfg)
		})
		ctx := within(t, time.Hour)
		if err := alice.Mailbox("jobs").Send(ctx, "a lamp", postrider.Key("customer 3"), postrider.ID("m-1")); err != nil {
			t.Fatal(err)
		}
		c := newCrook(t, b)
		p, body := c.steal("jobs")
		altered := func(change func(p *amqp.Properties)) amqp.Properties {
			q := p
			q.Headers = amqp.Table{"x-postrider-key": "customer 3"}
			change(&q)
			return q
		}
		got := collect(t, bob, bob.Mailbox("jobs"))
		other := collect(t, bob, bob.Mailbox("orders"))
		refused := func(queue, why string, p amqp.Properties, body []byte) {
			t.Helper()
			c.put(queue, p, body)
			p, _ = c.steal(queue + ".dead")
			if reason, _ := p.Headers["x-postrider-reason"].(string); !strings.Contains(reason, why) {
				t.Errorf("refused for %q, want %q", reason, why)
			}
		}
		refused("jobs", "it is not sealed", altered(func(p *amqp.Properties) { p.ContentType = postrider.TypeText }), []byte("plain"))
		refused("jobs", "it is not sealed", altered(func(p *amqp.Properties) { p.Headers["x-postrider-control"] = "postrider.ping"; p.ContentType = "" }), nil)
		refused("jobs", "its seal does not hold", altered(func(p *amqp.Properties) { p.MessageID = "m-2" }), body)
		refused("jobs", "its seal does not hold", altered(func(p *amqp.Properties) { p.AppID = "carol" }), body)
		refused("jobs", "its seal does not hold", altered(func(p *amqp.Properties) { p.Headers["x-postrider-key"] = "customer 4" }), body)
		refused("jobs", "its seal does not hold", altered(func(p *amqp.Properties) { delete(p.Headers, "x-postrider-key") }), body)
		refused("jobs", "its seal does not hold", altered(func(p *amqp.Properties) { p.CorrelationID = "m-1" }), body)
		refused("jobs", "its seal does not hold", altered(func(*amqp.Properties) {}), body[:len(body)-1])
		refused("jobs", "its seal does not hold", altered(func(*amqp.Properties) {}), nil)
		refused("orders", `it is sealed to mailbox:jobs, and was put into mailbox orders`, altered(func(*amqp.Properties) {}), body)
		refused("logs", `it is sealed to mailbox:jobs, and was put into mailbox logs`, altered(func(*amqp.Properties) {}), body)
		refused("news.bob", `it is sealed to mailbox:jobs, and was put into topic news`, altered(func(*amqp.Properties) {}), body)
		if err := mallory.Mailbox("jobs").Send(ctx, "a bomb"); err != nil {
			t.Fatal(err)
		}
		p2, _ := c.steal("jobs.dead")
		if reason, _ := p2.Headers["x-postrider-reason"].(string); !strings.Contains(reason, "there is no key for it") {
			t.Error(reason)
		}
		// With a call somebody wants an answer of his own.
		if _, err := c.conn.DeclareQueue(ctx, broker.QueueOptions{Name: "answers", Durable: true}); err != nil {
			t.Fatal(err)
		}
		c.put("jobs", altered(func(p *amqp.Properties) { p.ReplyTo, p.CorrelationID = "answers", "m-1" }), body)
		if p, answer := c.steal("answers"); !strings.Contains(string(answer), "its seal does not hold") || strings.Contains(string(answer), "lamp") {
			t.Errorf("%+v, %q", p, answer)
		}
		c.put("jobs", altered(func(p *amqp.Properties) { // what brokers may change
			p.Expiration, p.DeliveryMode, p.Priority = "60000000", amqp.Transient, 3
			p.Headers["x-death"] = "often"
		}), body)
		if m := wantBody(t, got, "a lamp"); m.SealedBy() != "alice" || m.Header("x-death") != nil {
			t.Errorf("%+v", m)
		}
		c.put("jobs", p, body) // once more: handled once
		c.put("jobs", p, body)
		synctest.Wait()
		if len(got)+len(other)+len(logs)+len(news) != 0 {
			t.Errorf("%d and %d and %d and %d more were handled", len(got), len(other), len(logs), len(news))
		}
	})
}

// Who has no key gives up as soon as who has one does.
func TestWhoCannotOpenAMessageTriesAsOftenAsItsHandlerWould(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		b, _ := net.broker()
		keys := postridertest.NewKeys(t, "mailbox:jobs")
		alice, plain := net.node("alice", onBroker, keys.For("alice")), net.node("carol", onBroker)
		if err := alice.Mailbox("jobs").Send(within(t, time.Minute), secret); err != nil {
			t.Fatal(err)
		}
		nothing := func(context.Context, *postrider.Message) error { t.Error("it was handled"); return nil }
		began := time.Now()
		if err := plain.Handle(t.Context(), plain.Mailbox("jobs"), nothing, postrider.MaxTries(2), postrider.Backoff(func(int) time.Duration { return time.Hour })); err != nil {
			t.Fatal(err)
		}
		p, _ := newCrook(t, b).steal("jobs.dead")
		if tries := fmt.Sprint(p.Headers["x-postrider-tries"]); tries != "2" || time.Since(began) < time.Hour {
			t.Errorf("given up after %s tries and %v", tries, time.Since(began))
		}
	})
}

func TestSealedMessagesFailClosed(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		b, _ := net.broker()
		keys := postridertest.NewKeys(t, "peer:bob", "mailbox:jobs")
		var w wire
		alice := net.node("alice", onBroker, w.listenIn, keys.For("alice"))
		bob := net.node("bob", onBroker, w.listenIn, keys.For("bob"), func(cfg *postrider.Config) { cfg.Plain = []string{"mailbox:logs.*", "topic:prices"} })
		plain := net.node("carol", onBroker)
		ctx := within(t, time.Minute)
		// Who has no key sends nothing and receives nothing.
		noKey := func(err error, todo string) {
			t.Helper()
			if !errors.Is(err, postrider.ErrNoKey) || !strings.Contains(err.Error(), todo) {
				t.Errorf("%v", err)
			}
		}
		nothing := func(context.Context, *postrider.Message) error { t.Error("something was handled"); return nil }
		for _, to := range []*postrider.Target{alice.Mailbox("orders"), alice.Peer("carol"), alice.Inbox(), alice.Topic("prices"), alice.Topic("news")} {
			noKey(to.Send(ctx, secret), "Config.Plain")
			_, err := to.Post(ctx, secret)
			noKey(err, "Config.Plain")
			_, err = postrider.Call[string](ctx, to, secret)
			noKey(err, "Config.Plain")
			if to.Name() != "carol" {
				noKey(alice.Handle(ctx, to, nothing), "Config.Plain")
			}
		}
		noKey(alice.Handle(ctx, alice.Mailbox("jobs"), nothing), "nothing that is sealed to mailbox:jobs could be opened here")
		noKey(alice.Handle(ctx, alice.Mailbox("jobs").Dead(), nothing), "nothing that is sealed to mailbox:jobs could be opened here")
		// What is plain is not taken, calls and control messages included.
		if err := bob.Handle(ctx, bob.Inbox(), nothing); err != nil {
			t.Fatal(err)
		}
		if err := bob.Control("stop", nothing); err != nil {
			t.Fatal(err)
		}
		var remote *postrider.RemoteError
		if err := plain.Peer("bob").Send(ctx, "x", postrider.Until(postrider.Handled)); !errors.As(err, &remote) || !strings.Contains(err.Error(), "it is not sealed") {
			t.Error(err)
		}
		for _, o := range [][]postrider.SendOption{nil, {postrider.Control("stop")}} {
			if _, err := postrider.Call[string](ctx, plain.Peer("bob"), "x", o...); !errors.As(err, &remote) || remote.Code != 403 || !strings.Contains(err.Error(), "it is not sealed") {
				t.Error(err)
			}
		}
		if _, err := plain.Peer("bob").Ping(ctx); err != nil { // says nothing
			t.Error(err)
		}
		// Who has no keys at all hands out nothing that is sealed, and it is not lost.
		if err := alice.Mailbox("jobs").Send(ctx, secret); err != nil {
			t.Fatal(err)
		}
		if err := plain.Handle(t.Context(), plain.Mailbox("jobs"), nothing); err != nil {
			t.Fatal(err)
		}
		c := newCrook(t, b)
		p, body := c.steal("jobs.dead")
		if reason, _ := p.Headers["x-postrider-reason"].(string); !strings.Contains(reason, "this node has no Config.Keys") {
			t.Error(reason)
		}
		delete(p.Headers, "x-postrider-tries")
		worker := net.node("dave", onBroker, keys.For("dave", "mailbox:jobs"), func(cfg *postrider.Config) { cfg.Peers = nil })
		got := collect(t, worker, worker.Mailbox("jobs"))
		c.put("jobs", p, body)
		wantBody(t, got, secret)
		// And beside one who has the key it does no harm.
		for i := range 5 {
			if err := alice.Mailbox("jobs").Send(t.Context(), fmt.Sprint(secret, i)); err != nil {
				t.Fatal(err)
			}
		}
		all := make(map[string]bool)
		for range 5 {
			all[string((<-got).Body)] = true
		}
		if len(all) != 5 {
			t.Errorf("%v", all)
		}
		plain.Close()
		w.wantNothingOf(t)
		ctx = within(t, time.Minute)
		// What is excepted is as it ever was.
		logs := collect(t, bob, bob.Mailbox("logs.web"))
		prices := collect(t, bob, bob.Topic("prices"))
		for _, to := range []*postrider.Target{bob.Mailbox("logs.web"), bob.Topic("prices")} {
			if err := to.Send(ctx, "plain"); err != nil {
				t.Fatal(err)
			}
		}
		if m := wantBody(t, logs, "plain"); m.SealedBy() != "" {
			t.Error(m.SealedBy())
		}
		wantBody(t, prices, "plain")
	})
}

// One id may be that of messages to several targets, and of another to the same, while their receipts are out: each has its own.
func TestSealedMessagesOfOneIDHaveAReceiptEach(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		net.broker()
		keys := postridertest.NewKeys(t, "mailbox:jobs", "mailbox:orders", "peer:bob")
		alice := net.node("alice", onBroker, keys.For("alice"))
		bob := net.node("bob", onBroker, keys.For("bob", "mailbox:jobs", "mailbox:orders"))
		handle := func(of *postrider.Target, takes time.Duration, result error) {
			err := bob.Handle(t.Context(), of, func(context.Context, *postrider.Message) error { time.Sleep(takes); return result })
			if err != nil {
				t.Fatal(err)
			}
		}
		handle(bob.Mailbox("jobs"), 2*time.Second, postrider.Reject(errors.New(secret)))
		handle(bob.Mailbox("orders"), time.Second, nil)
		handle(bob.Inbox(), 3*time.Second, nil)
		var receipts []*postrider.Receipt
		for _, to := range []*postrider.Target{alice.Mailbox("jobs"), alice.Mailbox("orders"), alice.Peer("bob"), alice.Peer("bob")} {
			r, err := to.Post(t.Context(), secret, postrider.ID("order 7"), postrider.Until(postrider.Handled))
			if err != nil {
				t.Fatal(err)
			}
			receipts = append(receipts, r)
		}
		ctx := within(t, time.Minute)
		for i, r := range receipts {
			var failed *postrider.RemoteError
			grade, err := r.Wait(ctx)
			switch {
			case r.ID() != "order 7":
				t.Error(r.ID())
			case i == 0 && (!errors.As(err, &failed) || failed.Reason != secret):
				t.Errorf("%v, %v", grade, err)
			case i > 0 && (grade != postrider.Handled || err != nil):
				t.Errorf("%d: %v, %v", i, grade, err)
			}
		}
	})
}

// An answer that is not sealed is none, whoever gives it.
func TestAnAnswerHasToBeSealedAsTheQuestionWas(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		b, _ := net.broker()
		keys := postridertest.NewKeys(t, "mailbox:jobs")
		alice := net.node("alice", onBroker, keys.For("alice"))
		c := newCrook(t, b)
		answers := make(chan error, 1)
		go func() {
			_, err := postrider.Call[string](within(t, time.Minute), alice.Mailbox("jobs"), secret)
			answers <- err
		}()
		p, _ := c.steal("jobs")
		c.put(p.ReplyTo, amqp.Properties{CorrelationID: p.CorrelationID, ContentType: postrider.TypeText}, []byte("trust me"))
		if err := <-answers; !errors.Is(err, postrider.ErrUnsealed) || strings.Contains(err.Error(), "trust me") {
			t.Error(err)
		}
		go func() {
			_, err := postrider.Call[string](within(t, time.Minute), alice.Mailbox("jobs"), secret)
			answers <- err
		}()
		p, body := c.steal("jobs")
		c.put(p.ReplyTo, amqp.Properties{CorrelationID: p.CorrelationID, ContentType: p.ContentType}, body)
		if err := <-answers; !errors.Is(err, postrider.ErrSeal) {
			t.Error(err)
		}
		// Nor is a receipt that it was handled.
		rc, err := alice.Mailbox("jobs").Post(t.Context(), secret, postrider.Until(postrider.Handled))
		if err != nil {
			t.Fatal(err)
		}
		p, _ = c.steal("jobs")
		c.put(p.ReplyTo, amqp.Properties{CorrelationID: p.CorrelationID, ContentType: postrider.TypeBytes}, nil)
		synctest.Wait()
		if g := rc.Grade(); g != postrider.Stored {
			t.Errorf("grade %v, on the word of nobody", g)
		}
	})
}

// A worker leaves, and the mailbox's key is replaced. Nobody is restarted. What was sealed to the old key can be read by those who stay.
func TestAKeyIsReplacedWhenAWorkerLeaves(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		net.broker()
		keys := postridertest.NewKeys(t, "mailbox:jobs")
		alice := net.node("alice", onBroker, keys.For("alice"))
		bob := net.node("bob", onBroker, keys.For("bob", "mailbox:jobs"))
		carol := net.node("carol", onBroker, keys.For("carol", "mailbox:jobs"))
		ctx := within(t, 24*time.Hour)
		send := func(body string) {
			t.Helper()
			if err := alice.Mailbox("jobs").Send(ctx, body); err != nil {
				t.Fatal(err)
			}
		}
		send("to the old key")
		keys.Leave("carol")
		time.Sleep(2 * time.Second) // keys are replaced by hand
		keys.Replace("mailbox:jobs")
		send("to the old key, for an epoch has not ended")
		time.Sleep(time.Hour + time.Second)
		send("to the new key")
		got := collect(t, bob, bob.Mailbox("jobs"))
		wantBody(t, got, "to the old key")
		wantBody(t, got, "to the old key, for an epoch has not ended")
		wantBody(t, got, "to the new key")
		synctest.Wait()
		bob.Close()
		left := collect(t, carol, carol.Mailbox("jobs"))
		send("not for carol")
		dead := net.node("dave", onBroker, keys.For("dave", "mailbox:jobs"), func(cfg *postrider.Config) { cfg.Peers = nil })
		m := wantBody(t, collect(t, dead, dead.Mailbox("jobs").Dead()), "not for carol")
		if f, _ := m.Failure(); !strings.Contains(f.Reason, "there is no key for it") || len(left) != 0 {
			t.Errorf("%+v, and carol has read %d", f, len(left))
		}
	})
}

func TestWhatIsSealedCanBeOpenedForAWhile(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		b, _ := net.broker()
		keys := postridertest.NewKeys(t, "mailbox:jobs")
		alice := net.node("alice", onBroker, keys.For("alice"), func(cfg *postrider.Config) { cfg.SealedFor = 2 * time.Hour })
		ctx := within(t, 10*time.Hour)
		for _, body := range []string{"one", "two"} {
			if err := alice.Mailbox("jobs").Send(ctx, body); err != nil {
				t.Fatal(err)
			}
		}
		bob := net.node("bob", onBroker, keys.For("bob", "mailbox:jobs"))
		time.Sleep(2*time.Hour - time.Minute)
		for m, err := range bob.Messages(ctx, postrider.Of(bob.Mailbox("jobs"))) {
			if err != nil || string(m.Body) != "one" {
				t.Fatal(m, err)
			}
			m.Ack()
			time.Sleep(time.Minute)
			break
		}
		got := collect(t, bob, bob.Mailbox("jobs"))
		p, _ := newCrook(t, b).steal("jobs.dead")
		if reason, _ := p.Headers["x-postrider-reason"].(string); !strings.Contains(reason, "the time in which it may be opened is over") || len(got) != 0 {
			t.Error(reason, len(got))
		}
	})
}

// What waits on a sender's or a receiver's disk is sealed there, and is sent on and received after their restart.
func TestDisksHoldWhatIsSealed(t *testing.T) {
	keys := postridertest.NewKeys(t, "peer:bob", "mailbox:jobs")
	dirs := map[string]string{"alice": t.TempDir(), "bob": t.TempDir()}
	config := func(name string, mailboxes ...string) postrider.Config {
		return postrider.Config{Name: name, Dir: dirs[name], Keys: keys.Of(name, mailboxes...)}
	}
	wantSealed := func() {
		t.Helper()
		bytesSeen := 0
		for _, dir := range dirs {
			err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				b, err := os.ReadFile(path)
				bytesSeen += len(b)
				if bytes.Contains(b, []byte(secret)) {
					t.Errorf("%s tells", path)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		}
		if bytesSeen < 1000 {
			t.Errorf("%d bytes were on disks", bytesSeen)
		}
	}
	ctx := soon(t)
	cfg := config("alice")
	cfg.Peers = map[string]string{"bob": "127.0.0.1:1"} // nobody is there
	alice := start(t, cfg)
	rc, err := alice.Peer("bob").Post(ctx, secret+" to a peer", postrider.Header("h", secret))
	if err == nil {
		err = rc.WaitFor(ctx, postrider.Kept)
	}
	if err == nil {
		err = alice.Mailbox("jobs").Send(ctx, secret+" to a mailbox")
	}
	if err != nil {
		t.Fatal(err)
	}
	alice.Close()
	wantSealed()
	cfg = config("bob")
	cfg.Listen = "127.0.0.1:0"
	bob := start(t, cfg)
	cfg = config("alice", "mailbox:jobs")
	cfg.Peers = map[string]string{"bob": bob.Addr().String()}
	alice = start(t, cfg)
	wantBody(t, collect(t, alice, alice.Mailbox("jobs")), secret+" to a mailbox")
	for m, err := range bob.Messages(ctx) {
		if err != nil || string(m.Body) != secret+" to a peer" || m.SealedBy() != "alice" || m.Header("h") != secret {
			t.Fatal(m, err)
		}
		break // unsettled
	}
	bob.Close()
	wantSealed()
	bob = start(t, config("bob"))
	wantBody(t, collect(t, bob, bob.Inbox()), secret+" to a peer")
}

func TestASealedMessageIsRelayed(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		net.broker()
		var w wire
		keys := postridertest.NewKeys(t, "peer:bob")
		alice, bob := net.node("alice", relayed, w.listenIn, keys.For("alice")), net.node("bob", relayed, w.listenIn, keys.For("bob"))
		err := bob.Handle(t.Context(), bob.Inbox(), func(ctx context.Context, m *postrider.Message) error {
			if m.SealedBy() != "alice" {
				t.Errorf("%+v", m)
			}
			return m.Reply(ctx, secret+" answer")
		})
		if err != nil {
			t.Fatal(err)
		}
		to := alice.Peer("bob", postrider.Relay())
		for _, split := range []bool{false, true} {
			if split {
				net.Split("alice", "bob")
				time.Sleep(time.Second) // until it is known
			}
			ctx := within(t, time.Minute)
			if err := to.Send(ctx, secret, postrider.Until(postrider.Handled)); err != nil {
				t.Error(err)
			}
			if answer, err := postrider.Call[string](ctx, to, secret); answer != secret+" answer" || err != nil {
				t.Error(answer, err)
			}
		}
		w.wantNothingOf(t)
	})
}

// An id belongs to the sender whom the seal names: who guesses the next one of another's, and uses it first, does not have that one's message taken for a repeat.
func TestAGuessedIDStandsInNobodysWay(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		keys := postridertest.NewKeys(t, "peer:bob")
		alice, mallory := net.node("alice", keys.For("alice")), net.node("mallory", keys.For("mallory"))
		bob := net.node("bob", keys.For("bob"))
		got := collect(t, bob, bob.Inbox())
		send := func(from *postrider.Node, body string, opts ...postrider.SendOption) (id string) {
			t.Helper()
			if err := from.Peer("bob").Send(within(t, time.Minute), body, opts...); err != nil {
				t.Fatal(err)
			}
			return wantBody(t, got, body).ID
		}
		id, last := strings.CutSuffix(send(alice, "one"), "-1")
		if !last {
			t.Fatalf("ids are counted otherwise: %q", id)
		}
		send(mallory, "first", postrider.ID(id+"-2"))
		if second := send(alice, "two"); second != id+"-2" {
			t.Errorf("%q was guessed wrongly", second)
		}
	})
}

func TestKeysThatAreWrongAreNotUsed(t *testing.T) {
	keys := postridertest.NewKeys(t)
	for what, cfg := range map[string]postrider.Config{
		"Config.Keys are those of \"alice\", not of \"bob\"": {Name: "bob", Keys: keys.Of("alice")},
		"there are no Config.Keys: nothing is sealed":        {Name: "bob", Plain: []string{"inbox"}},
		"Config.SealedFor is -1ns":                           {Name: "bob", Keys: keys.Of("bob"), SealedFor: -1},
		"want inbox, peer:NAME, mailbox:NAME or topic:NAME":  {Name: "bob", Keys: keys.Of("bob"), Plain: []string{"jobs"}},
	} {
		if _, err := postrider.Start(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v, want %s", err, what)
		}
	}
	_, err := postrider.LoadKeys(os.DirFS(t.TempDir()), "alice")
	if err == nil || !strings.Contains(err.Error(), "ca.pem") {
		t.Error(err)
	}
}

// What a sealed message costs beside a plain one: posts of 1 KiB over a socket, handled, sender and receiver in one process.
func BenchmarkPost(b *testing.B) {
	for what, pair := range map[string]func(testing.TB) (alice, bob *postrider.Node){"plain": pair, "sealed": sealedPair} {
		b.Run(what, func(b *testing.B) {
			alice, bob := pair(b)
			handled, done, n := 0, make(chan struct{}), 0
			err := bob.Handle(b.Context(), bob.Inbox(), func(context.Context, *postrider.Message) error {
				if handled++; handled == n {
					close(done)
				}
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
			body := make([]byte, 1<<10)
			b.ReportAllocs()
			n = b.N
			b.ResetTimer()
			for range n {
				_, err := alice.Peer("bob").Post(b.Context(), body)
				for errors.Is(err, postrider.ErrFull) {
					time.Sleep(time.Millisecond)
					_, err = alice.Peer("bob").Post(b.Context(), body)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
			<-done
		})
	}
}
