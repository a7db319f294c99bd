package nodes

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/postrider-mq/postrider/torture/told"
)

// tale is a ledger with a clock that goes on with each line.
type tale struct {
	*Ledger
	clock time.Duration
	lives map[string]int
}

func newTale() *tale {
	t := &tale{Ledger: NewLedger(cast), lives: map[string]int{}}
	for name := range cast {
		t.dies(name)
	}
	return t
}

func (t *tale) dies(name string) {
	t.clock++
	t.End(name, t.lives[name], t.clock, false)
	t.lives[name]++
	t.Begin(name, t.lives[name], t.clock)
}

func (t *tale) say(name string, l told.Line) {
	t.clock++
	l.At = t.clock
	t.Tell(name, t.lives[name], l)
}

func (t *tale) sends(op, msg string) {
	t.say("ann", told.Line{Kind: told.Begin, Op: op, Msg: msg})
}
func (t *tale) ends(msg string, how told.Outcome) {
	t.say("ann", told.Line{Kind: told.End, Msg: msg, How: how})
}
func (t *tale) send(msg string, how told.Outcome) {
	t.sends("send", msg)
	t.ends(msg, how)
}
func (t *tale) gets(name, msg string)  { t.say(name, told.Line{Kind: told.Got, Msg: msg}) }
func (t *tale) fails(name, msg string) { t.say(name, told.Line{Kind: told.Failed, Msg: msg}) }
func (t *tale) does(name, msg string)  { t.say(name, told.Line{Kind: told.Done, Msg: msg}) }
func (t *tale) handles(name, msg string) {
	t.gets(name, msg)
	t.does(name, msg)
}

// Each tale ends with what the judge has to say of it.
var tales = []struct {
	name string
	tell func(t *tale)
	want []string
}{
	{"all is well", func(t *tale) {
		t.send("ann.1/bea/1/", told.WasReceived)
		t.handles("bea", "ann.1/bea/1/")
	}, nil},
	{"what was received by a node that goes on and is not handled", func(t *tale) { t.send("ann.1/bea/1/", told.WasReceived) }, []string{"lost"}},
	{"what was received in a memory that is no more", func(t *tale) {
		t.send("ann.1/bea/1/", told.WasReceived)
		t.dies("bea")
	}, nil},
	{"what was received on a disk", func(t *tale) {
		t.send("ann.1/cid/1/", told.WasReceived)
		t.dies("cid")
	}, []string{"lost"}},
	{"what was handled is not lost with its handler", func(t *tale) {
		t.send("ann.1/cid/1/", told.WasReceived)
		t.handles("cid", "ann.1/cid/1/")
		t.dies("cid")
	}, nil},
	{"what a handler had begun with is not safe", func(t *tale) {
		t.send("ann.1/jobs/1/", told.WasStored)
		t.gets("bea", "ann.1/jobs/1/")
		t.dies("bea")
	}, []string{"lost"}},
	{"what nobody was told of may be gone", func(t *tale) { t.sends("post", "ann.1/jobs/1/") }, nil},
	{"what may have been delivered may be gone", func(t *tale) { t.send("ann.1/jobs/1/", told.Maybe) }, nil},
	{"what was kept by a sender that died", func(t *tale) {
		t.sends("post", "ann.1/jobs/1/")
		t.say("ann", told.Line{Kind: told.Kept, Msg: "ann.1/jobs/1/"})
		t.dies("ann")
	}, []string{"lost"}},
	{"a topic's message that one subscriber does not have", func(t *tale) {
		t.send("ann.1/news/1/", told.WasStored)
		for _, name := range []string{"ann", "bea", "cid"} {
			t.handles(name, "ann.1/news/1/")
		}
	}, []string{"lost"}},
	{"what certainly did not come comes", func(t *tale) {
		t.handles("bea", "ann.1/bea/1/")
		t.send("ann.1/bea/1/", told.Never)
	}, []string{"never"}},
	{"what nobody sent comes", func(t *tale) { t.handles("bea", "ann.1/bea/1/") }, []string{"never"}},
	{"it comes to another", func(t *tale) {
		t.send("ann.1/bea/1/", told.WasReceived)
		t.handles("cid", "ann.1/bea/1/")
	}, []string{"never"}},
	{"it comes twice", func(t *tale) {
		t.send("ann.1/bea/1/", told.WasReceived)
		t.handles("bea", "ann.1/bea/1/")
		t.gets("bea", "ann.1/bea/1/")
	}, []string{"repeat"}},
	{"it comes again after a failure", func(t *tale) {
		t.send("ann.1/bea/1/", told.WasReceived)
		t.gets("bea", "ann.1/bea/1/")
		t.fails("bea", "ann.1/bea/1/")
		t.handles("bea", "ann.1/bea/1/")
	}, nil},
	{"it comes again to another life", func(t *tale) {
		t.send("ann.1/jobs/1/", told.WasStored)
		t.handles("bea", "ann.1/jobs/1/")
		t.dies("bea")
		t.handles("bea", "ann.1/jobs/1/")
	}, nil},
	{"it comes again to one that should remember", func(t *tale) {
		t.send("ann.1/jobs/1/", told.WasStored)
		t.handles("cid", "ann.1/jobs/1/")
		t.clock += 2 * time.Second
		t.dies("cid")
		t.handles("cid", "ann.1/jobs/1/")
	}, []string{"repeat"}},
	{"it comes again to one that was killed at once", func(t *tale) {
		t.send("ann.1/jobs/1/", told.WasStored)
		t.handles("cid", "ann.1/jobs/1/")
		t.dies("cid")
		t.handles("cid", "ann.1/jobs/1/")
	}, nil},
	{"it comes again to one that was killed when the sender knew", func(t *tale) {
		t.sends("send until handled", "ann.1/cid/1/")
		t.handles("cid", "ann.1/cid/1/")
		t.ends("ann.1/cid/1/", told.WasHandled)
		t.dies("cid")
		t.handles("cid", "ann.1/cid/1/")
	}, []string{"repeat"}},
	{"it was handled before anybody had", func(t *tale) {
		t.sends("send until handled", "ann.1/bea/1/")
		t.gets("bea", "ann.1/bea/1/")
		t.ends("ann.1/bea/1/", told.WasHandled)
		t.does("bea", "ann.1/bea/1/")
	}, []string{"handled"}},
	{"an answer that nobody gave", func(t *tale) {
		t.sends("call", "ann.1/bea/1/")
		t.ends("ann.1/bea/1/", told.WasAnswered)
	}, []string{"handled"}},
	{"a later one first", func(t *tale) {
		t.send("ann.1/bea/1/", told.WasReceived)
		t.send("ann.1/bea/2/", told.WasReceived)
		t.handles("bea", "ann.1/bea/2/")
		t.handles("bea", "ann.1/bea/1/")
	}, []string{"order"}},
	{"order is kept on each way to a peer, and not between the two", func(t *tale) {
		for i, way := range []told.Way{told.Direct, told.Relayed, told.Direct, told.Relayed, told.Either} {
			msg := fmt.Sprintf("ann.1/cid/%d/", 1+i)
			t.say("ann", told.Line{Kind: told.Begin, Op: "post", Msg: msg, Way: told.Either})
			if way == told.Either {
				t.ends(msg, told.WasStored)
			} else {
				t.say("ann", told.Line{Kind: told.Fate, Msg: msg, Way: way, How: told.WasStored})
			}
		}
		for _, n := range []int{5, 4, 1, 3, 2} {
			t.handles("cid", fmt.Sprintf("ann.1/cid/%d/", n))
		}
	}, []string{"order"}},
	{"what was relayed to a connection that outlived its receiver comes late, and marked", func(t *tale) {
		for n := range 4 {
			msg := fmt.Sprintf("ann.1/cid/%d/", 1+n)
			t.say("ann", told.Line{Kind: told.Begin, Op: "post", Msg: msg, Way: told.Either})
			t.say("ann", told.Line{Kind: told.Fate, Msg: msg, Way: told.Relayed, How: told.WasStored})
		}
		for _, l := range []told.Line{{Msg: "ann.1/cid/2/"}, {Msg: "ann.1/cid/1/", Again: true}, {Msg: "ann.1/cid/4/"}, {Msg: "ann.1/cid/3/"}} {
			l.Kind = told.Got
			t.say("cid", l)
			t.does("cid", l.Msg)
		}
	}, []string{"order"}},
	{"one that is asked about again comes late to a memory, and not to a disk", func(t *tale) {
		for _, name := range []string{"bea", "cid"} {
			t.sends("post until handled", "ann.1/"+name+"/1/")
			t.say("ann", told.Line{Kind: told.Kept, Msg: "ann.1/" + name + "/1/"})
			t.send("ann.1/"+name+"/2/", told.WasReceived)
			t.handles(name, "ann.1/"+name+"/2/")
			t.handles(name, "ann.1/"+name+"/1/")
		}
	}, []string{"order"}},
	{"one that was given up may come late", func(t *tale) {
		t.send("ann.1/bea/1/", told.Maybe)
		t.send("ann.1/bea/2/", told.WasReceived)
		t.handles("bea", "ann.1/bea/2/")
		t.handles("bea", "ann.1/bea/1/")
	}, nil},
	{"a later one of the same key first, at another worker", func(t *tale) {
		t.send("ann.1/parts/1/k1", told.WasStored)
		t.send("ann.1/parts/2/k2", told.WasStored)
		t.send("ann.1/parts/3/k1", told.WasStored)
		t.handles("cid", "ann.1/parts/3/k1")
		t.handles("cid", "ann.1/parts/2/k2")
		t.handles("bea", "ann.1/parts/1/k1")
	}, []string{"order"}},
	{"a subscriber gets what it was about to be given before", func(t *tale) {
		t.send("ann.1/news/1/", told.WasStored)
		t.send("ann.1/news/2/", told.WasStored)
		for name := range cast {
			t.handles(name, "ann.1/news/2/")
			t.say(name, told.Line{Kind: told.Got, Msg: "ann.1/news/1/", Again: true})
			t.does(name, "ann.1/news/1/")
		}
	}, nil},
	{"a call ends too late", func(t *tale) {
		t.say("ann", told.Line{Kind: told.End, Op: "ping", How: told.Never, Late: 1100 * time.Millisecond, Starved: 20 * time.Millisecond})
	}, []string{"late"}},
	{"a call of a process that was not let run", func(t *tale) {
		t.say("ann", told.Line{Kind: told.End, Op: "ping", How: told.Never, Late: 1100 * time.Millisecond, Starved: 100 * time.Millisecond})
	}, nil},
	{"a node saw it for itself", func(t *tale) { t.say("ann", told.Line{Kind: told.Wrong, Text: "a goroutine stays"}) }, []string{"wrong"}},
}

func TestTheJudge(t *testing.T) {
	for _, story := range tales {
		t.Run(story.name, func(t *testing.T) {
			s := newTale()
			story.tell(s)
			s.Finish()
			var kinds []string
			for _, v := range s.Violations() {
				kinds = append(kinds, v.Kind)
			}
			if !slices.Equal(kinds, story.want) {
				t.Errorf("%v, want %v: %v", kinds, story.want, s.Violations())
			}
		})
	}
}
