package behaviour

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/postrider-mq/postrider"
)

// toEach tells a part of a story of a peer and of a mailbox: from where to send, and where to receive.
func (w *World) toEach(part func(to *postrider.Target, worker *postrider.Node, at *postrider.Target)) {
	nodes := w.Nodes("alice", "bob")
	alice, bob := nodes[0], nodes[1]
	part(alice.Peer("bob"), bob, bob.Inbox())
	worker := bob
	if len(w.Brokers) == 0 {
		worker = alice
	}
	jobs := alice.Mailbox(w.Unique("jobs"))
	part(jobs, worker, worker.Mailbox(jobs.Name()))
}

func whoAsksIsToldThatItWasHandled(w *World) {
	w.toEach(func(to *postrider.Target, worker *postrider.Node, at *postrider.Target) {
		var handled atomic.Int32
		w.Handle(worker, at, func(_ context.Context, m *postrider.Message) error {
			_, failed := m.Failure()
			switch {
			case string(m.Body) == "bad":
				return postrider.Reject(errors.New("unreadable"))
			case string(m.Body) == "late" && !failed:
				return errors.New("not now")
			}
			handled.Add(1)
			return nil
		}, postrider.Backoff(quickly))
		handledOnes := postrider.Until(postrider.Handled)
		for i, body := range []string{"good", "late", "good"} {
			w.Send(to, body, handledOnes)
			if n := handled.Load(); int(n) != i+1 {
				w.Errorf("%d were handled when the send of number %d to %s returned", n, i+1, to)
			}
		}
		w.Grade(w.Post(to, "good", handledOnes), postrider.Handled)
		w.Remote(to.Send(w.Soon(), "bad", handledOnes), 500, "unreadable")
	})
}

// whatHasExpired is not delivered, where it waits to be sent, and not handled, where it waits for that.
func whatHasExpired(w *World) {
	gone, err := w.Listen("gone")
	if err != nil {
		w.Fatal(err)
	}
	gone.Close()
	w.where["gone"] = gone.Addr().String()
	dave := w.Node("dave")
	_, err = w.Post(dave.Peer("gone"), "x", postrider.Expires(100*time.Millisecond)).Wait(w.Soon())
	w.Fate(err, false, postrider.ErrExpired, postrider.ErrPeerDown)
	w.toEach(func(to *postrider.Target, worker *postrider.Node, at *postrider.Target) {
		handled, goOn := make(chan *postrider.Message, 10), make(chan struct{})
		w.Handle(worker, at, func(_ context.Context, m *postrider.Message) error {
			handled <- m
			<-goOn
			return nil
		})
		w.Send(to, "takes long")
		w.Want(handled, "takes long")
		w.Send(to, "not later than soon", postrider.Expires(200*time.Millisecond))
		w.Send(to, "whenever")
		<-w.Within(300 * time.Millisecond).Done()
		close(goOn)
		w.Want(handled, "whenever")
	})
}

// aCallThatIsGivenUp ends its handler's context, which has the caller's deadline from the beginning.
func aCallThatIsGivenUp(w *World) {
	w.toEach(func(to *postrider.Target, worker *postrider.Node, at *postrider.Target) {
		began, ended := make(chan time.Time, 10), make(chan error, 10)
		w.Handle(worker, at, func(ctx context.Context, m *postrider.Message) error {
			if string(m.Body) == "quick" {
				return nil
			}
			deadline, _ := ctx.Deadline()
			began <- deadline
			<-ctx.Done()
			ended <- context.Cause(ctx)
			return ctx.Err()
		})
		if _, err := postrider.Call[string](w.Soon(), to, "quick"); err != nil { // who has answered one hears of those that are given up
			w.Fatal(err)
		}
		ctx, giveUp := context.WithCancel(w.Soon())
		caller, _ := ctx.Deadline()
		result := make(chan error, 1)
		go func() {
			_, err := postrider.Call[string](ctx, to, "slow")
			result <- err
		}()
		handlers := Next(w, began, "the call")
		if handlers.IsZero() || handlers.Sub(caller).Abs() > w.Patience/2 {
			w.Errorf("the handler's deadline is %v, the caller's %v", handlers, caller)
		}
		giveUp()
		w.Fate(Next(w, result, "the end of the call"), true, context.Canceled)
		Next(w, ended, "the end of its handling")
	})
}

// aCallThatIsMadeAgain under its id is handled again after it failed or timed out, and told so after it was handled.
func aCallThatIsMadeAgain(w *World) {
	w.toEach(func(to *postrider.Target, worker *postrider.Node, at *postrider.Target) {
		var tries atomic.Int32
		w.Handle(worker, at, func(ctx context.Context, m *postrider.Message) error {
			switch tries.Add(1) {
			case 1:
				return errors.New("not now")
			case 2:
				<-ctx.Done()
				return ctx.Err()
			}
			return m.Reply(ctx, "done")
		})
		try := func(ctx context.Context) (string, error) {
			return postrider.Call[string](ctx, to, "x", postrider.ID("order 7"))
		}
		_, err := try(w.Soon())
		w.Remote(err, 500, "not now")
		_, err = try(w.Within(300 * time.Millisecond))
		w.Fate(err, true, context.DeadlineExceeded)
		if got, err := try(w.Soon()); got != "done" || err != nil {
			w.Error(got, err)
		}
		_, err = try(w.Soon())
		w.Remote(err, 409, "this call was handled before, under the same id, and its answer is not kept")
		if n := tries.Load(); n != 3 {
			w.Errorf("handled %d times", n)
		}
	})
}

func controlMessagesWaitBehindNothing(w *World) {
	nodes := w.Nodes("alice", "bob")
	alice, bob := nodes[0], nodes[1]
	stuck := make(chan struct{})
	defer close(stuck)
	w.Handle(bob, bob.Inbox(), func(context.Context, *postrider.Message) error {
		<-stuck
		return nil
	})
	err := bob.Control("state", func(ctx context.Context, m *postrider.Message) error {
		if !m.WantsReply() {
			return nil
		}
		return m.Reply(ctx, "fine, "+m.From)
	})
	if err != nil {
		w.Fatal(err)
	}
	for i := range 1000 {
		w.Post(alice.Peer("bob"), fmt.Sprint(i))
	}
	if _, err := alice.Peer("bob").Ping(w.Soon()); err != nil {
		w.Error(err)
	}
	w.Send(alice.Peer("bob"), "?", postrider.Control("state"))
	state, err := postrider.Call[string](w.Soon(), alice.Peer("bob"), "?", postrider.Control("state"))
	if state != "fine, alice" || err != nil {
		w.Error(state, err)
	}
	_, err = postrider.Call[string](w.Soon(), alice.Peer("bob"), "?", postrider.Control("nonsense"))
	w.Remote(err, 404, "nonsense")
}

// hexed is a body with a codec of its own.
type hexed struct{ text string }

type hexCodec struct{}

func (hexCodec) ContentType() string { return "text/x-hex" }

func (hexCodec) Marshal(v any) ([]byte, error) {
	h, ok := v.(hexed)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return []byte(hex.EncodeToString([]byte(h.text))), nil
}

func (hexCodec) Unmarshal(body []byte, v any) error {
	h, ok := v.(*hexed)
	if !ok {
		return fmt.Errorf("hex does not decode into a %T", v)
	}
	text, err := hex.DecodeString(string(body))
	h.text = string(text)
	return err
}

// whatGoesAlong: headers, key, type and codec arrive as they were sent, and middleware sees them on both sides.
func whatGoesAlong(w *World) {
	at := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	middleware := func(cfg *postrider.Config) {
		cfg.Codecs = []postrider.Codec{hexCodec{}}
		cfg.SendMiddleware = []postrider.SendMiddleware{func(next postrider.SendFunc) postrider.SendFunc {
			return func(ctx context.Context, m *postrider.Outgoing) error {
				m.Headers["by"] = "middleware of " + cfg.Name
				return next(ctx, m)
			}
		}}
		cfg.HandleMiddleware = []postrider.HandleMiddleware{func(next postrider.Handler) postrider.Handler {
			return func(ctx context.Context, m *postrider.Message) error {
				if m.Header("by") != "middleware of alice" {
					return postrider.Reject(fmt.Errorf("header by is %v", m.Header("by")))
				}
				return next(ctx, m)
			}
		}}
	}
	alice := w.Node("alice", middleware)
	bob := alice
	if len(w.Brokers) > 0 {
		bob = w.Node("bob", middleware)
	}
	jobs := alice.Mailbox(w.Unique("jobs"))
	got := w.Collect(bob, bob.Mailbox(jobs.Name()))
	w.Send(jobs, hexed{"é!"}, postrider.Key("k"), postrider.Header("text", "ü"), postrider.Header("number", -7),
		postrider.Header("real", 0.5), postrider.Header("yes", true), postrider.Header("bytes", []byte{0, 255}), postrider.Header("at", at))
	m := w.Want(got, "c3a921")
	var h hexed
	if err := m.Decode(&h); err != nil || h.text != "é!" || m.ContentType != "text/x-hex" || m.Key() != "k" {
		w.Errorf("%+v, %v", m, err)
	}
	when, _ := m.Header("at").(time.Time)
	want := map[string]any{"text": "ü", "number": int64(-7), "real": 0.5, "yes": true}
	for name, v := range want {
		if m.Header(name) != v {
			w.Errorf("header %s is %v, want %v", name, m.Header(name), v)
		}
	}
	if b, _ := m.Header("bytes").([]byte); string(b) != "\x00\xff" || !when.Equal(at) || len(m.Headers()) != 7 {
		w.Errorf("headers %v", m.Headers())
	}
}
