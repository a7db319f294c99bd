package behaviour

import (
	"context"
	"errors"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/postridertest"
)

// sealedMessages go all the ways that others go, and whoever has no key reads none.
func sealedMessages(w *World) {
	jobs := w.Unique("jobs")
	keys := postridertest.NewKeys(w.T, "peer:bob", "mailbox:"+jobs)
	bob := w.Node("bob", keys.For("bob", "mailbox:"+jobs))
	var worker *postrider.Node
	alice := w.Node("alice", keys.For("alice", "mailbox:"+jobs))
	if worker = bob; len(w.Brokers) == 0 {
		worker = alice
	}
	if len(w.Brokers) > 0 {
		stranger := w.Node("carol", keys.For("carol"))
		nothing := func(context.Context, *postrider.Message) error { return nil }
		if err := stranger.Handle(w.Soon(), stranger.Mailbox(jobs), nothing); !errors.Is(err, postrider.ErrNoKey) {
			w.Errorf("without a key one may receive: %v", err)
		}
	}
	answer := func(ctx context.Context, m *postrider.Message) error {
		f, failed := m.Failure()
		switch {
		case m.SealedBy() != "alice" || m.Header("colour") != "red":
			w.Errorf("%q, sealed by %q, with %v", m.Body, m.SealedBy(), m.Headers())
		case m.WantsReply():
			return m.Reply(ctx, "a sealed answer")
		case string(m.Body) == "bad":
			return postrider.Reject(errors.New("unreadable"))
		case !failed:
			return errors.New("not now")
		case f.Reason != "not now":
			w.Errorf("%+v", f)
		}
		return nil
	}
	part := func(to, at *postrider.Target, node *postrider.Node) {
		red := postrider.Header("colour", "red")
		w.Handle(node, at, answer, postrider.Backoff(quickly))
		w.Send(to, "good", red, postrider.Until(postrider.Handled))
		w.Grade(w.Post(to, "good", red, postrider.Until(postrider.Handled)), postrider.Handled)
		if a, err := postrider.Call[string](w.Soon(), to, "a question", red); a != "a sealed answer" || err != nil {
			w.Errorf("%q, %v", a, err)
		}
		w.Remote(to.Send(w.Soon(), "bad", red, postrider.Until(postrider.Handled)), 500, "unreadable")
		m := w.Want(w.Collect(node, at.Dead()), "bad")
		if f, _ := m.Failure(); f.Reason != "unreadable" || m.SealedBy() != "alice" {
			w.Errorf("%+v, by %q", f, m.SealedBy())
		}
	}
	part(alice.Peer("bob"), bob.Inbox(), bob)
	part(alice.Mailbox(jobs), worker.Mailbox(jobs), worker)
}
