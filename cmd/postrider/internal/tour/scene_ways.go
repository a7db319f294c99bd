package tour

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/postrider-mq/postrider/cmd/postrider/internal/screen"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/ways"
)

const (
	perWay      = 10
	whereBobIs  = ""
	jobs        = "jobs"
	callTimeout = 5 * time.Second
)

// fourWays sends each way while all are well.
func (t *tour) fourWays(ctx context.Context) error {
	t.screen.Heading("1  The four ways", "alice sends, bob receives, all are well")
	for _, mailbox := range []string{whereBobIs, jobs} {
		if _, err := t.bob.Do(ctx, order{Do: "receive", Mailbox: mailbox}); err != nil {
			return err
		}
	}
	if err := t.runPrograms(ctx); err != nil {
		return err
	}
	for w := range ways.Count {
		if err := t.sendAWay(ctx, w); err != nil {
			return err
		}
	}
	return t.ask(ctx)
}

// runPrograms runs the four whole programs whose lines the table counts.
func (t *tour) runPrograms(ctx context.Context) error {
	for w := range ways.Count {
		address := t.bob.address
		if !w.Direct() {
			address = t.brokerURL()
		}
		if _, err := t.alice.Do(ctx, order{Do: "program", Way: w, Address: address, Within: patience}); err != nil {
			return err
		}
		if _, err := t.awaitBodies(ctx, []string{w.Tag() + "/program"}); err != nil {
			return err
		}
		t.figures.lines[w] = codeLines(programs[w].name)
	}
	return nil
}

// sendAWay sends some messages one way and sees them come.
func (t *tour) sendAWay(ctx context.Context, w ways.Way) error {
	dials, err := t.dials(ctx)
	if err != nil {
		return err
	}
	bodies := numbered(w, "", perWay)
	fates, err := t.deliver(ctx, w, bodies)
	if err != nil {
		return err
	}
	seen, err := t.awaitBodies(ctx, bodies)
	if err != nil {
		return err
	}
	took := make([]time.Duration, len(fates))
	for i, f := range fates {
		took[i] = f.Took
	}
	slices.Sort(took)
	t.screen.Item(w.String(), "%s %s", screen.Padded(w.Code(), 9), t.meaning(w, took[len(took)/2]))
	t.check(bodiesOf(seen) == fmt.Sprint(bodies) && !anyRedelivered(seen), "bob got %d of %d, in order, each once", len(seen), len(bodies))
	return t.countDials(ctx, w, dials)
}

func (t *tour) meaning(w ways.Way, took time.Duration) string {
	switch w {
	case ways.DirectSend:
		return fmt.Sprintf("returned after %s: it was in bob's inbox, in his process", screen.Short(took))
	case ways.DirectPost:
		return fmt.Sprintf("returned after %s; a receipt tells what becomes of it", screen.Short(took))
	case ways.MailboxSend:
		return fmt.Sprintf("returned after %s: the broker had it on disk (fdatasync)", screen.Short(took))
	}
	return fmt.Sprintf("returned after %s; a receipt tells when it is on disk", screen.Short(took))
}

// deliver sends bodies one way until each is with its target.
func (t *tour) deliver(ctx context.Context, w ways.Way, bodies []string) ([]fate, error) {
	verb := "post"
	if w.Waits() {
		verb = "send"
	}
	r, err := t.alice.Do(ctx, order{Do: verb, Way: w, Mailbox: jobs, Bodies: bodies, Within: patience})
	if err != nil {
		return nil, err
	}
	if !w.Waits() {
		settled, err := t.alice.Do(ctx, order{Do: "settle", Within: patience})
		if err != nil {
			return nil, err
		}
		if err := firstError(settled.Fates); err != nil {
			return nil, err
		}
	}
	return r.Fates, firstError(r.Fates)
}

// ask shows a question and its answer, which is a message there and one back.
func (t *tour) ask(ctx context.Context) error {
	for _, w := range []ways.Way{ways.DirectSend, ways.MailboxSend} {
		body := w.Tag() + "/question"
		r, err := t.alice.Do(ctx, order{Do: "call", Way: w, Mailbox: jobs, Bodies: []string{body}, Within: callTimeout})
		if err != nil {
			return err
		}
		f := r.Fates[0]
		name := "direct, with answer"
		if w == ways.MailboxSend {
			name = "indirect, with answer"
		}
		t.screen.Item(name, "%s returned bob's answer after %s", screen.Padded("Call", 9), screen.Short(f.Took))
		t.check(f.Error == "" && f.Answer == "answer to "+body, "the answer is the one to the question%s", because(f.Error))
	}
	return nil
}

// dials counts the connections that alice and bob have made.
func (t *tour) dials(ctx context.Context) (int, error) {
	a, err := t.alice.Do(ctx, order{Do: "dials"})
	return a.Count, err
}

// countDials counts the connections that one way needs: those the sender made for it, and for a mailbox
// the one with which the receiver takes from it. The ways to one target share theirs.
func (t *tour) countDials(ctx context.Context, w ways.Way, before int) error {
	after, err := t.dials(ctx)
	if err != nil {
		return err
	}
	made := after - before
	if w.Waits() {
		t.figures.connections[w], t.figures.connections[w+1] = made, made
	}
	if w == ways.MailboxSend {
		b, err := t.bob.Do(ctx, order{Do: "dials"})
		if err != nil {
			return err
		}
		t.figures.connections[w] += b.Count
		t.figures.connections[w+1] = t.figures.connections[w]
	}
	return nil
}

func numbered(w ways.Way, what string, n int) []string {
	bodies := make([]string, n)
	for i := range bodies {
		bodies[i] = fmt.Sprintf("%s/%s%d", w.Tag(), what, i+1)
	}
	return bodies
}

// awaitBodies waits until bob has got all of some messages, and returns his reports of them, as they came.
func (t *tour) awaitBodies(ctx context.Context, bodies []string) ([]report, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	all, err := t.bob.Await(ctx, fmt.Sprintf("to get %d messages", len(bodies)), func(all []report) bool {
		got := map[string]bool{}
		for _, r := range reportsOf(all, bodies) {
			got[r.Body] = true
		}
		return len(got) == len(bodies)
	})
	got := reportsOf(all, bodies)
	if err != nil {
		err = fmt.Errorf("%w; it got %d: %s", err, len(got), bodiesOf(got))
	}
	return got, err
}

func reportsOf(all []report, bodies []string) (of []report) {
	wanted := map[string]bool{}
	for _, b := range bodies {
		wanted[b] = true
	}
	for _, r := range all {
		if r.Event == gotMessage && wanted[r.Body] {
			of = append(of, r)
		}
	}
	return of
}

func bodiesOf(all []report) string {
	bodies := make([]string, len(all))
	for i, r := range all {
		bodies[i] = r.Body
	}
	return fmt.Sprint(bodies)
}

func anyRedelivered(all []report) bool { return countRedelivered(all) > 0 }

func countRedelivered(all []report) (n int) {
	for _, r := range all {
		if r.Redelivered {
			n++
		}
	}
	return n
}

func firstError(fates []fate) error {
	for _, f := range fates {
		if f.Error != "" {
			return fmt.Errorf("%s: %s", f.Body, f.Error)
		}
	}
	return nil
}

// because adds a reason, if there is one.
func because(why string) string {
	if why == "" {
		return ""
	}
	return " (" + why + ")"
}
