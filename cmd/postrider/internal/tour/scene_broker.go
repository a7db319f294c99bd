package tour

import (
	"context"
	"fmt"
	"time"

	"github.com/postrider-mq/postrider/cmd/postrider/internal/screen"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/ways"
)

// How many confirmed messages there must be when the broker is killed.
const (
	sendsBefore = 20
	postsBefore = 5000
)

// ledger is the mailbox of a stream.
func ledger(w ways.Way) string { return "ledger-" + w.Tag() }

// brokerDies kills the broker while alice streams to it both ways, starts it again, and counts.
func (t *tour) brokerDies(ctx context.Context) error {
	t.screen.Heading("3  The broker is killed", "alice streams to mailboxes nobody reads, and the broker gets kill -9")
	marks := map[ways.Way]int{ways.MailboxSend: sendsBefore, ways.MailboxPost: postsBefore}
	for _, w := range []ways.Way{ways.MailboxPost, ways.MailboxSend} {
		if _, err := t.alice.Do(ctx, order{Do: "stream", Way: w, Mailbox: ledger(w), Count: marks[w]}); err != nil {
			return err
		}
	}
	if err := t.bothUnderWay(ctx); err != nil {
		return err
	}
	killed := time.Now()
	t.broker.Kill()
	confirmed := map[ways.Way]int{}
	for w := range marks {
		r, err := t.alice.Do(ctx, order{Do: "confirmed", Way: w})
		if err != nil {
			return err
		}
		confirmed[w] = r.Count
	}
	t.screen.Item("kill -9 broker", "%s sends and %s posts were confirmed by then, and more were under way",
		screen.Grouped(confirmed[ways.MailboxSend]), screen.Grouped(confirmed[ways.MailboxPost]))
	began := time.Now()
	if err := t.startBroker(ctx); err != nil {
		return err
	}
	t.screen.Item("broker is back", "pid %d, recovered from its journal and listening after %s", t.broker.Pid(), screen.Short(time.Since(began)))
	for _, w := range []ways.Way{ways.MailboxSend, ways.MailboxPost} {
		if err := t.audit(ctx, w, confirmed[w], killed); err != nil {
			return err
		}
	}
	return nil
}

// bothUnderWay waits until both streams have their confirmed messages.
func (t *tour) bothUnderWay(ctx context.Context) error {
	t.screen.Doing("alice streams")
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := t.alice.Await(ctx, "to have her messages confirmed", func(all []report) bool {
		n := 0
		for _, r := range all {
			if r.Event == soManyStored {
				n++
			}
		}
		return n == 2
	})
	return err
}

// audit ends a stream, has bob read the mailbox, and compares.
func (t *tour) audit(ctx context.Context, w ways.Way, confirmed int, killed time.Time) error {
	halted, err := t.alice.Do(ctx, order{Do: "halt", Way: w, Within: patience})
	if err != nil {
		return err
	}
	if _, err := t.bob.Do(ctx, order{Do: "receive", Mailbox: ledger(w)}); err != nil {
		return err
	}
	t.screen.Doing("bob reads %s messages", screen.Grouped(halted.Count))
	r, err := t.bob.Do(ctx, order{Do: "numbers", Mailbox: ledger(w), Count: halted.Count, Within: patience})
	if err != nil {
		return err
	}
	b := balance(r.Numbers, confirmed, halted.Count)
	if w.Waits() {
		t.screen.Item(w.String(), "%s the one under way waited %s for the broker, and returned nil",
			screen.Padded(w.Code(), 9), screen.Short(time.Duration(halted.Seconds*1e9)))
	} else {
		t.screen.Item(w.String(), "%s all receipts were in %s after the kill; the outbox repeats",
			screen.Padded(w.Code(), 9), screen.Short(time.Since(killed)))
	}
	t.check(confirmed > 0 && b.lost == 0, "%d of %s confirmed before the kill were lost", b.lost, screen.Grouped(confirmed))
	t.check(b.lostOfAll == 0 && b.inOrder, "bob got all %s, in order; %s came twice, under the same id", screen.Grouped(halted.Count), screen.Grouped(b.twice))
	t.figures.confirmedLost[w] = fmt.Sprintf("%d of %s", b.lost, screen.Grouped(confirmed))
	t.figures.repeated[w] = fmt.Sprintf("%s of %s", screen.Grouped(b.twice), screen.Grouped(halted.Count))
	return nil
}

// books are what was received, held against what was sent.
type books struct {
	lost      int // of those that were confirmed before the kill
	lostOfAll int
	twice     int  // repeats
	inOrder   bool // each number came for the first time after all below it
}

// balance compares the numbers that came with the numbers below sent, of which those below confirmed were
// confirmed before the kill.
func balance(numbers []int, confirmed, sent int) books {
	b := books{inOrder: true}
	have := make([]bool, sent)
	next := 0
	for _, n := range numbers {
		switch {
		case n < 0 || n >= sent:
			b.inOrder = false
		case have[n]:
			b.twice++
		default:
			have[n] = true
			b.inOrder = b.inOrder && n == next
			next = n + 1
		}
	}
	for n, came := range have {
		if !came {
			b.lostOfAll++
			if n < confirmed {
				b.lost++
			}
		}
	}
	return b
}
