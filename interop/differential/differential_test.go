package differential

import (
	"flag"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/postrider-mq/postrider/interop/brokers"
)

var (
	programs = flag.Int("programs", 500, "how many programs to play")
	seed     = flag.Uint64("seed", 1, "that of the first program; 0 takes a new one")
	rabbit   = flag.String("rabbit", "", "host:port of a RabbitMQ to use instead of an own one; its virtual hosts oracle0, oracle1, … must be there")
	manage   = flag.String("management", "", "host:port of its management interface")
	quorum   = flag.Uint64("quorum", 32, "one in so many programs has quorum queues, which are slow in RabbitMQ; 0: none")
	most     = flag.Int("most", 3, "stop after so many differences")
)

const workers = 2

func TestWhatRabbitMQShowsWeShow(t *testing.T) {
	if *seed == 0 {
		*seed = uint64(time.Now().Unix()) << 20
	}
	theirs, managed := *rabbit, *manage
	if theirs == "" {
		r := brokers.RabbitMQ(t, vhosts()...)
		theirs, managed = r.Addr, r.Management
	}
	var next, found atomic.Int64
	used := make([]map[string]int, workers)
	var done sync.WaitGroup
	for i := range workers {
		used[i] = map[string]int{}
		addr, management := brokers.ManagedPostrider(t)
		c := &comparison{
			theirs: Target{"RabbitMQ", theirs, fmt.Sprintf("oracle%d", i), managed},
			ours:   Target{"Postrider", addr, "/", management},
			used:   used[i],
		}
		done.Go(func() {
			for found.Load() < int64(*most) {
				n := next.Add(1) - 1
				if n >= int64(*programs) {
					return
				}
				if report := c.play(*seed + uint64(n)); report != "" {
					found.Add(1)
					t.Error(report)
				}
			}
		})
	}
	done.Wait()
	t.Logf("%d programs from seed %d", min(next.Load(), int64(*programs)), *seed)
	report(t, used)
}

// report says which deliberate differences there were. That one was not needed
// means something only after a long run.
func report(t *testing.T, used []map[string]int) {
	for _, x := range deliberates {
		n := 0
		for _, counts := range used {
			n += counts[x.name]
		}
		switch {
		case n > 0:
			t.Logf("%5d times, on purpose: %s", n, x.name)
		case *programs >= 5000 && !x.rare && (*quorum > 0 || !x.quorum):
			t.Errorf("never seen, so the table need not have it: %s", x.name)
		}
	}
}

func vhosts() (names []string) {
	for i := range workers {
		names = append(names, fmt.Sprintf("oracle%d", i))
	}
	return names
}

// comparison is one worker: a virtual host of RabbitMQ's, and a broker of ours.
type comparison struct {
	theirs, ours Target
	used         map[string]int
}

// tries is how often a program must show a difference to have one: what shows
// but once is RabbitMQ's timing.
const tries = 3

// play plays the program of a seed and reports a difference, with a program as
// short as can be found.
func (c *comparison) play(seed uint64) (report string) {
	p := Generate(seed, *quorum)
	d, err := c.compare(p)
	if err != nil {
		return fmt.Sprintf("seed %d: %v", seed, err)
	}
	if d == nil {
		return ""
	}
	short := Shrink(p[:min(d.Step+1, len(p))], 200, c.differs)
	if again, err := c.compare(short); err == nil && again != nil {
		p, d = short, again
	}
	return fmt.Sprintf("seed %d, shortened:\n%s%s", seed, p, d)
}

func (c *comparison) differs(p Program) bool {
	d, err := c.compare(p)
	return err == nil && d != nil
}

// compare returns what every try shows.
func (c *comparison) compare(p Program) (d *Difference, err error) {
	for range tries {
		theirs, err := Play(c.theirs, p)
		if err != nil {
			return nil, err
		}
		ours, err := Play(c.ours, p)
		if err != nil {
			return nil, err
		}
		if d = Compare(p, theirs, ours, c.used); d == nil {
			return nil, nil
		}
	}
	return d, nil
}
