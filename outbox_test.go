package postrider_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/internal/disk"
	"github.com/postrider-mq/postrider/internal/outbox"
)

func inDir(dir string) func(*postrider.Config) {
	return func(cfg *postrider.Config) { cfg.Dir = dir }
}

// waitFor checks that a message comes as far as a grade.
func waitFor(t *testing.T, rc *postrider.Receipt, want postrider.Grade) {
	t.Helper()
	if err := rc.WaitFor(within(t, time.Hour), want); err != nil {
		t.Fatal(err)
	}
}

func TestWhatWasPostedIsSentOnAfterARestart(t *testing.T) {
	dir := t.TempDir()
	inMemory(t, func(t *testing.T, net *network) {
		alice := net.node("alice", inDir(dir))
		var receipts []*postrider.Receipt
		for i := range 100 {
			receipts = append(receipts, post(t, alice.Peer("bob"), fmt.Sprint(i)))
		}
		waitFor(t, receipts[99], postrider.Kept)
		if g := receipts[99].Grade(); g != postrider.Kept {
			t.Errorf("grade %v", g)
		}
		alice.Close()
		fate(t, receipts[0].Err(), false, postrider.ErrClosed)

		alice = net.node("alice", inDir(dir))
		younger := post(t, alice.Peer("bob"), "100")
		time.Sleep(time.Minute)
		bob := net.node("bob")
		got := collect(t, bob, bob.Inbox())
		for i := range 101 {
			if m := wantBody(t, got, fmt.Sprint(i)); i < 100 && m.ID != receipts[i].ID() {
				t.Errorf("id %q, was posted as %q", m.ID, receipts[i].ID())
			}
		}
		wantGrade(t, younger, postrider.Received)
		if err := alice.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		net.node("alice", inDir(dir)) // and not once more
		time.Sleep(time.Minute)
		wantNone(t, got)
	})
}

// Nobody waits for the receipt any more; the message goes out all the same.
func TestWhatWasPostedUntilHandledIsSentOnAfterARestart(t *testing.T) {
	dir := t.TempDir()
	inMemory(t, func(t *testing.T, net *network) {
		alice := net.node("alice", inDir(dir))
		rc, err := alice.Peer("bob").Post(t.Context(), "x", untilHandled)
		if err != nil {
			t.Fatal(err)
		}
		waitFor(t, rc, postrider.Kept)
		alice.Close()
		net.node("alice", inDir(dir))
		bob := net.node("bob")
		wantBody(t, collect(t, bob, bob.Inbox()), "x")
	})
}

func TestWhatWasPostedToABrokerIsSentOnAfterARestart(t *testing.T) {
	dir := t.TempDir()
	inMemory(t, func(t *testing.T, net *network) {
		alice := net.node("alice", inDir(dir), onBroker)
		rc := post(t, alice.Mailbox("jobs"), "a")
		waitFor(t, rc, postrider.Kept)
		alice.Close()
		net.broker()
		net.node("alice", inDir(dir), onBroker)
		bob := net.node("bob", onBroker)
		got := collect(t, bob, bob.Mailbox("jobs"))
		if m := wantBody(t, got, "a"); m.ID != rc.ID() {
			t.Errorf("id %q, was posted as %q", m.ID, rc.ID())
		}
	})
}

// The broker has no mailbox yet: the restarted node makes it as the one that posted would have.
func TestWhatWasPostedToASingleActiveMailboxMakesOneAfterARestart(t *testing.T) {
	dir := t.TempDir()
	inMemory(t, func(t *testing.T, net *network) {
		alice := net.node("alice", inDir(dir), onBroker)
		waitFor(t, post(t, alice.Mailbox("jobs", postrider.SingleActive()), "a"), postrider.Kept)
		alice.Close()
		net.broker()
		net.node("alice", inDir(dir), onBroker)
		time.Sleep(time.Minute)
		bob := net.node("bob", onBroker)
		wantBody(t, collect(t, bob, bob.Mailbox("jobs", postrider.SingleActive())), "a")
	})
}

// A mailbox was made anew in another form. What had been posted to it before goes where it belongs now, in order and ahead of what follows.
func TestPostsGoToAMailboxInItsPresentForm(t *testing.T) {
	forms := map[string][]postrider.MailboxOption{
		"plain": nil, "one receiver": {postrider.SingleActive()}, "two partitions": {postrider.Partitions(2)}, "five partitions": {postrider.Partitions(5)},
	}
	for from, old := range forms {
		for to, now := range forms {
			t.Run(from+", "+to, func(t *testing.T) {
				dir := t.TempDir()
				inMemory(t, func(t *testing.T, net *network) {
					alice := net.node("alice", inDir(dir), onBroker)
					fill := func(box *postrider.Target, from, to int) (last *postrider.Receipt) {
						for i := from; i < to; i++ {
							for k := range 4 {
								last = post(t, box, fmt.Sprint(i), postrider.Key(fmt.Sprint("key ", k)))
							}
						}
						return last
					}
					waitFor(t, fill(alice.Mailbox("jobs", old...), 0, 10), postrider.Kept)
					alice.Close()
					net.broker()
					alice = net.node("alice", inDir(dir), onBroker)
					fill(alice.Mailbox("jobs", now...), 10, 20)
					l := newLedger(t)
					bob := net.node("bob", onBroker)
					if err := bob.Handle(t.Context(), bob.Mailbox("jobs", now...), l.work("bob", 0)); err != nil {
						t.Fatal(err)
					}
					l.wait(80, time.Minute)
					l.inOrder(4, 20)
					if err := alice.Shutdown(within(t, time.Minute)); err != nil {
						t.Error(err)
					}
				})
			})
		}
	}
}

// One life has posted to a mailbox in one form, and the next, which had no broker either, in another. The third says nothing of it: it goes, all of it,
// into the form that was named last.
func TestPostsInSeveralFormsGoIntoTheLast(t *testing.T) {
	dir := t.TempDir()
	inMemory(t, func(t *testing.T, net *network) {
		for i, form := range [][]postrider.MailboxOption{nil, {postrider.SingleActive()}, {postrider.Partitions(2)}} {
			alice := net.node("alice", inDir(dir), onBroker)
			waitFor(t, post(t, alice.Mailbox("jobs", form...), fmt.Sprint(i), postrider.Key("key 0")), postrider.Kept)
			alice.Close()
		}
		net.broker()
		var log bytes.Buffer
		alice := net.node("alice", inDir(dir), onBroker, func(cfg *postrider.Config) { cfg.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
		time.Sleep(time.Minute)
		alice.Close()
		if strings.Contains(log.String(), "stays in the outbox") {
			t.Errorf("logged %s", &log)
		}
		bob := net.node("bob", onBroker)
		got := collect(t, bob, bob.Mailbox("jobs", postrider.Partitions(2)))
		for i := range 3 {
			wantBody(t, got, fmt.Sprint(i))
		}
	})
}

// A program names a mailbox otherwise than it is, by mistake. What its former life had posted there waits for its next one.
func TestPostsToAMailboxOfAnotherKindStay(t *testing.T) {
	dir := t.TempDir()
	inMemory(t, func(t *testing.T, net *network) {
		alice := net.node("alice", inDir(dir), onBroker)
		for i := range 10 {
			waitFor(t, post(t, parted(alice), fmt.Sprint(i), postrider.Key("key 0")), postrider.Kept)
		}
		alice.Close()
		net.broker()
		bob := net.node("bob", onBroker)
		l := newLedger(t)
		if err := bob.Handle(t.Context(), parted(bob), l.work("bob", 0)); err != nil {
			t.Fatal(err)
		}
		for _, wrong := range []postrider.MailboxOption{postrider.Partitions(4), postrider.SingleActive()} {
			alice = net.node("alice", inDir(dir), onBroker)
			fate(t, alice.Mailbox("jobs", wrong).Send(within(t, time.Minute), "x"), false, postrider.ErrPartitions)
			if err := alice.Shutdown(within(t, time.Minute)); err != nil {
				t.Error(err)
			}
		}
		alice = net.node("alice", inDir(dir), onBroker)
		if err := alice.Shutdown(within(t, time.Minute)); err != nil { // without a word of the mailbox
			t.Error(err)
		}
		l.wait(10, time.Minute)
		l.inOrder(1, 10)
	})
}

// One that cannot be read, a later version's it may be, keeps back none of those behind it.
func TestAPostThatCannotBeReadHoldsUpNoOther(t *testing.T) {
	dir := t.TempDir()
	inMemory(t, func(t *testing.T, net *network) {
		kept, err := outbox.Open(disk.OS(filepath.Join(dir, "outbox")), slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := kept.Keep(outbox.Post{Target: "peer bob", Encoded: []byte("?")}); err != nil {
			t.Fatal(err)
		}
		kept.Close(context.Background())
		alice := net.node("alice", inDir(dir))
		waitFor(t, post(t, alice.Peer("bob"), "x"), postrider.Kept)
		alice.Close()
		net.node("alice", inDir(dir))
		bob := net.node("bob")
		wantBody(t, collect(t, bob, bob.Inbox()), "x")
	})
}

func TestAPostForAPeerThatIsNotKnownAnyMoreStaysInTheOutbox(t *testing.T) {
	dir := t.TempDir()
	inMemory(t, func(t *testing.T, net *network) {
		alice := net.node("alice", inDir(dir))
		waitFor(t, post(t, alice.Peer("bob"), "a"), postrider.Kept)
		alice.Close()
		alice = net.node("alice", inDir(dir), func(cfg *postrider.Config) { delete(cfg.Peers, "bob") })
		alice.Close()
		net.node("alice", inDir(dir))
		bob := net.node("bob")
		wantBody(t, collect(t, bob, bob.Inbox()), "a")
	})
}

func TestAPostThatExpires(t *testing.T) {
	dir := t.TempDir()
	inMemory(t, func(t *testing.T, net *network) {
		alice := net.node("alice", inDir(dir))
		bob := alice.Peer("bob")
		brief, err := bob.Post(t.Context(), "brief", postrider.Expires(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		long, err := bob.Post(t.Context(), "long", postrider.Expires(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		_, err = brief.Wait(t.Context())
		fate(t, err, false, postrider.ErrExpired, postrider.ErrPeerDown)
		if took := time.Since(began); took < time.Minute || took > time.Minute+time.Second {
			t.Errorf("it expired after %v", took)
		}
		waitFor(t, long, postrider.Kept)
		alice.Close()
		time.Sleep(2 * time.Hour)
		alice = net.node("alice", inDir(dir))
		last := post(t, alice.Peer("bob"), "last")
		synctest.Wait()
		node := net.node("bob")
		got := collect(t, node, node.Inbox())
		wantGrade(t, last, postrider.Received)
		wantBody(t, got, "last")
		wantNone(t, got)
	})
}

// It was written, and its time ran out before the connection was known to be dead.
func TestAPostThatExpiresUnconfirmed(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		bob, alice := net.node("bob"), net.node("alice")
		wantGrade(t, post(t, alice.Peer("bob"), "a"), postrider.Received)
		net.Mute("bob")
		rc, err := alice.Peer("bob").Post(t.Context(), "b", postrider.Expires(5*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		_, err = rc.Wait(within(t, time.Hour))
		fate(t, err, true, postrider.ErrExpired, postrider.ErrPeerDown)
		net.Unmute("bob")
		wantGrade(t, post(t, alice.Peer("bob"), "c"), postrider.Received)
		got := collect(t, bob, bob.Inbox())
		wantBody(t, got, "a")
		wantBody(t, got, "c")
	})
}

// What waited here is not given its whole time again at the target.
func TestTheTimeInTheOutboxCounts(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice := net.node("alice")
		rc, err := alice.Peer("bob").Post(t.Context(), "x", postrider.Expires(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Second)
		bob := net.node("bob")
		wantGrade(t, rc, postrider.Received)
		time.Sleep(11 * time.Second)
		wantNone(t, collect(t, bob, bob.Inbox()))
	})
}

func TestWithoutADirectoryNothingIsKept(t *testing.T) {
	inMemory(t, func(t *testing.T, net *network) {
		alice := net.node("alice")
		rc := post(t, alice.Peer("bob"), "x")
		if err := rc.WaitFor(within(t, time.Hour), postrider.Kept); err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

// The sender's process is killed with what it posted, some of which the peer had confirmed already.
func TestWhatAKilledProcessPostedIsSentOnAfterItsRestart(t *testing.T) {
	dir := t.TempDir()
	bob := start(t, postrider.Config{Name: "bob", Listen: "127.0.0.1:0"})
	got := collect(t, bob, bob.Inbox())
	cmd := exec.Command(os.Args[0], "-test.run=^TestPostingProcess$")
	cmd.Env = append(os.Environ(), "POSTRIDER_TEST_DIR="+dir, "POSTRIDER_TEST_BOB="+bob.Addr().String())
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for lines := bufio.NewScanner(out); lines.Scan() && lines.Text() != "kept"; {
		ids = append(ids, lines.Text())
	}
	cmd.Process.Kill()
	cmd.Wait()
	if len(ids) != 2*posts {
		t.Fatalf("the process posted %d messages, want %d", len(ids), 2*posts)
	}
	for i := range posts {
		wantBody(t, got, fmt.Sprint(i))
	}
	carol := start(t, postrider.Config{Name: "carol", Listen: "127.0.0.1:0"})
	start(t, postrider.Config{
		Name: "alice", Dir: dir, Peers: map[string]string{"bob": bob.Addr().String(), "carol": carol.Addr().String()},
	})
	after := collect(t, carol, carol.Inbox())
	for i := range posts {
		if m := wantBody(t, after, fmt.Sprint(i)); m.ID != ids[posts+i] {
			t.Errorf("id %q, was posted as %q", m.ID, ids[posts+i])
		}
	}
}

const posts = 500

// TestPostingProcess is the process that is killed: it posts to bob, who is there, and to carol, who is not.
func TestPostingProcess(t *testing.T) {
	dir := os.Getenv("POSTRIDER_TEST_DIR")
	if dir == "" {
		t.Skip("runs in a process of its own")
	}
	alice := start(t, postrider.Config{
		Name: "alice", Dir: dir, Logger: slog.New(slog.DiscardHandler),
		Peers: map[string]string{"bob": os.Getenv("POSTRIDER_TEST_BOB"), "carol": "127.0.0.1:1"},
	})
	var receipts []*postrider.Receipt
	for _, peer := range []string{"bob", "carol"} {
		for i := range posts {
			rc := post(t, alice.Peer(peer), fmt.Sprint(i))
			fmt.Println(rc.ID())
			receipts = append(receipts, rc)
		}
	}
	for i, rc := range receipts {
		want := postrider.Received
		if i >= posts {
			want = postrider.Kept
		}
		if err := rc.WaitFor(soon(t), want); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Println("kept")
	<-t.Context().Done() // which is long after the kill
}
