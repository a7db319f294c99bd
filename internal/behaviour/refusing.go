package behaviour

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/client"
)

func aTargetThatIsNotThere(w *World) {
	nodes := w.Nodes("alice", "bob")
	alice := nodes[0]
	if len(w.Brokers) == 0 { // a node tells strangers not even that
		w.Fate(alice.Peer("nobody").Send(w.Soon(), "x"), false, postrider.ErrNoSuchTarget)
		if _, err := alice.Peer("nobody").Post(w.Soon(), "x"); !errors.Is(err, postrider.ErrNoSuchTarget) {
			w.Error(err)
		}
		stranger := alice.Peer("amqp://" + w.where["bob"] + "/charlie")
		w.Remote(stranger.Send(w.Soon(), "x"), 403, "may only publish to queue 'bob'")
		return
	}
	// Who is asked for through the broker may come later.
	w.Fate(alice.Peer("nobody").Send(w.Within(time.Second), "x"), false, postrider.ErrPeerDown)
	nothing := alice.Peer(w.Brokers[0] + "/" + w.Unique("nothing"))
	w.Fate(nothing.Send(w.Soon(), "x"), false, postrider.ErrNoSuchTarget)
	_, err := w.Post(nothing, "x").Wait(w.Soon())
	w.Fate(err, false, postrider.ErrNoSuchTarget)
	_, err = postrider.Call[string](w.Soon(), nothing, "x")
	w.Fate(err, false, postrider.ErrNoSuchTarget)
}

func anOutboxThatIsFull(w *World) {
	gone, err := w.Listen("gone")
	if err != nil {
		w.Fatal(err)
	}
	gone.Close()
	alice := w.Node("alice", func(cfg *postrider.Config) {
		cfg.Brokers, cfg.OutboxMessages = []string{"amqp://" + gone.Addr().String()}, 3
	})
	jobs := alice.Mailbox(w.Unique("jobs"))
	for range 3 {
		w.Post(jobs, "x")
	}
	_, err = jobs.Post(w.Soon(), "x")
	w.Fate(err, false, postrider.ErrFull)
	w.Fate(jobs.Send(w.Within(100*time.Millisecond), "x"), false, postrider.ErrFull, postrider.ErrPeerDown, context.DeadlineExceeded)
}

// aMailboxThatIsFull is a queue that was there before, with a limit that the API would not have set, and is used as it is.
func aMailboxThatIsFull(w *World) {
	for name, kind := range map[string]amqp.Table{"full": nil, "full replicas": {"x-queue-type": "quorum"}} {
		name = w.Unique(name)
		held := w.fill(name, kind)
		alice := w.Node("alice")
		full := alice.Mailbox(name)
		for range 2 { // on a fresh connection, and on one that knows
			err := full.Send(w.Soon(), "too much")
			w.Fate(err, false, postrider.ErrFull, postrider.ErrRefused)
			var failed *postrider.SendError
			if errors.As(err, &failed) && failed.Stage != postrider.AtTarget {
				w.Error(failed)
			}
		}
		_, err := w.Post(full, "too much").Wait(w.Soon())
		w.Fate(err, false, postrider.ErrFull, postrider.ErrRefused)
		w.Want(w.Collect(alice, full), held...)
	}
}

// fill declares a queue, sends to it until it is full, and returns what it holds.
func (w *World) fill(name string, kind amqp.Table) (held []string) {
	w.Helper()
	at, err := client.ParseURL(w.Brokers[0])
	if err != nil {
		w.Fatal(err)
	}
	c := client.New(client.Config{Name: "operator", Addresses: []client.Address{at}, Dial: w.dial, Publishes: true})
	defer c.Close()
	limit := amqp.Table{"x-max-length": int32(1), "x-overflow": "reject-publish"}
	maps.Copy(limit, kind)
	made := c.Ensure(&client.Queue{Name: name, Durable: true, Args: limit})
	env, err := client.NewEnvelope("", name, true, amqp.Properties{DeliveryMode: amqp.Persistent})
	if err != nil {
		w.Fatal(err)
	}
	for i := 0; ; i++ {
		body := fmt.Sprint(i)
		_, err := c.Publisher().Send(w.Soon(), env, nil, []byte(body))
		switch {
		case errors.Is(err, client.ErrQueueFull):
			return held
		case err != nil || made.Err() != nil:
			w.Fatal(err, made.Err())
		}
		held = append(held, body)
	}
}

func aWrongPassword(w *World) {
	u, err := url.Parse(w.Brokers[0])
	if err != nil {
		w.Fatal(err)
	}
	u.User = url.UserPassword("guest", "wrong")
	alice := w.Node("alice", func(cfg *postrider.Config) { cfg.Brokers = []string{u.String()} })
	jobs := alice.Mailbox(w.Unique("jobs"))
	err = jobs.Send(w.Context(), "x") // nobody has to wait for the end of a context that has none
	w.Fate(err, false)
	w.Remote(err, 403, "")
	r := w.Post(jobs, "x")
	if err := alice.Shutdown(w.Context()); err == nil {
		w.Error("what was posted went through a login that is refused")
	}
	_, err = r.Wait(w.Soon())
	w.Fate(err, false, postrider.ErrClosed)
}
