package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/amqp"
)

func TestMailboxesAreWorkedOn(t *testing.T) {
	t.Parallel()
	_, url := serving(t, "--memory")
	runs(t, "mailbox", "peek", "jobs", "--broker", url).wants(t, exitFailed, "")
	runs(t, "dead", "ls", "jobs", "--broker", url).wants(t, exitFailed, "", "there is no mailbox jobs")
	runs(t, "mailbox", "create", "healthy", "--broker", url).wants(t, exitOK, "")
	runs(t, "dead", "ls", "healthy", "--broker", url).wants(t, exitOK, "", "there is no healthy.dead", "--queue")
	runs(t, "dead", "show", "healthy", "x", "--broker", url).wants(t, exitFailed, "", "no dead letter x")
	runs(t, "mailbox", "create", "jobs", "invoices", "--broker", url).wants(t, exitOK, "")
	runs(t, "mailbox", "create", "jobs", "--broker", url).wants(t, exitOK, "")
	runs(t, "mailbox", "peek", "jobs", "--broker", url).wants(t, exitOK, "")
	runWith(t, "a\nb\nc\n", nil, "post", "mailbox:jobs", "--broker", url, "--name", "alice").wants(t, exitOK, "")
	for range 2 { // a look changes nothing
		runs(t, "mailbox", "peek", "jobs", "--limit", "2", "--broker", url).wants(t, exitOK, "a\nb\n")
	}
	var m received
	decodeLines(t, runs(t, "mailbox", "peek", "jobs", "--limit", "1", "--json", "--broker", url).stdout, &m)
	if m.ID == "" || m.From != "alice" || m.Body != "a" || !m.Redelivered || m.To != "jobs" {
		t.Errorf("%+v", m)
	}
	o := runs(t, "mailbox", "rm", "jobs", "--broker", url)
	o.wants(t, exitFailed, "")
	if !strings.Contains(o.stderr, "has 3 messages") || !strings.Contains(o.stderr, "--force") {
		t.Error(o.stderr)
	}
	runs(t, "mailbox", "purge", "jobs", "--broker", url).wants(t, exitOK, "3 messages deleted from jobs\n")
	runs(t, "mailbox", "rm", "jobs", "--broker", url).wants(t, exitOK, "")
	runWith(t, "a\n", nil, "post", "mailbox:invoices", "--broker", url).wants(t, exitOK, "")
	runs(t, "mailbox", "rm", "invoices", "--broker", url).wants(t, exitFailed, "", "has 1 message in it", "--force")
	for _, verb := range []string{"create", "peek", "purge", "rm"} { // to AMQP no name is one to be made up, or the last one
		runs(t, "mailbox", verb, "", "--broker", url).wants(t, exitUsage, "", "NAME is empty")
	}
	runs(t, "mailbox", "create", "one", "", "--broker", url).wants(t, exitUsage, "", "NAME is empty")
	runs(t, "mailbox", "rm", "invoices", "--force", "--json", "--broker", url).wants(t, exitOK, `{"deleted":1,"mailbox":"invoices"}`+"\n")
}

func TestAMailboxMovesToAnotherBroker(t *testing.T) {
	t.Parallel()
	_, here := serving(t, "--memory")
	_, there := serving(t, "--memory")
	var lines strings.Builder
	for i := range 5000 {
		fmt.Fprintln(&lines, i)
	}
	runWith(t, lines.String(), nil, "post", "mailbox:jobs", "--broker", here).wants(t, exitOK, "")
	runs(t, "mailbox", "move", "jobs", "--broker", here, "--to", here).wants(t, exitUsage, "")
	alias := strings.Replace(here, "127.0.0.1", "localhost", 1)
	runs(t, "mailbox", "move", "jobs", "--broker", here, "--to", alias).wants(t, exitUsage, "", "--to is the mailbox itself")
	runs(t, "mailbox", "move", "jobs", "--broker", here, "--to", there, "--as", "old-jobs").wants(t, exitOK, "5000 messages moved\n")
	runs(t, "mailbox", "peek", "jobs", "--broker", here).wants(t, exitOK, "")
	runs(t, "receive", "mailbox:old-jobs", "--count", "5000", "--broker", there).wants(t, exitOK, lines.String())
	runs(t, "mailbox", "move", "jobs", "--broker", here, "--to", there).wants(t, exitOK, "0 messages moved\n")
	o := runs(t, "mailbox", "move", "jobs", "--broker", here, "--to", "amqp://127.0.0.1:1")
	if o.code != exitFailed || !strings.Contains(o.stderr, "nobody listens there") {
		t.Error(o.code, o.stderr)
	}
}

// Those whom its publisher has given copies do not get others from who moves it.
func TestWhatIsMovedIsNotCopied(t *testing.T) {
	t.Parallel()
	_, here := serving(t, "--memory")
	_, there := serving(t, "--memory")
	from := newApplication(t, here)
	to := newApplication(t, there)
	to.declares("copies", nil)
	from.declares("jobs", nil)
	from.publishes("jobs", "m", amqp.Properties{Headers: amqp.Table{"CC": []any{"copies"}, "colour": "red"}})
	runs(t, "mailbox", "move", "jobs", "--broker", here, "--to", there).wants(t, exitOK, "1 message moved\n")
	if m, err := to.Get(t.Context(), "copies"); m != nil || err != nil {
		t.Errorf("another copy: %v, %v", m, err)
	}
	if p := to.finds("jobs", "m"); p.Headers["colour"] != "red" {
		t.Errorf("its headers are %v", p.Headers)
	}
}

// silent is the address of one who takes connections and says nothing, and tells of each.
func silent(t *testing.T) (url string, came <-chan net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	conns := make(chan net.Conn, 10)
	go func() {
		for c, err := ln.Accept(); err == nil; c, err = ln.Accept() {
			conns <- c
		}
	}()
	return "amqp://" + ln.Addr().String(), conns
}

// However far it is, a move that is interrupted says what it has done, and that it can go on.
func TestAMoveThatIsInterruptedSaysHowFarItIs(t *testing.T) {
	t.Parallel()
	_, here := serving(t, "--memory")
	runWith(t, "a\nb\n", nil, "post", "mailbox:jobs", "--broker", here).wants(t, exitOK, "")
	nowhere, came := silent(t)
	interrupted := func(seen func(), args ...string) {
		t.Helper()
		move := start(t, append([]string{"mailbox", "move", "jobs"}, args...)...)
		seen()
		o := move.stop()
		o.wants(t, exitFailed, "", "moved so far, run it again for the rest: interrupted")
		if strings.Contains(o.stderr, "signal") {
			t.Error(o.stderr)
		}
	}
	interrupted(func() { <-came }, "--broker", nowhere, "--to", here)
	interrupted(func() { <-came }, "--broker", here, "--to", nowhere)

	runs(t, "mailbox", "peek", "jobs", "--broker", here).wants(t, exitOK, "a\nb\n")

	const all = 20_000
	_, there := serving(t, "--memory")
	runWith(t, strings.Repeat("c\n", all-2), nil, "post", "mailbox:jobs", "--broker", here).wants(t, exitOK, "")
	first := start(t, "receive", "mailbox:jobs", "--count", "1", "--broker", there)
	move := start(t, "mailbox", "move", "jobs", "--broker", here, "--to", there)
	first.stdout.await(t, first.ended, "a")
	o := move.stop() // it looks for more for a tenth of a second, at least
	o.wants(t, exitFailed, "", "moved so far, run it again for the rest: interrupted")
	var before, after int
	if _, err := fmt.Sscanf(o.stderr, "postrider: %d message", &before); err != nil {
		t.Fatal(o.stderr)
	}
	o = runs(t, "mailbox", "move", "jobs", "--broker", here, "--to", there)
	if _, err := fmt.Sscanf(o.stdout, "%d message", &after); err != nil || before+after < all || before+after > all+moveWindow {
		t.Errorf("%d and %d of %d were moved: %s", before, after, all, o.stderr)
	}
}

func TestAMoveThatIsKilledCanRunAgain(t *testing.T) {
	t.Parallel()
	const all = 20_000
	_, here := serving(t, "--dir", t.TempDir())
	_, there := serving(t, "--dir", t.TempDir())
	var lines strings.Builder
	for i := range all {
		fmt.Fprintln(&lines, i)
	}
	runWith(t, lines.String(), nil, "post", "mailbox:jobs", "--broker", here).wants(t, exitOK, "")
	n, err := postrider.Start(t.Context(), postrider.Config{Name: "worker", Brokers: []string{there}})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	got := make(chan string, 2*all)
	err = n.Handle(t.Context(), n.Mailbox("jobs"), func(_ context.Context, m *postrider.Message) error {
		got <- string(m.Body)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	until := func(count int) {
		for len(seen) < count {
			select {
			case body := <-got:
				if seen[body] {
					t.Fatalf("%s came twice: a repeat has another id", body)
				}
				seen[body] = true
			case <-time.After(time.Minute):
				t.Fatalf("%d messages of %d came", len(seen), count)
			}
		}
	}
	for killed := range 2 {
		move := start(t, "mailbox", "move", "jobs", "--broker", here, "--to", there)
		until(1000 * (1 + killed))
		move.kill()
	}
	if o := runs(t, "mailbox", "move", "jobs", "--broker", here, "--to", there); o.code != exitOK {
		t.Fatal(o.stderr)
	}
	until(all)
	runs(t, "mailbox", "peek", "jobs", "--broker", here).wants(t, exitOK, "")
}

func TestDeadLettersGetAnotherTry(t *testing.T) {
	t.Parallel()
	_, url := serving(t, "--memory")
	n, err := postrider.Start(t.Context(), postrider.Config{Name: "worker", Brokers: []string{url}})
	if err != nil {
		t.Fatal(err)
	}
	handling, stop := context.WithCancel(t.Context())
	jobs, seen := n.Mailbox("jobs"), make(chan struct{}, 3)
	err = n.Handle(handling, jobs, func(context.Context, *postrider.Message) error {
		seen <- struct{}{}
		return postrider.Reject(errors.New("no such customer\nat all"))
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := jobs.Send(t.Context(), fmt.Sprint("body ", i), postrider.ID(fmt.Sprint("order-", i))); err != nil {
			t.Fatal(err)
		}
		<-seen
	}
	if err := n.Shutdown(t.Context()); err != nil { // which waits for the letters to be safe
		t.Fatal(err)
	}
	stop()

	runs(t, "dead", "ls", "jobs", "--broker", url, "--limit", "1").
		wants(t, exitOK, "order-0  from worker  1 try  no such customer\n")
	var letters [3]letter
	decodeLines(t, runs(t, "dead", "ls", "jobs", "--broker", url, "--json").stdout, &letters[0], &letters[1], &letters[2])
	for i, l := range letters {
		if l.ID != fmt.Sprint("order-", i) || l.Tries != 1 || l.FirstFailure == nil || l.LastFailure == nil || l.Reason != "no such customer\nat all" {
			t.Errorf("%+v", l)
		}
	}
	o := runs(t, "dead", "show", "jobs", "order-1", "--broker", url)
	if o.code != exitOK || !strings.HasSuffix(o.stdout, "at all\n\nbody 1\n") {
		t.Errorf("%d %s", o.code, o.stdout)
	}
	runs(t, "dead", "show", "jobs", "order-9", "--broker", url).wants(t, exitFailed, "")
	runs(t, "dead", "redrive", "jobs", "order-1", "order-9", "--broker", url).wants(t, exitFailed, "1 message is back in jobs\n", "there is no dead letter order-9 in jobs.dead")
	runs(t, "dead", "redrive", "jobs", "order-9", "--broker", url).wants(t, exitFailed, "0 messages are back in jobs\n", "there is no dead letter order-9 in jobs.dead")
	runs(t, "dead", "redrive", "jobs", "--to", "debug", "--broker", url).wants(t, exitFailed, "", "there is no such queue", "postrider mailbox create debug")
	runs(t, "dead", "redrive", "jobs", "--limit", "1", "--broker", url).wants(t, exitOK, "1 message is back in jobs\n")
	runs(t, "receive", "mailbox:jobs", "--count", "2", "--broker", url).wants(t, exitOK, "body 1\nbody 0\n")
	runs(t, "dead", "purge", "jobs", "--broker", url).wants(t, exitOK, "1 message deleted from jobs.dead\n")
	runs(t, "dead", "ls", "jobs", "--broker", url).wants(t, exitOK, "")
}

func TestMailboxesAreListed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, url := serving(t, "--dir", dir)
	runs(t, "send", "mailbox:jobs", "x", "--broker", url).wants(t, exitOK, "")
	runs(t, "mailbox", "create", "orders", "--broker", url).wants(t, exitOK, "")
	runs(t, "mailbox", "ls", "--dir", dir).wants(t, exitOK, "MAILBOX  READY  UNACKED  RETRYING  CONSUMERS\njobs     1      0        0         0\norders   0      0        0         0\n")
	runs(t, "mailbox", "ls", "--dir", t.TempDir()).wants(t, exitFailed, "", "no broker is running on")
	runs(t, "mailbox", "ls", "--vhost", "shop", "--dir", dir).wants(t, exitFailed, "", "there is no virtual host shop")
}

func TestWhatWaitsForAnotherTryBelongsToItsMailbox(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, url := serving(t, "--dir", dir)
	n, err := postrider.Start(t.Context(), postrider.Config{Name: "worker", Brokers: []string{url}})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	jobs, others := n.Mailbox("jobs"), n.Mailbox("others")
	seen := make(chan struct{}, 2)
	handling, stop := context.WithCancel(t.Context())
	err = n.Handle(handling, jobs, func(context.Context, *postrider.Message) error {
		seen <- struct{}{}
		return postrider.Retry(3 * time.Hour)
	})
	if err == nil {
		err = n.Handle(t.Context(), others, func(context.Context, *postrider.Message) error { return nil })
	}
	if err == nil { // which makes a queue for receipts
		err = others.Send(t.Context(), "x", postrider.Until(postrider.Handled))
	}
	if err == nil {
		err = n.Mailbox("parts", postrider.Partitions(2)).Send(t.Context(), "x", postrider.Key("a"))
	}
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := jobs.Send(t.Context(), "later"); err != nil {
			t.Fatal(err)
		}
		<-seen
	}
	if err := n.Shutdown(t.Context()); err != nil { // which waits for what waits to be safe
		t.Fatal(err)
	}
	stop()

	list := func(args ...string) string {
		o := runs(t, append([]string{"mailbox", "ls", "--dir", dir}, args...)...)
		return strings.Join(strings.Fields(o.stdout), " ")
	}
	const known = "MAILBOX READY UNACKED RETRYING CONSUMERS jobs 0 0 2 0 others 0 0 0 0 parts.p0"
	if got := list(); !strings.HasPrefix(got, known) || strings.Contains(got, "retry") || strings.Contains(got, "receipts") || strings.Contains(got, "partitions") {
		t.Error(got)
	}
	if got := list("--all"); !strings.Contains(got, "jobs.retry.3h 2 0 0") || !strings.Contains(got, "worker.receipts.") || !strings.Contains(got, "parts.partitions") {
		t.Error(got)
	}
	runs(t, "mailbox", "rm", "jobs", "--broker", url).wants(t, exitFailed, "", "mailbox jobs has 0 messages in it, and 2 that wait for another try", "--force")
	runs(t, "mailbox", "purge", "jobs", "--broker", url).wants(t, exitOK, "2 messages deleted from jobs.retry.3h\n0 messages deleted from jobs\n")
	runs(t, "mailbox", "rm", "jobs", "--broker", url).wants(t, exitOK, "")
	if got := list("--all"); strings.Contains(got, "jobs") {
		t.Error("its queue for retries is left:", got)
	}
}

func TestAQueueOfAnApplicationIsNoHelper(t *testing.T) {
	queues := []map[string]any{
		{"name": "jobs", "messages_ready": 1.}, {"name": "jobs.retry.1s", "messages_ready": 1., "arguments": map[string]any{}},
		{"name": "lost.retry.1s", "messages_ready": 1., "arguments": map[string]any{"x-dead-letter-routing-key": "lost"}}, // there is no lost
		{"name": "my.partitions", "messages_ready": 0.}, {"name": "my.receipts.2026", "messages_ready": 0.},
	}
	if left := withoutHelpers(queues); len(left) != 5 {
		t.Error(left)
	}
}
