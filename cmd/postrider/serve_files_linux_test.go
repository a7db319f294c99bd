package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/postrider-mq/postrider"
)

// Clients that use up all the files which the process may open cost neither those that are there, nor the journal, nor the operator who asks
// what goes on.
func TestTooManyClientsForTheFilesThatMayBeOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, url := servingWithFiles(t, 100, dir)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	n := nodeAt(ctx, t, url)
	jobs := n.Mailbox("jobs")
	if err := jobs.Send(ctx, "first"); err != nil {
		t.Fatal(err)
	}

	for i := 0; !strings.Contains(b.stderr.all(), "LimitNOFILE"); i++ { // Nobody of them says anything, and all are sent away after five seconds.
		nc, err := net.Dial("tcp", strings.TrimPrefix(url, "amqp://"))
		if err != nil || i > 2000 {
			t.Fatal("nobody is refused: ", err)
		}
		defer nc.Close()
	}
	body := strings.Repeat("x", 1000)
	for i := range 500 { // ten segments
		_, err := jobs.Post(ctx, fmt.Sprint(i, body))
		for errors.Is(err, postrider.ErrFull) {
			_, err = jobs.Post(ctx, fmt.Sprint(i, body))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := jobs.Send(ctx, "last"); err != nil {
		t.Fatal(err)
	}
	clerk{t, dir}.shows("mailbox ls", "jobs 502 0 0 0")
	examine(t, nil, "--dir", dir, "--broker", url).wants("open files", warning, "100 may be open by the broker", "LimitNOFILE")
	if err := n.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	b.stop().wants(t, exitOK, "listening on "+url+"\n")
}

// A journal that has as many files as the process can do with keeps publishers waiting, and neither the operator who asks what goes on nor the consumer who makes
// it smaller.
func TestTooLargeAJournalForTheFilesThatMayBeOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, url := servingWithFiles(t, 60, dir)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	n := nodeAt(ctx, t, url)
	jobs, sent := n.Mailbox("jobs"), 0
	for body := strings.Repeat("x", 50_000); !strings.Contains(b.stderr.all(), "the journal cannot open a file"); sent++ {
		if sent > 100 {
			t.Fatal("the journal has all files")
		}
		brief, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
		_ = jobs.Send(brief, body) // the last one has to wait
		cancel()
	}
	runs(t, "health", "--dir", dir).wants(t, exitOK, "clients are served\npublishers wait: few files may still be opened\n")
	examine(t, nil, "--dir", dir, "--broker", url).wants("publishers", problem, "may open no other file", "ulimit -n")
	last, err := jobs.Post(ctx, "last")
	if err != nil {
		t.Fatal(err)
	}
	c := start(t, "receive", "mailbox:jobs", "--broker", url)
	c.stdout.await(t, c.ended, "last") // all before it were consumed, and publishers may go on
	if _, err := last.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	c.stop().wants(t, exitOK, c.stdout.all())
	b.stop().wants(t, exitOK, "listening on "+url+"\n")
}

// servingWithFiles starts a broker that may open so many files, with small ones for its journal.
func servingWithFiles(t *testing.T, files int, dir string) (*background, string) {
	t.Helper()
	return servingWith(t, func(cmd *exec.Cmd) {
		shell, err := exec.LookPath("sh")
		if err != nil {
			t.Skip(err)
		}
		cmd.Args = append([]string{shell, "-c", fmt.Sprintf(`ulimit -n %d && exec "$0" "$@"`, files)}, cmd.Args...)
		cmd.Path = shell
	}, "--dir", dir, "--segment-size", "64KiB")
}

func nodeAt(ctx context.Context, t *testing.T, url string) *postrider.Node {
	t.Helper()
	n, err := postrider.Start(ctx, postrider.Config{Name: "alice", Brokers: []string{url}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}
