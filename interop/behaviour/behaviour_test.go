package behaviour

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/internal/behaviour"
	"github.com/postrider-mq/postrider/interop/brokers"
)

func TestOnServe(t *testing.T) {
	behaviour.Loopback("amqp://" + brokers.Postrider(t)).Tell(t)
}

func TestOnRabbitMQ(t *testing.T) {
	url := "amqp://" + brokers.RabbitMQ(t).Addr
	t.Run("the package's own tests", func(t *testing.T) {
		cmd := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-run", "OnRabbitMQ", ".")
		cmd.Dir = "../.."
		cmd.Env = append(os.Environ(), "POSTRIDER_RABBITMQ="+url)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
	t.Run("stories", behaviour.Loopback(url).Tell)
}

func TestOnACluster(t *testing.T) {
	c := brokers.RabbitMQCluster(t, 3)
	stage := behaviour.Loopback(c.URLs()...)
	t.Run("stories", stage.Tell)
	t.Run("each node is killed", func(t *testing.T) { eachNodeIsKilled(behaviour.NewWorld(t, stage), c) })
}

// eachNodeIsKilled posts and works while one node after the other is killed and comes back: what is confirmed arrives, and once,
// and calls are answered. A mailbox with one receiver at a time keeps its order. In any other, what the broker delivers again may
// come late: a receiver that is back at once, by another node, is given the next before the last is known to have been in vain.
func eachNodeIsKilled(w *behaviour.World, c *brokers.Cluster) {
	w.Patience = 2 * time.Minute
	alice, bob := w.Pair()
	plain := &stream{to: alice.Mailbox(w.Unique("plain"))}
	strict := &stream{to: alice.Mailbox(w.Unique("strict"), postrider.SingleActive())}
	plain.got = w.Collect(bob, bob.Mailbox(plain.to.Name()))
	strict.got = w.Collect(bob, bob.Mailbox(strict.to.Name(), postrider.SingleActive()))
	asks := alice.Mailbox(w.Unique("asks"))
	w.Handle(bob, bob.Mailbox(asks.Name()), func(ctx context.Context, m *postrider.Message) error {
		return m.Reply(ctx, "answered")
	}, postrider.Workers(4))

	traffic := func(enough func() bool) {
		for n := 0; n < 200 || !enough(); n++ {
			plain.post(w)
			strict.post(w)
		}
	}
	atOnce := func() bool { return true }
	traffic(atOnce)
	for i, node := range c.Nodes {
		node.Kill(w)
		traffic(atOnce)
		back := make(chan error, 1)
		go func() { back <- node.Restart(w) }()
		var err error
		traffic(func() bool {
			select {
			case err = <-back:
				return true
			case <-time.After(20 * time.Millisecond): // spares the cores that the node needs to start
				return false
			}
		})
		if err != nil {
			w.Fatal(err)
		}
		if answer, err := postrider.Call[string](w.Soon(), asks, "?"); err != nil || answer != "answered" {
			w.Errorf("after node %d: %q, %v", i, answer, err)
		}
	}
	for i := range strict.receipts {
		if m := behaviour.Next(w, strict.got, fmt.Sprint(i)); string(m.Body) != fmt.Sprint(i) {
			w.Fatalf("%s came, want %d of %d, redelivered %v", m.Body, i, len(strict.receipts), m.Redelivered)
		}
	}
	late := plain.inOrderUnlessRedelivered(w)
	for _, s := range []*stream{plain, strict} {
		for _, r := range s.receipts {
			w.Grade(r, postrider.Stored)
		}
	}
	w.Logf("%d messages in each mailbox while each of %d nodes was killed, %d of them late", len(plain.receipts), len(c.Nodes), late)
}

// stream is numbered messages to one mailbox, and what comes of them.
type stream struct {
	to       *postrider.Target
	receipts []*postrider.Receipt
	got      <-chan *postrider.Message
}

// post posts the next one, and waits for one before it, so that there are never many on their way.
func (s *stream) post(w *behaviour.World) {
	s.receipts = append(s.receipts, w.Post(s.to, fmt.Sprint(len(s.receipts))))
	if behind := len(s.receipts) - 100; behind > 0 {
		w.Grade(s.receipts[behind], postrider.Stored)
	}
}

// inOrderUnlessRedelivered wants all that was posted, each once, and none before an earlier one unless that is marked
// redelivered then. It returns how many came late. When it fails it tells all that came.
func (s *stream) inOrderUnlessRedelivered(w *behaviour.World) (late int) {
	var story strings.Builder
	defer func() {
		if w.Failed() {
			w.Logf("%s: what came, ! redelivered:%s", s.to.Name(), &story)
		}
	}()
	seen, last := make([]bool, len(s.receipts)), -1
	for range s.receipts {
		m := behaviour.Next(w, s.got, "the next")
		n, err := strconv.Atoi(string(m.Body))
		if err != nil || n >= len(seen) {
			w.Fatalf("%s came", m.Body)
		}
		mark := ""
		if m.Redelivered {
			mark = "!"
		}
		fmt.Fprintf(&story, " %d%s", n, mark)
		switch {
		case seen[n]:
			w.Fatalf("%d came twice", n)
		case n < last && !m.Redelivered:
			w.Errorf("%d came after %d, and was not redelivered", n, last)
		case n < last:
			late++
		}
		seen[n], last = true, max(n, last)
	}
	return late
}
