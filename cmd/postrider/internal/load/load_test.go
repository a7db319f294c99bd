package load

import (
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/postrider-mq/postrider"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/screen"
	"github.com/postrider-mq/postrider/internal/measure"
)

var update = flag.Bool("update", false, "write the golden files anew")

// wantGolden compares with a file in testdata.
func wantGolden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s:\n%s\nwant:\n%s", name, got, want)
	}
}

func TestABodySaysWhoseItIs(t *testing.T) {
	b := newBody(100)
	m := mark{Run: 7, Sender: 3, Number: 41, Due: 12345}
	m.write(b)
	if got, err := readMark(b, 7); got != m || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := readMark(b, 8); err != errForeign {
		t.Errorf("a message of another run: %v", err)
	}
	if _, err := readMark([]byte("hello, world"), 7); err != errForeign {
		t.Errorf("a text: %v", err)
	}
	for i := range b {
		b[i] ^= 1
		if _, err := readMark(b, 7); err == nil {
			t.Errorf("a flipped bit of byte %d goes unnoticed", i)
		}
		b[i] ^= 1
	}
}

func TestASetIsReadAsItWasWritten(t *testing.T) {
	var s, other set
	for _, n := range []uint64{0, 63, 64, 1000, 77} {
		if !s.add(n) || s.add(n) {
			t.Errorf("%d is new once", n)
		}
	}
	b, err := s.encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := decodeSet(b)
	if err != nil || again.count != 5 || !again.has(1000) || again.has(999) || again.has(1<<20) {
		t.Errorf("%+v, %v", again, err)
	}
	other.add(64)
	other.add(5000)
	if both := again.merge(&other); both != 1 || again.count != 6 || !again.has(5000) {
		t.Errorf("%d in both, %d in all", both, again.count)
	}
	if _, err := decodeSet([]byte("nonsense")); err == nil {
		t.Error("nonsense is a set")
	}
}

// sentBy is what a sender did that sent so many, of which some failed.
func sentBy(sender uint32, sent uint64, failed ...uint64) sentLine {
	var f set
	errors := map[string]uint64{}
	for _, n := range failed {
		f.add(n)
		errors["peer is down"]++
	}
	b, _ := f.encode()
	return sentLine{Sender: sender, Sent: sent, Failed: b, Errors: errors, Ended: 1e9}
}

// gotBy is what one receiver got, in turn; a negative number is marked redelivered.
func gotBy(sender uint32, numbers ...int) []arrival {
	var all []arrival
	for _, n := range numbers {
		again := n < 0
		all = append(all, arrival{Arrival{Sender: sender, Number: uint64(max(n, -n)), At: 1, Redelivered: again}, 0})
	}
	return all
}

func TestTheBooks(t *testing.T) {
	second := func(all []arrival) []arrival {
		for i := range all {
			all[i].receiver = 1
		}
		return all
	}
	for _, test := range []struct {
		what  string
		sent  []sentLine
		came  []arrival
		want  Outcome
		wrong string
	}{
		{"all came", []sentLine{sentBy(0, 3)}, gotBy(0, 0, 1, 2), Outcome{Got: 3}, ""},
		{"a confirmed one is missing", []sentLine{sentBy(0, 3)}, gotBy(0, 0, 2), Outcome{Got: 2, Lost: 1}, "1 confirmed messages never came"},
		{"a failed one is missing", []sentLine{sentBy(0, 3, 1)}, gotBy(0, 0, 2), Outcome{Got: 2}, "1 messages were not confirmed"},
		{"none came", []sentLine{sentBy(0, 2), sentBy(1, 2)}, nil, Outcome{Lost: 4}, "4 confirmed messages never came"},
		{"one came twice", []sentLine{sentBy(0, 2)}, gotBy(0, 0, 1, -1), Outcome{Got: 2, Repeated: 1}, ""},
		{"two receivers got the same", []sentLine{sentBy(0, 2)}, append(gotBy(0, 0, 1), second(gotBy(0, -1))...), Outcome{Got: 2, Repeated: 1}, ""},
		{"two changed places", []sentLine{sentBy(0, 3)}, gotBy(0, 0, 2, 1), Outcome{Got: 3, Disordered: 1}, "1 messages came out of order"},
		{"one was given back, and came again", []sentLine{sentBy(0, 3)}, gotBy(0, 0, 2, -1), Outcome{Got: 3}, ""},
		{"receivers share", []sentLine{sentBy(0, 4)}, append(gotBy(0, 1, 2), second(gotBy(0, 0, 3))...), Outcome{Got: 4}, ""},
		{"senders have numbers of their own", []sentLine{sentBy(0, 1), sentBy(1, 1)}, append(gotBy(1, 0), gotBy(0, 0)...), Outcome{Got: 2}, ""},
		{"of a sender that is not known", []sentLine{sentBy(0, 1)}, append(gotBy(0, 0), gotBy(5, 0)...), Outcome{Got: 1, Foreign: 1}, "1 messages came that nobody"},
	} {
		o := &Outcome{Ordered: true, Errors: map[string]uint64{}, Fates: map[uint32][]Fate{},
			Wait: measure.NewHistogram(), Confirm: measure.NewHistogram(), EndToEnd: measure.NewHistogram()}
		failed := map[uint32]*set{}
		for _, s := range test.sent {
			if err := o.sent(s, failed); err != nil {
				t.Fatal(err)
			}
		}
		audits, err := auditsOf(test.came, 2)
		if err == nil {
			err = o.balance(test.sent, failed, audits)
		}
		if err != nil {
			t.Fatal(err)
		}
		got := Outcome{Got: o.Got, Lost: o.Lost, Repeated: o.Repeated, Disordered: o.Disordered, Foreign: o.Foreign}
		if got.Got != test.want.Got || got.Lost != test.want.Lost || got.Repeated != test.want.Repeated || got.Disordered != test.want.Disordered || got.Foreign != test.want.Foreign {
			t.Errorf("%s: %+v, want %+v", test.what, got, test.want)
		}
		switch err := o.Err(); {
		case test.wrong == "" && err != nil, test.wrong != "" && (err == nil || !strings.Contains(err.Error(), test.wrong)):
			t.Errorf("%s: the error is %v, want %q", test.what, err, test.wrong)
		}
	}
}

func TestACountIsDealtOut(t *testing.T) {
	total := uint64(0)
	for number := range uint32(3) {
		s := sender{order: sendOrder{Count: 11, Of: 3}, number: number}
		total += s.share()
	}
	if total != 11 {
		t.Errorf("3 senders send %d of 11", total)
	}
	if shares := spread(5, 3); len(shares) != 3 || shares[0] != 2 || shares[1] != 2 || shares[2] != 1 {
		t.Errorf("5 in 3 processes: %v", shares)
	}
	if shares := spread(2, 8); len(shares) != 2 {
		t.Errorf("2 in 8 processes: %v", shares)
	}
}

// someOutcome is one whose figures are easy to read.
func someOutcome() *Outcome {
	o := &Outcome{
		Sent: 1200, Confirmed: 1199, Failed: 1, Errors: map[string]uint64{"peer is down (on the wire)": 1}, Received: true, Ordered: true,
		Got: 1199, Seconds: 2, Rate: 599.5, GotSeconds: 2, GotRate: 599.5, Sharing: 2,
		Wait: measure.NewHistogram(), Confirm: measure.NewHistogram(), EndToEnd: measure.NewHistogram(),
		Costs: []Cost{{"senders", 2, 0.5, 40 << 20}},
	}
	for i := range int64(1000) {
		d := int64(100*time.Microsecond) + i*int64(time.Microsecond)
		measure.Record(o.Wait, d/100)
		measure.Record(o.EndToEnd, d)
	}
	measure.Record(o.EndToEnd, int64(30*time.Millisecond))
	return o
}

func TestWhatIsShown(t *testing.T) {
	var b strings.Builder
	someOutcome().Show(screen.New(&b, false, false), 1000)
	wantGolden(t, "outcome.txt", b.String())
}

func TestTheBarsOfAHistogramHaveAllOfIt(t *testing.T) {
	h := someOutcome().EndToEnd
	total := int64(0)
	bars := Bars(h)
	for i, b := range bars {
		total += b.Count
		if i > 0 && b.UpTo != 2*bars[i-1].UpTo {
			t.Errorf("%s follows %s", b.UpTo, bars[i-1].UpTo)
		}
	}
	if total != h.TotalCount() || bars[len(bars)-1].Count != 1 {
		t.Errorf("%d of %d, in %v", total, h.TotalCount(), bars)
	}
}

// A target that is gone for good keeps as many posts as may be unconfirmed, and no more; and not for ever.
func TestPostsToWhomNobodyReachesAreGivenUp(t *testing.T) {
	n, err := postrider.Start(t.Context(), postrider.Config{Name: "alice", Peers: map[string]string{"bob": "127.0.0.1:1"}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	for _, inFlight := range []int{1, 2, 3, 10} {
		o := sendOrder{
			Senders: 1, Peer: "bob", Body: LeastBody, InFlight: inFlight, Count: 1000, Of: 1, Begin: measure.Now(), For: time.Hour, Timeout: time.Hour,
			Stall: 100 * time.Millisecond,
		}
		r, err := new(sending).send(t.Context(), o, n.Peer("bob"))
		if err != nil {
			t.Fatal(err)
		}
		if l := r.Sent[0]; l.MostWaiting != inFlight || l.Sent != uint64(inFlight) || l.Errors["not confirmed in time"] != uint64(inFlight) {
			t.Errorf("%d may be unconfirmed, and %d were, of %d: %v", inFlight, l.MostWaiting, l.Sent, l.Errors)
		}
	}
}
