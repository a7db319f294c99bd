package node

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/torture/told"
)

// Config is what a node is told at its start.
type Config struct {
	Name      string
	Life      int // counted from 1
	Seed      uint64
	Dir       string            // "": it forgets everything
	Brokers   []string          // where mailboxes live
	Peers     map[string]string // whom it sends to, and where they are
	Advertise string
	Keys      string // a directory of `postrider keys new`; "": there is no TLS
	Relay     bool   // peers that cannot be reached are sent to over the broker
}

// The mailboxes that all nodes use, beside their inboxes.
const (
	Jobs  = "jobs"  // all work on it
	Parts = "parts" // in order for each key
	News  = "news"  // a topic, to which each has a durable subscription
)

const partitions = 4

const environment = "POSTRIDER_TORTURE_NODE"

// Command is the command that runs this program as a node.
func Command(c Config) (*exec.Cmd, error) {
	raw, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), environment+"="+string(raw), "GORACE=halt_on_error=1")
	return cmd, nil
}

// Main is a node's whole life, if this process is one; it is to be called first of all.
func Main() {
	raw, is := os.LookupEnv(environment)
	if !is {
		return
	}
	var c Config
	if err := json.Unmarshal([]byte(raw), &c); err != nil {
		fmt.Fprintln(os.Stderr, "node:", err)
		os.Exit(2)
	}
	if err := live(c); err != nil {
		fmt.Fprintln(os.Stderr, "node:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// self is the node in its process.
type self struct {
	Config
	node   *postrider.Node
	pen    *told.Pen
	hunger *hunger

	random *dice
	sends  context.Context // ends when nothing more is to be sent
	rest   context.CancelFunc

	senders  sync.WaitGroup
	receipts sync.WaitGroup // receipts that are followed
	handled  sync.WaitGroup // and those of posts until handled
}

// settleTime is how long receipts may take when all is well, and goroutines to end.
const settleTime = 40 * time.Second

// handledTime is how long messages may take to be handled, before their senders are content to know less.
const handledTime = 2 * time.Second

// live runs until the parent says that it is enough.
func live(c Config) error {
	commands := make(chan string)
	go hear(commands)
	s := &self{Config: c, pen: told.NewPen(os.Stdout), hunger: watch(), random: &dice{r: rand.New(rand.NewPCG(c.Seed, uint64(c.Life)))}}
	s.sends, s.rest = context.WithCancel(context.Background())
	before := runtime.NumGoroutine()
	if err := s.start(); err != nil {
		return err
	}
	for command := range commands {
		switch command {
		case "send":
			s.send()
		case "quiet":
			s.quiet()
		case "shutdown", "close":
			return s.end(command == "shutdown", before)
		}
	}
	return nil
}

// hear reads the parent's commands. A parent that is gone ends the process.
func hear(commands chan<- string) {
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		commands <- lines.Text()
	}
	os.Exit(3)
}

func (s *self) start() error {
	ctx, done := context.WithTimeout(context.Background(), settleTime)
	defer done()
	keys, err := s.keys()
	if err != nil {
		return err
	}
	s.node, err = postrider.Start(ctx, postrider.Config{
		Name: s.Name, Listen: "127.0.0.1:0", Dir: s.Dir, Brokers: s.Brokers, Peers: s.Peers, Advertise: s.Advertise, TLS: keys, Relay: s.Relay,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		return err
	}
	s.pen.Tell(told.Line{Kind: told.Up, Op: "listening", Text: s.node.Addr().String()})
	if err := s.handle(ctx); err != nil {
		return err
	}
	s.pen.Tell(told.Line{Kind: told.Up, Op: "receiving"})
	return nil
}

// quiet sends nothing more and waits for what was sent. That a message was handled may never be told: the word of it is a message in memory, which
// ends with its handler's process, or the broker's.
func (s *self) quiet() {
	s.rest()
	if !within(settleTime, s.senders.Wait) {
		s.wrong("a send, post, call or ping does not end\n" + stacks())
	}
	if !within(settleTime, s.receipts.Wait) {
		s.wrong("receipts are open when everything can be reached\n" + stacks())
	}
	within(handledTime, s.handled.Wait)
	s.pen.Tell(told.Line{Kind: told.Quiet})
}

// endTime is how long a Shutdown may take, and closeTime how long the Close does that follows, or one alone: a second for the other sides' goodbye, and
// for handlers that do not heed their contexts.
const (
	endTime   = 3 * time.Second
	closeTime = time.Second
)

// end ends the node in good order, and looks at what it leaves behind.
func (s *self) end(orderly bool, before int) error {
	s.rest()
	starved := s.hunger.total()
	late := told.Now() + closeTime
	if orderly {
		late += endTime
		ctx, done := context.WithTimeout(context.Background(), endTime)
		_ = s.node.Shutdown(ctx) // its time may be up, which is its right
		done()
	} else {
		_ = s.node.Close() // that what was posted is dropped, or stays, is no news
	}
	s.pen.Tell(told.Line{Kind: told.End, Op: map[bool]string{true: "shutdown", false: "close"}[orderly], Late: told.Now() - late, Starved: s.hunger.total() - starved})
	if !within(settleTime, s.senders.Wait) || !within(settleTime, s.receipts.Wait) || !within(settleTime, s.handled.Wait) {
		s.wrong("who waits is not told that the node is closed\n" + stacks())
	}
	for deadline := time.Now().Add(settleTime); runtime.NumGoroutine() > before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.wrong(fmt.Sprintf("%d goroutines are left after Close\n%s", runtime.NumGoroutine()-before, stacks()))
			break
		}
	}
	s.pen.Tell(told.Line{Kind: told.Closed})
	return nil
}

func (s *self) wrong(text string) { s.pen.Tell(told.Line{Kind: told.Wrong, Text: text}) }

// within waits for something, not for ever.
func within(d time.Duration, what func()) bool {
	done := make(chan struct{})
	go func() {
		what()
		close(done)
	}()
	select {
	case <-done:
		return true
	case <-time.After(d):
		return false
	}
}

func stacks() string {
	var b strings.Builder
	_ = pprof.Lookup("goroutine").WriteTo(&b, 1)
	return b.String()
}

// dice are for several goroutines.
type dice struct {
	mu sync.Mutex
	r  *rand.Rand
}

func (d *dice) roll(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.r.IntN(n)
}
