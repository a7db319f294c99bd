package sim

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Program is what a seed stands for: a broker's configuration, and the steps of
// its clients, its network, its disk and its clock. Steps can be left out, and
// what remains is a program again; so a failing one can be made shorter.
type Program struct {
	Seed  uint64
	Setup Setup
	Steps []Step
}

// Setup is what does not change in the course of a run.
type Setup struct {
	SegmentSize int64
	Clients     int
	Queues      []QueueSpec
	Volatile    bool  // a queue is declared, bound and deleted meanwhile
	Faults      bool  // the disk may fail
	Tx          bool  // some channels have transactions
	Delayed     bool  // there is an exchange that keeps messages for a while
	Policies    bool  // are set and cleared meanwhile
	Shares      bool  // there is an exchange that sends each key to one of the queues
	Jumps       bool  // the wall clock is put forward and back
	Late        bool  // at the last look all is over that was to stay for a while
	Channels    bool  // some consumers share a limit with all others of their channel
	Budget      int64 // bytes of messages in memory, beyond which they lie in the journal alone; 0 = the broker's own
	Last        int   // how the broker is stopped before the last look: see ending.go
}

// QueueSpec is a queue of a run.
type QueueSpec struct {
	Name       string
	Durable    bool
	Priorities int
	Single     bool // active consumer
	terms
}

// Step is one thing that happens. Rnd decides all that is left open.
type Step struct {
	Kind   Kind
	Client int
	Rnd    uint64
}

// Kind says what happens in a step.
type Kind uint8

const (
	Run Kind = iota
	Publish
	Consume
	Cancel
	Get
	Ack
	Nack
	Recover
	CloseChannel
	Disconnect
	Cut
	Topology
	Purge
	Sleep
	Crash
	CrashAtDisk
	Kill
	Restart
	Fault
	Full
	Stall
	Commit
	Policy
	Jump
	kinds
)

var kindNames = [kinds]string{"run", "publish", "consume", "cancel", "get", "ack", "nack", "recover", "close-channel", "disconnect", "cut",
	"topology", "purge", "sleep", "crash", "crash-at-disk", "kill", "restart", "fault", "full", "stall", "commit", "policy", "jump"}

func (k Kind) String() string { return kindNames[k] }

// weights say how often a kind of step comes, in a run of a mild and of a wild sort, and of one in which the broker is started
// again and again while messages are under way.
var weights = [3][kinds]int{
	{Run: 30, Publish: 26, Consume: 8, Cancel: 2, Get: 4, Ack: 16, Nack: 4, Recover: 1, Sleep: 2, CrashAtDisk: 1, Crash: 1, Restart: 1,
		Commit: 2, Policy: 3, Jump: 1},
	{Run: 30, Publish: 20, Consume: 8, Cancel: 2, Get: 4, Ack: 14, Nack: 5, Recover: 1, CloseChannel: 2, Disconnect: 1, Cut: 3, Topology: 3,
		Purge: 1, Sleep: 3, CrashAtDisk: 3, Crash: 1, Kill: 1, Restart: 1, Fault: 1, Full: 1, Stall: 2,
		Commit: 3, Policy: 4, Jump: 1},
	{Run: 26, Publish: 26, Consume: 7, Cancel: 2, Get: 7, Ack: 16, Nack: 6, Recover: 2, Cut: 2, Topology: 2, Purge: 1, Sleep: 3,
		CrashAtDisk: 5, Crash: 2, Kill: 3, Restart: 5, Commit: 2, Policy: 3, Jump: 2},
}

// NewProgram writes the program of a seed.
func NewProgram(seed uint64) Program {
	r := rand.New(rand.NewPCG(seed, 0x5eed))
	p := Program{Seed: seed, Setup: newSetup(r)}
	w := weights[r.IntN(len(weights))]
	total := 0
	for _, n := range w {
		total += n
	}
	for range 20 + r.IntN(70) {
		k, at := Kind(0), r.IntN(total)
		for at >= w[k] {
			at -= w[k]
			k++
		}
		p.Steps = append(p.Steps, Step{Kind: k, Client: r.IntN(p.Setup.Clients), Rnd: r.Uint64()})
	}
	return p
}

func newSetup(r *rand.Rand) Setup {
	s := Setup{
		SegmentSize: []int64{1 << 10, 2 << 10, 4 << 10, 16 << 10}[r.IntN(4)],
		Clients:     1 + r.IntN(4),
		Volatile:    r.IntN(3) == 0,
		Faults:      r.IntN(8) == 0,
		Last:        r.IntN(4),
		Budget:      []int64{0, 0, 1, 400}[r.IntN(4)],
		Tx:          r.IntN(3) == 0,
		Delayed:     r.IntN(3) == 0,
		Policies:    r.IntN(3) == 0,
		Shares:      r.IntN(4) == 0,
		Jumps:       r.IntN(3) == 0,
		Late:        r.IntN(4) == 0,
		Channels:    r.IntN(3) == 0,
	}
	s.Queues = append(s.Queues, QueueSpec{Name: "plain", Durable: true})
	if r.IntN(2) == 0 {
		s.Queues = append(s.Queues, QueueSpec{Name: "ranked", Durable: true, Priorities: 3, terms: terms{Dying: r.IntN(2) == 0}})
	}
	if r.IntN(2) == 0 {
		s.Queues = append(s.Queues, QueueSpec{Name: "mortal", Durable: true, terms: terms{TTL: 20 + r.IntN(200), Dying: r.IntN(4) > 0}})
	}
	if r.IntN(2) == 0 {
		q := QueueSpec{Name: "short", Durable: true, terms: terms{MaxLength: 1 + r.IntN(8), Dying: r.IntN(2) == 0}}
		q.Overflow = []string{"", "drop-head", "reject-publish", "reject-publish-dlx"}[r.IntN(4)]
		s.Queues = append(s.Queues, q)
	}
	if r.IntN(3) == 0 {
		s.Queues = append(s.Queues, QueueSpec{Name: "single", Durable: true, Single: true, terms: terms{Dying: true}})
	}
	if r.IntN(3) == 0 {
		s.Queues = append(s.Queues, QueueSpec{Name: "passing"})
	}
	return s
}

// String is the program for people.
func (p Program) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d: %d clients, segments of %d bytes\n", p.Seed, p.Setup.Clients, p.Setup.SegmentSize)
	for _, q := range p.Setup.Queues {
		fmt.Fprintf(&b, "  queue %+v\n", q)
	}
	for i, s := range p.Steps {
		fmt.Fprintf(&b, "  %3d %s", i, s.Kind)
		if s.Kind > Run && s.Kind <= Purge || s.Kind == Stall || s.Kind == Commit {
			fmt.Fprintf(&b, " by client %d", s.Client)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
