package nodes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/postrider-mq/postrider/torture/node"
	"github.com/postrider-mq/postrider/torture/proxy"
	"github.com/postrider-mq/postrider/torture/told"
)

const quit = syscall.SIGQUIT

// Config is a run.
type Config struct {
	Program string        // the broker's
	Dir     string        // where the run keeps the directories of nodes and broker, their logs, and all that was told
	Seed    uint64        // of all that is left to chance here
	Kills   int           // at least so many
	For     time.Duration // and at least so long
	Log     io.Writer     // takes a line now and then; may be nil

	RabbitMQ bool // the broker is the RabbitMQ that this machine has, and is stopped, not killed
}

// The nodes, and whether they have a directory.
var cast = map[string]bool{"ann": false, "bea": false, "cid": true, "dot": true}

const theBroker = "broker"

func names() []string { return slices.Sorted(maps.Keys(cast)) }

// Run is one run.
type Run struct {
	cfg     Config
	began   time.Time
	ledger  *Ledger
	story   *story
	proxies map[string]*proxy.Proxy // by node, and that of the broker
	manner  manner
	rabbit  *rabbit // nil: the broker is ours
	broker  server  // owned by its keeper, and by the run when that has ended

	ctx  context.Context // ends when all that is killed should live again
	stop context.CancelCauseFunc

	mu     sync.Mutex
	report Report
}

// ErrBroken is what Torture returns, wrapped, when a promise was broken.
var ErrBroken = errors.New("a promise was broken")

// Torture runs until the kills are done and the time is over, and returns what happened. Dir keeps everything.
func Torture(cfg Config) (Report, error) {
	if cfg.Log == nil {
		cfg.Log = io.Discard
	}
	s, err := newStory(filepath.Join(cfg.Dir, "told"))
	if err != nil {
		return Report{}, err
	}
	defer s.close()
	r := &Run{cfg: cfg, began: time.Now(), ledger: NewLedger(cast), story: s, proxies: map[string]*proxy.Proxy{}}
	r.ctx, r.stop = context.WithCancelCause(context.Background())
	if r.manner, err = cfg.manner(); err != nil {
		return Report{}, err
	}
	r.report.Seed, r.report.Manner = cfg.Seed, r.manner.String()
	err = r.all()
	r.report.Took = time.Since(r.began)
	r.report.Totals = r.ledger.Totals()
	r.report.Faults = r.faults()
	r.report.Violations = r.ledger.Violations()
	if len(r.report.Violations) > 0 {
		err = errors.Join(r.broken(), err)
	}
	return r.report, err
}

// broken tells the first violations, and the story of the first message.
func (r *Run) broken() error {
	var b strings.Builder
	list := r.ledger.Violations()
	for _, v := range list[:min(10, len(list))] {
		fmt.Fprintln(&b, v)
	}
	v := list[0]
	about := []string{v.Msg}
	if v.Kind == "order" {
		about = append(about, v.Text[strings.LastIndex(v.Text, " ")+1:])
	}
	return fmt.Errorf("%w; seed %d: %d times, the first ones:\n%s\nThe story of the first:\n%s", ErrBroken, r.cfg.Seed, len(list), b.String(), r.story.of(about...))
}

func (r *Run) all() error {
	defer r.closeProxies()
	for i, name := range names() {
		var err error
		if r.proxies[name], err = proxy.Listen(r.cfg.Seed+uint64(i), true); err != nil {
			return err
		}
	}
	var err error
	if r.proxies[theBroker], err = proxy.Listen(r.cfg.Seed+uint64(len(cast)), false); err != nil {
		return err
	}
	if r.cfg.RabbitMQ {
		if r.rabbit, err = newRabbit(r.cfg.Dir); err != nil {
			return err
		}
		defer r.rabbit.Close()
	}
	if err := r.startBroker(); err != nil {
		return err
	}
	defer func() { r.broker.Kill() }()
	return r.nodes()
}

func (r *Run) closeProxies() {
	for _, p := range r.proxies {
		p.Close()
	}
}

// nodes lets the nodes live and die, and then come to rest.
func (r *Run) nodes() error {
	first, err := r.calmLife()
	if err != nil {
		killAll(first)
		return err
	}
	for _, p := range r.proxies {
		p.Rage()
	}
	for _, p := range first {
		p.say("send")
	}
	var keepers sync.WaitGroup
	last := make(chan *process, len(first))
	for _, p := range first {
		keepers.Go(func() { last <- r.keep(p) })
	}
	keepers.Go(r.keepBroker)
	r.watch()
	keepers.Wait()
	close(last)
	var living []*process
	for p := range last {
		if p != nil {
			living = append(living, p)
		}
	}
	defer killAll(living)
	if err := context.Cause(r.ctx); !errors.Is(err, errEnough) {
		return err
	}
	return r.rest(living)
}

// killAll kills what may still live.
func killAll(all []*process) {
	for _, p := range all {
		p.kill()
	}
}

// calmLife starts each node, so that all subscriptions are there.
func (r *Run) calmLife() (all []*process, err error) {
	for _, name := range names() {
		p, err := r.begin(r.config(name, 1))
		if err != nil {
			return all, err
		}
		all = append(all, p)
		if err := p.await("its start", p.receiving); err != nil {
			return all, err
		}
	}
	return all, nil
}

func (r *Run) config(name string, number int) node.Config {
	c := node.Config{
		Name: name, Life: number, Seed: r.cfg.Seed, Peers: map[string]string{}, Advertise: r.proxies[name].Addr(),
		Brokers: []string{r.brokerURL()}, Keys: r.manner.keys, Relay: r.manner.relay,
	}
	if cast[name] {
		c.Dir = filepath.Join(r.cfg.Dir, name)
	}
	for peer := range cast {
		if peer != name {
			c.Peers[peer] = r.manner.url(r.proxies[peer].Addr())
		}
	}
	return c
}

var errEnough = errors.New("it is enough")

// watch waits until it is enough, or something is broken.
func (r *Run) watch() {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for said := time.Now(); ; {
		select {
		case <-tick.C:
		case <-r.ledger.Broken():
			r.stop(ErrBroken)
			return
		case <-r.ctx.Done():
			return
		}
		r.mu.Lock()
		kills := r.report.Kills + r.report.BrokerKills
		r.mu.Unlock()
		if kills >= r.cfg.Kills && time.Since(r.began) >= r.cfg.For {
			r.stop(errEnough)
			return
		}
		if time.Since(said) > 20*time.Second {
			said = time.Now()
			fmt.Fprintf(r.cfg.Log, "%v: %d kills, %v faults, %+v\n", time.Since(r.began).Round(time.Second), kills, r.faults(), r.ledger.Totals())
		}
	}
}

// keep ends a node's life, and begins the next one, until it is enough; then it returns a life that goes on. nil if something went wrong.
func (r *Run) keep(p *process) *process {
	random := rand.New(rand.NewPCG(r.cfg.Seed, uint64(p.name[0])))
	for {
		lived := time.Duration(200+random.IntN(3000)) * time.Millisecond
		if random.IntN(6) == 0 {
			lived = time.Duration(random.IntN(300)) * time.Millisecond
		}
		select {
		case <-time.After(lived):
		case <-p.over:
			r.stop(p.died())
			return nil
		case <-r.ctx.Done():
			return p
		}
		if err := r.end(p, random.IntN(100)); err != nil {
			r.stop(err)
			return nil
		}
		r.proxies[p.name].Lead("")
		select {
		case <-time.After(time.Duration(random.IntN(600)) * time.Millisecond):
		case <-r.ctx.Done():
		}
		next, err := r.begin(r.config(p.name, p.number+1))
		if err != nil {
			r.stop(err)
			return nil
		}
		next.say("send")
		p = next
	}
}

// end ends a life in one way or another.
func (r *Run) end(p *process, dice int) error {
	if dice < 75 {
		p.kill()
		r.count(&r.report.Kills)
		return nil
	}
	command := "shutdown"
	if dice < 87 {
		command = "close"
	}
	r.count(&r.report.Ends)
	if err := p.order(command, p.closed); err != nil {
		return err
	}
	<-p.over
	return nil
}

func (r *Run) count(of *int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*of++
}

// rest ends the faults, waits until all that was promised has come, and ends the nodes in good order.
func (r *Run) rest(living []*process) error {
	for _, p := range r.proxies {
		p.Calm()
	}
	r.story.note(told.Now(), "all is well")
	for _, p := range living {
		if err := p.await("its start", p.receiving); err != nil {
			return err
		}
	}
	for _, err := range each(living, func(p *process) error { return p.order("quiet", p.quiet) }) {
		if err != nil {
			return err
		}
	}
	r.drain()
	for i, err := range each(living, func(p *process) error {
		command := "shutdown"
		if (r.cfg.Seed+uint64(p.name[0]))%2 == 0 {
			command = "close"
		}
		return p.order(command, p.closed)
	}) {
		if err != nil {
			return err
		}
		<-living[i].over
		r.report.Ends++
	}
	r.ledger.Finish()
	return nil
}

// drain waits until nothing is missing, or nothing comes any more.
func (r *Run) drain() {
	handled, since := 0, time.Now()
	for r.ledger.Missing() > 0 && time.Since(since) < drainTime {
		if now := r.ledger.Totals().Handled; now != handled {
			handled, since = now, time.Now()
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// drainTime is how long nothing may come before what is missing counts as lost.
const drainTime = 20 * time.Second

// each does something to all at the same time.
func each(all []*process, do func(*process) error) []error {
	errs := make([]error, len(all))
	var wg sync.WaitGroup
	for i, p := range all {
		wg.Go(func() { errs[i] = do(p) })
	}
	wg.Wait()
	return errs
}

func (r *Run) faults() map[string]int {
	all := map[string]int{}
	for _, p := range r.proxies {
		for what, n := range p.Count() {
			all[what] += n
		}
	}
	return all
}
