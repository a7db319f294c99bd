package postrider

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/marks"
	"github.com/postrider-mq/postrider/internal/pack"
)

func TestARepeatIsSeen(t *testing.T) {
	for name, id := range map[string]string{
		"generated":     "ABCDEFGHIJKLMNOP-1z",
		"of the caller": "order 7",
		"leading zero":  "ABCDEFGHIJKLMNOP-01",
		"too long":      "ABCDEFGHIJKLMNOP-zzzzzzzzzzzzz",
	} {
		t.Run(name, func(t *testing.T) {
			r := newRepeats()
			wantSight := func(want sight) mark {
				t.Helper()
				m, got := r.see("alice", id, arrival{tag: 9}, nil)
				if got != want {
					t.Fatalf("sight %v, want %v", got, want)
				}
				return m
			}
			m := wantSight(unseen)
			wantSight(inHand)
			if also := r.settled(m, givenBack); len(also) != 1 || also[0].tag != 9 {
				t.Fatalf("%v", also)
			}
			m = wantSight(unseen)
			r.settled(m, passedOn)
			m = wantSight(unseen)
			r.settled(m, acknowledged)
			wantSight(handled)
			if _, got := r.see("bob", id, arrival{}, nil); got != unseen {
				t.Error("ids of two senders are mixed up")
			}
		})
	}
}

func TestMessagesWithoutIDOrSenderAreNoRepeats(t *testing.T) {
	r := newRepeats()
	for range 2 {
		for _, who := range [][2]string{{"", ""}, {"alice", ""}, {"", "7"}} {
			m, got := r.see(who[0], who[1], arrival{}, nil)
			if got != unseen {
				t.Errorf("%q: %v", who, got)
			}
			r.settled(m, acknowledged)
		}
	}
}

// A naive model: a set of all that was acknowledged.
func TestRepeatsAgainstAModel(t *testing.T) {
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 1))
	r := newRepeats()
	done := map[string]bool{}
	next := 1
	for range 200_000 {
		count := next
		if rnd.IntN(3) > 0 {
			count = max(1, next-rnd.IntN(200_000))
		} else {
			next += 1 + rnd.IntN(50)
			count = next
		}
		id := string(messageID{of: &identity{prefix: "ABCDEFGHIJKLMNOP-"}, count: uint64(count)}.appendTo(nil))
		m, got := r.see("alice", id, arrival{}, nil)
		if want := done[id]; want != (got == handled) || got == inHand {
			t.Fatalf("seed %d: message %d of %d: %v, handled before: %v", seed, count, next, got, want)
		}
		if got == unseen && rnd.IntN(4) > 0 {
			r.settled(m, acknowledged)
			done[id] = true
		} else if got == unseen {
			r.settled(m, givenBack)
		}
	}
}

func TestWhatIsRememberedIsBounded(t *testing.T) {
	r := newRepeats()
	for i := range 3 * maxSenders {
		m, _ := r.see("alice", fmt.Sprintf("ABCDEFGHIJKL%04d-1", i), arrival{}, nil)
		r.settled(m, acknowledged)
	}
	for i := range 5 * 16 * pageSize {
		m, _ := r.see("alice", fmt.Sprint("order ", i), arrival{}, nil)
		r.settled(m, acknowledged)
	}
	if r.senders.Len() > maxSenders || len(r.named.bits) > 17*pageSize || len(r.waiting) > 0 {
		t.Error(r.senders.Len(), len(r.named.bits), len(r.waiting))
	}
	for i := range 16 * pageSize { // the youngest are known
		if _, got := r.see("alice", fmt.Sprint("order ", 5*16*pageSize-1-i), arrival{}, nil); got != handled {
			t.Fatalf("the %d-th youngest is %v", i, got)
		}
	}
	if _, got := r.see("alice", "ABCDEFGHIJKL0000-1", arrival{}, nil); got != unseen {
		t.Error("the oldest sender is remembered")
	}
}

// Others come and go, such as the command line, which has another name each time.
func TestASenderThatGoesOnIsRemembered(t *testing.T) {
	r := newRepeats()
	for i := range 2 * maxSenders {
		for _, id := range []string{fmt.Sprintf("ABCDEFGHIJKLMNOP-%d", 1+i), fmt.Sprintf("ABCDEFGHIJKL%04d-1", i)} {
			m, _ := r.see("alice", id, arrival{}, nil)
			r.settled(m, acknowledged)
		}
	}
	if _, got := r.see("alice", "ABCDEFGHIJKLMNOP-1", arrival{}, nil); got != handled {
		t.Error("her first message is", got)
	}
}

// Somebody calls himself by many names, and skips a page with each message.
func TestWhoMakesUpSendersTakesLittle(t *testing.T) {
	r := newRepeats()
	see := func(sender string, count int) sight {
		m, got := r.see(sender, string(pack.AppendCount([]byte("ABCDEFGHIJKLMNOP-"), uint64(count))), arrival{}, nil)
		r.settled(m, acknowledged)
		return got
	}
	for i := range marks.MaxPages/historyPages + 100 {
		for page := range historyPages {
			see(fmt.Sprint("mallory ", i), 1+page*pageSize)
		}
		see("alice", 1+i)
	}
	pages := 0
	for h := range r.senders.All() {
		pages += h.size()
	}
	if pages > marks.MaxPages || pages < marks.MaxPages-historyPages || pages != r.pages {
		t.Errorf("%d pages are remembered, %d counted", pages, r.pages)
	}
	if got := see("alice", 1); got != handled {
		t.Error("the first message of who went on is", got)
	}
	if got := see("mallory 0", 1); got != unseen {
		t.Error("the first message of all is", got)
	}
}

// dueProps are the properties of a message that is due then.
func dueProps(t *testing.T, due int64) amqp.RawProperties {
	t.Helper()
	p := amqp.Properties{}
	if due != 0 {
		p.Headers = amqp.Table{headerDue: due}
	}
	raw, err := p.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// seeing has r see one message of alice's, again and again.
func seeing(t *testing.T, r *repeats) func(due int64, redelivered bool) (mark, sight) {
	return func(due int64, redelivered bool) (mark, sight) {
		return r.see("alice", "order 7", arrival{props: dueProps(t, due), redelivered: redelivered}, nil)
	}
}

type sighting struct {
	due         int64
	redelivered bool
	want        sight
}

// wantSights has r see that message, and have it given back each time.
func wantSights(t *testing.T, r *repeats, all []sighting) {
	t.Helper()
	see := seeing(t, r)
	for _, step := range all {
		m, got := see(step.due, step.redelivered)
		if got != step.want {
			t.Errorf("due %d, redelivered %v: %v, want %v", step.due, step.redelivered, got, step.want)
		}
		r.settled(m, givenBack)
	}
}

func TestAMessageThatWasPassedOnIsKnownFromItsLaterCopy(t *testing.T) {
	r := newRepeats()
	see := seeing(t, r)
	m, _ := see(0, false)
	_, waits := see(100, false) // its copy is faster than the confirm of it
	r.pass(m, 0)
	if waiting := r.settled(m, passedOn); waits != inHand || len(waiting) != 1 || r.over(m, passedOn, waiting[0].arrival) {
		t.Fatal("the copy goes with what it is a copy of")
	}
	wantSights(t, r, []sighting{
		{0, true, elsewhere}, // its acknowledgement was lost
		{0, false, unseen},   // somebody has sent it again
		{100, true, unseen},  // the copy, which came while the connection broke
		{100, false, unseen}, // the copy
	})
}

// A dead letter is sent again before it is known here that it is one; its second life comes back when the connection breaks.
func TestADeadLettersSecondLifeIsNoRepeat(t *testing.T) {
	r := newRepeats()
	see := seeing(t, r)
	m, _ := see(0, false)
	r.pass(m, 0)
	r.settled(m, passedOn)
	m, _ = see(100, false) // its second try
	_, waits := see(0, false)
	r.pass(m, 100)
	if waiting := r.settled(m, buried); waits != inHand || len(waiting) != 1 || r.over(m, buried, waiting[0].arrival) {
		t.Fatal("the second life ends with the first")
	}
	wantSights(t, r, []sighting{
		{100, true, elsewhere}, // its acknowledgement was lost
		{0, false, unseen},     // the second life
		{0, true, unseen},      // again, because the connection broke
	})
}

func TestWhatWasPassedOnIsForgottenInTheEnd(t *testing.T) {
	r := newRepeats()
	m, _ := r.see("alice", "order 7", arrival{}, nil)
	for due := range int64(3 * maxPassed) {
		r.pass(m, due)
	}
	if len(r.passed) != maxPassed || len(r.lately) != maxPassed {
		t.Error(len(r.passed), len(r.lately))
	}
	if _, old := r.passed[passing{m, 0}]; old {
		t.Error("the first is known")
	}
	if _, known := r.passed[passing{m, 3*maxPassed - 1}]; !known {
		t.Error("the last is not known")
	}
}

// Whether the mark of an id that follows is told from the one before or looked up for itself, it is the same.
func TestTheNextMarkIsTheOneThatWouldBeFound(t *testing.T) {
	r := newRepeats()
	own := newIdentity().prefix
	told := 0
	follow := func(prefix string, counts ...uint64) {
		t.Helper()
		ids := spelling{prefix: prefix}
		last := mark{}
		for _, n := range counts {
			name, _, _, _ := pack.Next(pack.AppendCounted(nil, n, nil))
			id, follows := ids.next(name, len(counts))
			want := r.find("alice", id)
			if next, ok := last.next(); follows && ok {
				told++
				if next != want {
					t.Fatalf("%q has another mark than the one after that of the id before", id)
				}
			}
			last = want
		}
	}
	var all []uint64
	for n := range uint64(3 * pageSize) {
		all = append(all, n+1)
	}
	if follow(own, all...); told < 2*pageSize {
		t.Errorf("%d of %d were told from the ones before", told, len(all))
	}
	follow(own+"1", all...) // a count of more digits than were sent as one
	told = 0
	follow(own, 1, 3, 2, 2, 35, 36, 72)      // not the next ones
	follow("order ", 1, 2, 3)                // chosen by a caller
	follow(own[:len(own)-1], all[:100]...)   // as those are
	follow(strings.Repeat("long", 30), 1, 2) // written alone
	follow(own, pageSize-1, pageSize)        // on two pages
	if told != 0 {
		t.Errorf("%d marks were told that had to be looked up", told)
	}
}

// The window is as long as the documents say.
func TestHowManyMessagesAreKnownAsHandled(t *testing.T) {
	const messages, named, senders = 262_144, 65_536, 4096
	r := newRepeats()
	handle := func(sender, id string) {
		t.Helper()
		m, got := r.see(sender, id, arrival{}, nil)
		if got != unseen {
			t.Fatalf("%s's %s: %v", sender, id, got)
		}
		r.settled(m, acknowledged)
	}
	known := func(sender, id string, want bool) {
		t.Helper()
		if _, got := r.see(sender, id, arrival{}, nil); (got == handled) != want {
			t.Errorf("%s's %s: %v", sender, id, got)
		}
	}
	generated := func(of *identity, count uint64) string { return string(messageID{of: of, count: count}.appendTo(nil)) }
	alice := &identity{prefix: "ABCDEFGHIJKLMNOP-"}
	handle("alice", generated(alice, 1))
	handle("alice", generated(alice, messages))
	known("alice", generated(alice, 1), true)

	for i := range named {
		handle("bob", fmt.Sprint("order ", i))
	}
	known("bob", "order 0", true)

	r = newRepeats()
	for i := range senders {
		handle("many", generated(&identity{prefix: fmt.Sprintf("%016d-", i)}, 1))
	}
	known("many", fmt.Sprintf("%016d-1", 0), true)
}
