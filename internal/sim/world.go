package sim

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/postrider-mq/postrider/internal/core"
	"github.com/postrider-mq/postrider/internal/disk"
	"github.com/postrider-mq/postrider/internal/journal"
	"github.com/postrider-mq/postrider/internal/server"
)

// World is one run: a broker, its disk, its clients and what lies between them.
// One goroutine owns it all.
type World struct {
	program Program
	rnd     *rand.Rand // of the present step
	trace   func(string)
	hash    uint64 // of what happened, to tell whether two runs are the same

	now   time.Time
	clock clock
	moves int // counts what happens, to say what came first

	// The broker's process, as long as it lives.
	epoch      int // how often it was started
	drive      *drive
	core       *core.Core
	manual     *core.Manual
	server     *server.Server
	coroutines []*coroutine
	running    *coroutine
	writer     *coroutine
	preparer   *coroutine
	reclaimer  *coroutine
	turned     bool // the coroutine that ran did something
	booting    bool
	failed     bool // it said that its journal has failed
	connected  int  // ever
	peers      []*peer
	chores     []*chore

	dead      bool // the power has failed
	after     *disk.Mem
	crashIn   int // operations on the disk until it does; 0 = never
	faultIn   int // likewise until one fails
	faultSync bool
	faults    int // that happened to this process
	full      bool

	queues  []*queueState
	clients []*client
	ledger  ledger
	homes   map[string]*queueState // by key: where the exchange that shares out sends it

	ending    bool  // the steps are done
	crashed   bool  // the broker's process once came to another end than an orderly one
	resumes   int   // starts from a checkpoint
	names     int64 // records that the names need
	violation *Violation
}

// peer is a connection as both ends see it.
type peer struct {
	number int // of all connections
	wire   *wire
	reader *coroutine
	write  func() bool
	client *client // nil when it has let go
	marks  []mark
	noAck  []*queueState // from which something may be lost with the connection
}

// Violation is a promise that was broken.
type Violation struct {
	Rule string
	Text string
}

func (v *Violation) Error() string { return v.Rule + ": " + v.Text }

// violate notes the first violation of a run.
func (w *World) violate(rule, format string, args ...any) {
	if w.violation == nil {
		w.violation = &Violation{rule, fmt.Sprintf(format, args...)}
		w.tracef("VIOLATION %v", w.violation)
	}
}

func (w *World) tracef(format string, args ...any) {
	if w.trace != nil {
		w.trace(fmt.Sprintf(format, args...))
	}
}

// note mixes something that happened into the run's hash.
func (w *World) note(n uint64, text string) {
	const prime = 1099511628211
	w.hash = (w.hash ^ n) * prime
	for i := range len(text) {
		w.hash = (w.hash ^ uint64(text[i])) * prime
	}
}

var bigBang = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

func newWorld(p Program, trace func(string)) *World {
	w := &World{program: p, trace: trace, now: bigBang, hash: 14695981039346656037, homes: map[string]*queueState{}}
	w.rnd = rand.New(rand.NewPCG(p.Seed, 1))
	w.drive = newDrive(w, disk.NewMem())
	w.ledger.world = w
	w.makeQueues()
	for i := range p.Setup.Clients {
		w.clients = append(w.clients, &client{world: w, id: i})
	}
	return w
}

// boot starts the broker's process, as often as the power fails meanwhile.
func (w *World) boot() {
	for range 20 {
		if w.tryBoot() {
			return
		}
		if w.violation != nil {
			return
		}
	}
	w.violate("start", "the broker did not start in 20 attempts")
}

func (w *World) tryBoot() bool {
	w.epoch++
	w.failed, w.faults = false, 0
	w.wakeClock()
	w.tracef("boot %d", w.epoch)
	var err error
	w.booting = true
	w.writer, w.preparer, w.reclaimer = nil, nil, nil
	opening := w.spawn("open", func() { err = w.open() })
	for range 100_000 {
		if opening.over || w.dead {
			break
		}
		opening.resume()
		w.runWorkers()
	}
	w.booting = false
	if w.dead {
		w.bury()
		return false
	}
	if !opening.over {
		err = errEndless
	}
	if err != nil {
		w.mendDisk(err)
		w.killAll()
		w.unlock()
		return false
	}
	if w.manual.Recovery().Holes > 0 {
		w.ledger.damageFound()
	}
	return w.violation == nil
}

var errEndless = errors.New("there is no end to it")

// runWorkers lets each of the journal's workers do a step, once there are any.
func (w *World) runWorkers() {
	for _, c := range []*coroutine{w.writer, w.preparer, w.reclaimer} {
		if c != nil && !w.dead {
			w.runCoroutine(c)
		}
	}
}

// mendDisk takes the causes of a failed start away. A start that fails without a cause is a violation.
func (w *World) mendDisk(err error) {
	w.tracef("no start: %v", err)
	if w.faults == 0 && !w.full {
		w.violate("start", "%v", err)
	}
	w.faultIn = 0
	w.spaceReturns()
}

func (w *World) open() error {
	m := &core.Manual{Now: func() time.Time { return w.now }, Wall: w.wall}
	m.Journal.Yield, m.Journal.Random = func() { w.startWorkers(m); w.park() }, w.random
	c, err := core.Open(core.Config{
		FS: w.drive, SegmentSize: w.program.Setup.SegmentSize, Budget: w.program.Setup.Budget, Manual: m,
		OnFailure: func(err error) { w.failed = true; w.tracef("the journal fails: %v", err) },
	})
	if err != nil {
		return err
	}
	w.core, w.manual = c, m
	w.server = newServer(c)
	w.startWorkers(m)
	return nil
}

// startWorkers is called when the journal is there, or waits for them.
func (w *World) startWorkers(m *core.Manual) {
	if w.writer != nil {
		return
	}
	w.writer = w.spawn("writer", func() { w.loop(m.Journal.Write) })
	w.preparer = w.spawn("preparer", func() { w.loop(m.Journal.Prepare) })
	w.reclaimer = w.spawn("reclaimer", func() { w.loop(m.Journal.Reclaim) })
}

// loop takes one step at a time of one of the journal's workers.
func (w *World) loop(step func() journal.Turn) {
	me := w.running
	for {
		turn := step()
		w.turned = turn == journal.Worked
		if turn == journal.Idle && me == w.writer {
			w.ledger.allIsDurable()
		}
		if turn == journal.Over {
			return
		}
		w.park()
	}
}

func (w *World) random(b []byte) {
	for i := range b {
		b[i] = byte(w.rnd.Uint32())
	}
}

// bury ends the process after a power failure; the disk that is left is what the next one finds.
func (w *World) bury() {
	w.killAll()
	w.endProcess(false)
	w.drive = newDrive(w, w.after)
	w.after, w.dead, w.full = nil, false, false
	w.crashIn, w.faultIn = 0, 0
}

// crash cuts the power between two operations on the disk.
func (w *World) crash() {
	w.powerFails()
	w.bury()
	w.boot()
}

// kill ends the process and leaves the system's cache as it is.
func (w *World) kill() {
	w.tracef("kill")
	w.dead = true
	w.killAll()
	w.endProcess(false)
	w.unlock()
	w.dead, w.faultIn = false, 0
	w.boot()
}

func (w *World) unlock() {
	if w.drive.held != nil {
		_ = w.drive.held.Close()
		w.drive.held = nil
	}
}

// endProcess does what the end of the broker's process means to others.
func (w *World) endProcess(orderly bool) {
	for _, p := range w.peers {
		w.lost(p)
	}
	w.peers, w.chores = w.peers[:0], nil
	w.ledger.processEnded(orderly)
}

// lost has the client of a connection learn that it is gone.
func (w *World) lost(p *peer) {
	p.loseNoAck(w)
	if p.client != nil {
		p.client.disconnected()
	}
}

// restart stops the broker in good order and starts it again.
func (w *World) restart() {
	w.tracef("restart")
	if !w.ending && w.rnd.IntN(4) == 0 {
		w.crashIn = 1 + w.rnd.IntN(60)
	}
	w.spaceReturns()
	w.unstall()
	w.server.Dismiss()
	for _, p := range w.peers { // who said goodbye does not hear what follows
		p.forgetMarks()
	}
	w.quiesce()
	for _, p := range w.peers {
		p.wire.breakOff(false)
	}
	w.quiesce()
	if w.dead || w.failed || w.violation != nil {
		return
	}
	if n := w.server.Connections(); n > 0 {
		w.violate("shutdown", "%d connections are left after everybody was asked to go", n)
		return
	}
	w.server.Close()
	var err error
	closing := w.spawn("close", func() { err = w.core.Close() })
	for range 100_000 {
		if closing.over || w.dead {
			break
		}
		w.runWorkers()
		closing.resume()
	}
	switch {
	case w.dead:
		return
	case !closing.over:
		w.violate("shutdown", "the broker does not close")
		return
	case err != nil && w.faults == 0:
		w.violate("shutdown", "close: %v", err)
		return
	}
	w.ledger.allIsDurable()
	w.killAll()
	orderly := err == nil && w.faults == 0
	w.endProcess(orderly)
	w.unlock()
	undamaged, before := len(w.manual.Recovery().Damaged) == 0, w.epoch
	w.boot()
	if w.violation != nil || w.epoch > before+1 {
		return
	}
	if w.manual.Recovery().Resumed {
		w.resumes++
	} else if orderly && undamaged {
		w.violate("checkpoint", "the broker was stopped in good order, and reads the whole journal at its start")
	}
}

// look has the broker see how full the disk is, as it does every second.
func (w *World) look() {
	if w.manual != nil && !w.booting {
		w.manual.Look()
	}
}

// spaceReturns ends a full disk.
func (w *World) spaceReturns() {
	w.drive.mem.SetCapacity(capacity)
	w.full = false
	w.look()
}
