package tour

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/postrider-mq/postrider/cmd/postrider/internal/child"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/screen"
)

// NodeVerb is the hidden verb with which the program becomes a node of the tour; see Node.
const NodeVerb = "tour-node"

// Config says how the tour is to be shown.
type Config struct {
	Program string // the binary that becomes broker and nodes
	Out     io.Writer
	Colours bool
	Live    bool // Out is a terminal, on which a line can be written over
}

// Times.
const (
	patience  = 15 * time.Second // for anything that takes milliseconds as a rule
	wholeTour = 26 * time.Second // that the load is fitted into
	lastWord  = 2 * time.Minute  // if this is reached, something hangs
)

// tour is a tour under way. One goroutine runs it.
type tour struct {
	cfg    Config
	screen *screen.Screen
	began  time.Time
	dir    string
	failed []string // the checks that did not hold
	passed int

	broker        *child.Process
	brokerAddress string
	alice, bob    *node
	others        []*node

	figures figures
}

// Run shows the tour. Its error names the checks that did not hold.
func Run(ctx context.Context, cfg Config) error {
	ctx, cancel := context.WithTimeoutCause(ctx, lastWord, errors.New("the tour takes too long"))
	defer cancel()
	dir, err := os.MkdirTemp("", "postrider-tour-")
	if err != nil {
		return err
	}
	t := &tour{cfg: cfg, screen: screen.New(cfg.Out, cfg.Colours, cfg.Live), began: time.Now(), dir: dir}
	defer t.cleanUp()
	if err := t.scenes(ctx); err != nil {
		t.screen.Clear()
		if !errors.Is(ctx.Err(), context.Canceled) { // who interrupts it knows why
			t.logs()
		}
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return t.verdict(err)
	}
	if len(t.failed) > 0 {
		t.logs()
	}
	t.table()
	t.screen.Line("")
	t.check(t.cleanUp() == nil, "all processes have ended, and the temporary directory is gone")
	return t.verdict(nil)
}

func (t *tour) scenes(ctx context.Context) error {
	for _, scene := range []func(context.Context) error{
		t.enter, t.fourWays, t.receiverDies, t.brokerDies, t.underLoad,
	} {
		if err := scene(ctx); err != nil {
			return err
		}
	}
	return nil
}

// enter starts the processes.
func (t *tour) enter(ctx context.Context) (err error) {
	t.screen.Line("%s", t.screen.Bold.Sprint("Four ways to pass a message, between processes of this machine"))
	t.screen.Line("")
	var bobs string
	if t.brokerAddress, err = child.FreeAddress(); err != nil {
		return err
	}
	if bobs, err = child.FreeAddress(); err != nil {
		return err
	}
	if err := t.startBroker(ctx); err != nil {
		return err
	}
	if t.bob, err = startNode(ctx, t.cfg.Program, t.bobs(bobs)); err != nil {
		return err
	}
	t.alice, err = startNode(ctx, t.cfg.Program, t.sender("alice"))
	if err != nil {
		return err
	}
	t.screen.Item("broker", "pid %-7d %s, journal in %s", t.broker.Pid(), t.brokerURL(), t.dir)
	t.screen.Item("bob", "pid %-7d amqp://%s, his inbox is in his process", t.bob.Pid(), t.bob.address)
	t.screen.Item("alice", "pid %-7d sends to bob, and to mailboxes on the broker", t.alice.Pid())
	return nil
}

func (t *tour) startBroker(ctx context.Context) (err error) {
	t.broker, err = child.StartBroker(ctx, t.cfg.Program, t.brokerAddress, filepath.Join(t.dir, "broker"))
	return err
}

func (t *tour) brokerURL() string { return "amqp://" + t.brokerAddress }

func (t *tour) bobs(address string) setup {
	return setup{Name: "bob", Listen: address, Broker: t.brokerURL()}
}

func (t *tour) sender(name string) setup {
	return setup{Name: name, Broker: t.brokerURL(), Peers: map[string]string{"bob": t.bob.address}}
}

// check records whether something held, and says so.
func (t *tour) check(ok bool, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	t.screen.Check(ok, text)
	if ok {
		t.passed++
	} else {
		t.failed = append(t.failed, text)
	}
}

// cleanUp ends all processes and removes what they wrote. It may be called again.
func (t *tour) cleanUp() error {
	nodes := append([]*node{t.alice, t.bob}, t.others...)
	t.alice, t.bob, t.others = nil, nil, nil
	for _, n := range nodes {
		if n != nil {
			n.Kill()
		}
	}
	if t.broker != nil {
		t.broker.End()
		t.broker = nil
	}
	return os.RemoveAll(t.dir)
}

// logs shows what the processes have logged, for who wants to know why a tour failed.
func (t *tour) logs() {
	show := func(p *child.Process) {
		if log := p.Log(); log != "" {
			t.screen.Line("\nlog of %s, its end:\n%s", p.Name, log)
		}
	}
	for _, n := range append([]*node{t.alice, t.bob}, t.others...) {
		if n != nil {
			show(n.Process)
		}
	}
	if t.broker != nil {
		show(t.broker)
	}
}

// verdict ends the tour: err is why it could not go on.
func (t *tour) verdict(err error) error {
	took := time.Since(t.began)
	switch {
	case err != nil:
		if len(t.failed) > 0 {
			return fmt.Errorf("the tour could not go on: %w; and did not hold: %s", err, strings.Join(t.failed, "; "))
		}
		return fmt.Errorf("the tour could not go on: %w", err)
	case len(t.failed) > 0:
		return fmt.Errorf("%d of %d checks did not hold: %s", len(t.failed), t.passed+len(t.failed), strings.Join(t.failed, "; "))
	}
	t.screen.Line("\n%s", t.screen.Good.Sprintf("All %d checks held, in %s.", t.passed, screen.Short(took)))
	return nil
}
