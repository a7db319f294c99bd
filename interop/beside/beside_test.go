// Package beside runs a node of the Go API and a program in Python that share mailboxes, on our broker and on RabbitMQ. What they find is what
// docs/COMPATIBILITY.md says of other programs.
package beside

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/interop/brokers"
)

// patience bounds the program; each wait in it has a shorter deadline.
const patience = time.Minute

func TestOnPostrider(t *testing.T) { share(t, brokers.Postrider(t)) }
func TestOnRabbitMQ(t *testing.T)  { share(t, brokers.RabbitMQ(t).Addr) }

func share(t *testing.T, addr string) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	url := "amqp://guest:guest@" + addr
	office, err := postrider.Start(ctx, postrider.Config{Name: "office", Brokers: []string{url}})
	if err != nil {
		t.Fatal(err)
	}
	defer office.Close()
	results := office.Mailbox("results")
	handle := func(ctx context.Context, m *postrider.Message) error {
		f, failed := m.Failure()
		switch what := string(m.Body); {
		case what == "twice" && !failed:
			return errors.New("not now")
		case what == "poison":
			return postrider.Reject(errors.New("it is poison"))
		case what == "refuse":
			return errors.New("never")
		case m.WantsReply():
			return m.Reply(ctx, strings.ToUpper(what))
		default:
			colour := m.Header("colour")
			return results.Send(ctx, fmt.Sprintf("%s from %q, id %q, type %q, colour %v, failed %d times", what, m.From, m.ID, m.ContentType, colour, f.Tries))
		}
	}
	if err := office.Handle(ctx, office.Mailbox("tasks"), handle); err != nil {
		t.Fatal(err)
	}
	orders, parcels := office.Mailbox("orders", postrider.Partitions(4)), office.Mailbox("parcels", postrider.Partitions(4))
	for _, from := range []*postrider.Target{orders, office.Topic("prices")} {
		if err := office.Handle(ctx, from, func(ctx context.Context, m *postrider.Message) error {
			f, failed := m.Failure()
			if string(m.Body) == "fails" && !failed {
				return errors.New("not now")
			}
			return results.Send(ctx, fmt.Sprintf("%s of %s, failed %d times", m.Body, m.Key(), f.Tries))
		}); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range []string{"alice", "bob"} {
		if err := parcels.Send(ctx, "for "+key, postrider.Key(key)); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range []*postrider.Target{results, office.Mailbox("tasks").Dead()} { // they are there from now on: RabbitMQ ends who asks a quorum queue that begins
		if err := m.Send(ctx, "first"); err != nil {
			t.Fatal(err)
		}
	}

	questions := office.Mailbox("questions")
	asked := make(chan string, 1)
	go func() {
		answer, err := postrider.Call[string](ctx, questions, "6 * 7")
		asked <- fmt.Sprint(answer, " ", err)
	}()
	cmd := exec.CommandContext(ctx, "/usr/bin/python3", "other.py", url+"/%2F") // Debian's own, for it has Debian's pika
	cmd.Env = append(cmd.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	cmd.WaitDelay = time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v (is everything there? interop/install.sh sees to it)\n%s", err, out)
	}
	if got := <-asked; got != "42 <nil>" {
		t.Errorf("the answer of the other program: %s", got)
	}
}
