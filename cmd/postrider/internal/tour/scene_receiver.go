package tour

import (
	"context"
	"fmt"
	"time"

	"github.com/postrider-mq/postrider/cmd/postrider/internal/child"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/screen"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/ways"
)

const (
	handling  = 2 // messages of each way that bob is busy with when he is killed
	waiting   = 2 // messages of each way to a mailbox that wait behind those
	whileDown = 3 // messages of each way that alice sends while bob is down
	sendWait  = 300 * time.Millisecond
)

// receiverDies kills bob while he is busy, sends to him while he is down, and starts him again.
func (t *tour) receiverDies(ctx context.Context) error {
	t.screen.Heading("2  The receiver is killed", "bob is busy with messages, and gets kill -9; then he is started again")
	if err := t.busyBob(ctx); err != nil {
		return err
	}
	question, err := t.occupy(ctx)
	if err != nil {
		return err
	}
	t.screen.Item("bob is busy", "pid %d, with %d messages of each way and a question; %d more of each wait",
		t.bob.Pid(), handling, waiting)
	if _, err := t.alice.Do(ctx, order{Do: "watch"}); err != nil {
		return err
	}
	killed := time.Now()
	t.bob.Kill()
	if err := t.aliceNotices(ctx, killed, question); err != nil {
		return err
	}
	if err := t.sendToTheDead(ctx); err != nil {
		return err
	}
	return t.bobReturns(ctx)
}

// busyBob restarts bob as one who takes messages and never finishes with them.
func (t *tour) busyBob(ctx context.Context) (err error) {
	address := t.bob.address
	t.bob.End()
	if t.bob, err = startNode(ctx, t.cfg.Program, t.bobs(address)); err != nil {
		return err
	}
	if _, err = t.bob.Do(ctx, order{Do: "receive", Hold: true, Workers: 2*handling + 1}); err != nil {
		return err
	}
	_, err = t.bob.Do(ctx, order{Do: "receive", Mailbox: jobs, Hold: true, Workers: 2 * handling})
	return err
}

// occupy gives bob his messages, and a question that alice waits for the answer to.
func (t *tour) occupy(ctx context.Context) (child.Answer[report], error) {
	for _, step := range []struct {
		what string
		n    int
		seen bool
	}{{"busy-", handling, true}, {"waiting-", waiting, false}} {
		var bodies []string
		for w := range ways.Count {
			if w.Direct() && !step.seen {
				continue // a peer's inbox takes all
			}
			b := numbered(w, step.what, step.n)
			if _, err := t.deliver(ctx, w, b); err != nil {
				return nil, err
			}
			bodies = append(bodies, b...)
		}
		if !step.seen {
			break
		}
		if _, err := t.awaitBodies(ctx, bodies); err != nil {
			return nil, err
		}
	}
	question := ways.DirectSend.Tag() + "/question-in-hand"
	answer, err := t.alice.Begin(order{Do: "call", Way: ways.DirectSend, Bodies: []string{question}, Within: patience})
	if err != nil {
		return nil, err
	}
	_, err = t.awaitBodies(ctx, []string{question})
	return answer, err
}

// aliceNotices sees what alice learns when bob dies.
func (t *tour) aliceNotices(ctx context.Context, killed time.Time, question child.Answer[report]) error {
	waitingFor := func(all []report) bool {
		for _, r := range all {
			if r.Event == peerIsDown {
				return true
			}
		}
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if _, err := t.alice.Await(ctx, "to notice that bob is down", waitingFor); err != nil {
		return err
	}
	t.screen.Item("kill -9 bob", "alice, who waited for a message from him, knew %s later: ErrPeerDown", screen.Short(time.Since(killed)))
	r, err := t.alice.Finish(ctx, question)
	if err != nil {
		return err
	}
	f := r.Fates[0]
	t.screen.Item("Call, in flight", "%s", f.Error)
	t.check(f.PeerDown && f.MaybeDelivered && f.Target == "peer bob",
		"it is a *SendError: ErrPeerDown, to peer bob, MaybeDelivered")
	return nil
}

// sendToTheDead sends each way while bob is down.
func (t *tour) sendToTheDead(ctx context.Context) error {
	for w := range ways.Count {
		bodies := numbered(w, "down-", whileDown)
		verb, within := "post", patience
		if w.Waits() {
			verb = "send"
		}
		if w == ways.DirectSend {
			within = sendWait
		}
		r, err := t.alice.Do(ctx, order{Do: verb, Way: w, Mailbox: jobs, Bodies: bodies, Within: within})
		if err != nil {
			return err
		}
		t.tellOfTheDead(w, r.Fates)
	}
	return nil
}

func (t *tour) tellOfTheDead(w ways.Way, fates []fate) {
	took := longest(fates)
	code := screen.Padded(w.Code(), 9)
	switch w {
	case ways.DirectSend:
		down := 0
		for _, f := range fates {
			if f.PeerDown && !f.MaybeDelivered && f.Target == "peer bob" {
				down++
			}
		}
		t.figures.whileDown[w] = fmt.Sprintf("error, %d of %d", down, len(fates))
		t.screen.Item(w.String(), "%s %s", code, fates[0].Error)
		t.check(down == len(fates), "%d of %d ended so, a *SendError: ErrPeerDown, to peer bob, not delivered", down, len(fates))
	case ways.DirectPost:
		held := 0
		for _, f := range fates {
			if f.Error == "" && f.Grade == "pending" {
				held++
			}
		}
		t.figures.whileDown[w] = fmt.Sprintf("held, %d of %d", held, len(fates))
		t.screen.Item(w.String(), "%s returned after %s: alice's outbox holds it", code, screen.Short(took))
		t.check(held == len(fates), "%d of %d posts are held, their receipts pending", held, len(fates))
	default:
		stored := 0
		for _, f := range fates {
			if f.Error == "" {
				stored++
			}
		}
		t.figures.whileDown[w] = fmt.Sprintf("stored, %d of %d", stored, len(fates))
		t.screen.Item(w.String(), "%s returned after %s: the broker keeps it, alice need not know", code, screen.Short(took))
		t.check(stored == len(fates), "%d of %d were accepted", stored, len(fates))
	}
}

func longest(fates []fate) (d time.Duration) {
	for _, f := range fates {
		d = max(d, f.Took)
	}
	return d
}

// bobReturns starts bob again, as one who handles what comes, and sees what does.
func (t *tour) bobReturns(ctx context.Context) (err error) {
	t.screen.Doing("bob starts again")
	began := time.Now()
	if t.bob, err = startNode(ctx, t.cfg.Program, t.bobs(t.bob.address)); err != nil {
		return err
	}
	for _, mailbox := range []string{whereBobIs, jobs} {
		if _, err := t.bob.Do(ctx, order{Do: "receive", Mailbox: mailbox}); err != nil {
			return err
		}
	}
	settled, err := t.alice.Do(ctx, order{Do: "settle", Within: patience})
	if err != nil {
		return err
	}
	if err := firstError(settled.Fates); err != nil {
		return err
	}
	t.screen.Item("bob is back", "pid %d", t.bob.Pid())
	if err := t.heldIsDelivered(ctx, began); err != nil {
		return err
	}
	return t.storedIsDelivered(ctx)
}

// heldIsDelivered sees what alice held for bob come, and nothing of what died with him.
func (t *tour) heldIsDelivered(ctx context.Context, began time.Time) error {
	held := numbered(ways.DirectPost, "down-", whileDown)
	seen, err := t.awaitBodies(ctx, held)
	if err != nil {
		return err
	}
	t.screen.Item("direct", "what alice held was delivered %s after his start", screen.Short(time.Since(began)))
	t.check(bodiesOf(seen) == fmt.Sprint(held), "bob got %d of %d held posts, in order, each once", len(seen), len(held))
	lost := 0
	for _, w := range []ways.Way{ways.DirectSend, ways.DirectPost} {
		n, err := t.whatDied(ctx, w)
		if err != nil {
			return err
		}
		lost += n
	}
	t.screen.Item("", "%d of %d in hand were lost with his memory; Config.Dir keeps an inbox on disk", lost, 2*handling)
	return nil
}

// whatDied counts the messages in hand that did not come again. A message sent now comes behind all that would.
func (t *tour) whatDied(ctx context.Context, w ways.Way) (lost int, err error) {
	last := []string{w.Tag() + "/last"}
	if _, err := t.deliver(ctx, w, last); err != nil {
		return 0, err
	}
	if _, err := t.awaitBodies(ctx, last); err != nil {
		return 0, err
	}
	all := t.bob.Told()
	lost = handling - len(reportsOf(all, numbered(w, "busy-", handling)))
	t.figures.inHand[w] = fmt.Sprintf("lost, %d of %d", lost, handling)
	t.cameLater(w, all)
	return lost, nil
}

// cameLater counts the messages sent while bob was down that he has got now.
func (t *tour) cameLater(w ways.Way, all []report) {
	n := len(reportsOf(all, numbered(w, "down-", whileDown)))
	t.figures.cameLater[w] = fmt.Sprintf("%d of %d", n, whileDown)
}

// storedIsDelivered sees the mailbox's messages come, those that bob had seen marked.
func (t *tour) storedIsDelivered(ctx context.Context) error {
	var seenBefore, rest, all []string
	for _, w := range []ways.Way{ways.MailboxSend, ways.MailboxPost} {
		seenBefore = append(seenBefore, numbered(w, "busy-", handling)...)
	}
	for _, w := range []ways.Way{ways.MailboxSend, ways.MailboxPost} {
		rest = append(rest, numbered(w, "waiting-", waiting)...)
	}
	for _, w := range []ways.Way{ways.MailboxSend, ways.MailboxPost} {
		rest = append(rest, numbered(w, "down-", whileDown)...)
	}
	all = append(append(all, seenBefore...), rest...)
	got, err := t.awaitBodies(ctx, all)
	if err != nil {
		return err
	}
	again, fresh := reportsOf(got, seenBefore), reportsOf(got, rest)
	t.screen.Item("indirect", "what he had in hand came again, then what had waited, and come meanwhile")
	t.check(bodiesOf(got) == fmt.Sprint(all), "bob got %d of %d, in order, each once", len(got), len(all))
	t.check(countRedelivered(again) == len(seenBefore) && !anyRedelivered(fresh),
		"the %d he had seen before are marked redelivered, the %d others are not", countRedelivered(again), len(fresh))
	for _, w := range []ways.Way{ways.MailboxSend, ways.MailboxPost} {
		back := countRedelivered(reportsOf(got, numbered(w, "busy-", handling)))
		t.figures.inHand[w] = fmt.Sprintf("again, %d of %d", back, handling)
		t.cameLater(w, got)
	}
	return nil
}
