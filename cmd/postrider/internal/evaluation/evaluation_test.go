package evaluation

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postrider-mq/postrider/cmd/postrider/internal/load"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/screen"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/ways"
	"github.com/postrider-mq/postrider/internal/measure"
)

var update = flag.Bool("update", false, "write the golden files anew")

const (
	µs = time.Microsecond
	ms = time.Millisecond
)

// typical is what a quiet machine finds.
func typical() *Result {
	flat := func(d time.Duration) Latency { return Latency{d, d, 2 * d, 2 * d, 3 * d} }
	r := &Result{
		Workload: Workload{
			Rate: 500, Body: 1024, Senders: 2, Receivers: 2, Handling: ms, Faults: Faults, Down: 800 * ms, Late: 100 * ms, Each: 2500 * ms, Wait: 500 * ms,
		},
		Machine: "2 processors", Took: 45 * time.Second, At: time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC),
	}
	for w := range ways.Count {
		f := &r.Ways[w]
		*f = Figures{
			Way: w, Call: flat(300 * µs), Confirmed: flat(300 * µs), EndToEnd: flat(200 * µs), Rate: 500, Sent: 1250, Sharing: 1, FullRate: 6000,
			Costs: []load.Cost{{Part: "senders", Processes: 2, CPU: 0.1, Memory: 40 << 20}}, Faults: map[Fault]Harm{},
		}
		if !w.Waits() {
			f.Call, f.FullRate = flat(5*µs), 100_000
		}
		if !w.Direct() {
			f.Sharing, f.EndToEnd = 2, flat(400*µs)
			f.Costs = append(f.Costs, load.Cost{Part: "broker", Processes: 1, CPU: 0.2, Memory: 30 << 20})
		}
		for _, fault := range Faults {
			h := Harm{Messages: 1250, Late: 400, Back: 150 * ms, Longest: 6 * µs, Waiting: 220}
			switch {
			case fault == BrokerKilled && w.Direct():
				h = Harm{Skipped: "no broker"}
			case fault == ReceiverKilled && !w.Direct():
				h = Harm{Messages: 1250, Repeated: 2, Longest: f.Call.Max}
			case w.Waits():
				h = Harm{Messages: 1250, Refused: 3, Maybe: 1, Late: 500, NeverBack: true, Longest: 900 * ms}
			}
			f.Faults[fault] = h
		}
		r.Call[w], r.EndToEnd[w] = measure.NewHistogram(), measure.NewHistogram()
		for i := range int64(1000) {
			measure.Record(r.Call[w], int64(f.Call.P50)+i*100)
			measure.Record(r.EndToEnd[w], int64(f.EndToEnd.P50)+i*100)
		}
		r.Timelines[w] = map[Fault]Timeline{}
		for fault, h := range f.Faults {
			if h.Skipped == "" {
				r.Timelines[w][fault] = Timeline{Bucket: bucketTime, From: 600 * ms, To: 1400 * ms, Handled: []int{25, 25, 0, 50}, Slowest: []time.Duration{ms, ms, 0, 50 * ms}}
			}
		}
	}
	return r
}

func TestTheVerdictFollowsFromTheNeeds(t *testing.T) {
	for _, test := range []struct {
		needs  string
		change func(*Result)
		best   []ways.Way
		says   string // the text
		since  string // one of the figures
	}{
		{"no-broker,lowest-latency", nil, []ways.Way{ways.DirectPost, ways.DirectSend}, "Take direct, ", "no-broker: a message meets 2 processes"},
		{"no-broker,know-at-once", nil, []ways.Way{ways.DirectSend}, "Take direct, synchronous (bob.Send): it meets both your needs.", "know-at-once: Send returns when it has, after 300 µs (p50), 600 µs (p99)"},
		{"many-workers,survive-broker-down", nil, []ways.Way{ways.MailboxPost}, "Take indirect, asynchronous (jobs.Post)", "many-workers: 2 processes of 2 shared the mailbox"},
		{"survive-receiver-down,many-workers", func(r *Result) {
			r.Ways[ways.MailboxSend].Faults[ReceiverKilled] = Harm{Messages: 1250, Late: 60}
		}, []ways.Way{ways.MailboxPost, ways.MailboxSend}, "Take indirect, asynchronous (jobs.Post): it meets both your needs. So does indirect, synchronous (jobs.Send).", "0 late"},
		{"survive-receiver-down,know-at-once", nil, []ways.Way{ways.MailboxSend}, "Take indirect, synchronous (jobs.Send)", "survive-receiver-down: receiver killed: all 1,250 were sent and handled, 0 late; the longest call took 900 µs"},
		{"survive-receiver-down,no-broker", nil, []ways.Way{ways.DirectPost}, "Take direct, asynchronous (bob.Post)", "400 late"},
		{"no-broker,many-workers", nil, nil, "None of the four meets both your needs. The nearest is ", "fails "},
		{"sender-never-waits,survive-disconnect", nil, []ways.Way{ways.DirectPost, ways.MailboxPost}, "So does indirect, asynchronous (jobs.Post).", "a call takes 5.0 µs (p50), 10 µs (p99)"},
		{"throughput", nil, []ways.Way{ways.DirectPost, ways.MailboxPost}, "", "100,000 messages/s at full speed, 200 times what you ask for"},
		{"throughput", func(r *Result) { r.Ways[ways.DirectPost].Unsent = 10 }, []ways.Way{ways.MailboxPost}, "it meets your need", ""},
		{"low-cost", nil, []ways.Way{ways.DirectSend, ways.DirectPost}, "", "80 µs of CPU a message, 40 MiB of memory"},
		{"once", nil, []ways.Way{ways.DirectSend, ways.DirectPost}, "", "once: 0 messages handled twice"},
		{"lose-nothing", func(r *Result) {
			h := r.Ways[ways.DirectSend].Faults[ReceiverKilled]
			h.Lost = 7
			r.Ways[ways.DirectSend].Faults[ReceiverKilled] = h
		}, []ways.Way{ways.DirectPost, ways.MailboxSend, ways.MailboxPost}, "", "lose-nothing: 0 of "},
		{"survive-broker-down", func(r *Result) {
			r.Ways[ways.MailboxPost].Faults[BrokerKilled] = Harm{Skipped: "not ours"}
		}, []ways.Way{ways.DirectSend, ways.DirectPost}, "", "survive-broker-down: it needs none"},
		{"", nil, nil, "Say what you need with --need", ""},
	} {
		r := typical()
		if test.change != nil {
			test.change(r)
		}
		var asked []string
		if test.needs != "" {
			asked = []string{test.needs}
		}
		needs, err := ParseNeeds(asked)
		if err != nil {
			t.Fatal(err)
		}
		v := r.Decide(needs)
		got, want := slices.Clone(v.Best), slices.Clone(test.best)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) || !strings.Contains(v.Text, test.says) {
			t.Errorf("%s: %v, %q", test.needs, v.Best, v.Text)
		}
		if test.since != "" && !strings.Contains(strings.Join(v.Figures, "\n"), test.since) {
			t.Errorf("%s: no %q in %q", test.needs, test.since, v.Figures)
		}
	}
}

func TestEachPieceOfAdviceNamesItsFigures(t *testing.T) {
	r := typical()
	needs, err := ParseNeeds(NeedNames())
	if err != nil {
		t.Fatal(err)
	}
	for _, asked := range [][]Need{nil, needs} {
		all := r.Advise(asked)
		if len(all) < len(rules) {
			t.Errorf("%d pieces of advice for %d rules", len(all), len(rules))
		}
		for _, a := range all {
			if len(a.Figures) == 0 || a.Text == "" {
				t.Errorf("%q rests on %q", a.Text, a.Figures)
			}
		}
	}
	r.Workload.Faults = nil
	for _, a := range r.Advise(nil) {
		if a.Need != "" && a.Need.Fault() != "" {
			t.Errorf("of a fault that was not tried: %q", a.Text)
		}
	}
}

func TestRemarks(t *testing.T) {
	for _, test := range []struct {
		what   string
		change func(*Result)
		says   string
		since  string
	}{
		{"handlers are busy", func(r *Result) { r.Workload.Handling = 3 * ms }, "add receivers", "500 messages/s × 3.0 ms ÷ 2 receivers = busy 75 % of their time"},
		{"a sender cannot wait so often", func(r *Result) { r.Ways[ways.MailboxSend].FullRate = 700 }, "jobs.Send is near its end", "2 senders: 700 messages/s at full speed; you ask for 500"},
		{"not even undisturbed", func(r *Result) { r.Ways[ways.DirectSend].Unsent = 50 }, "bob.Send cannot keep up", "50 of 1,300 were not sent in time"},
		{"a busy machine", func(r *Result) { r.Ways[ways.DirectPost].EndToEnd.P99 = 90 * ms }, "busy with other things", "bob.Post, undisturbed: the handler has it after 200 µs (p50), 90 ms (p99)"},
		{"transient messages were lost", func(r *Result) {
			r.Workload.Transient = true
			r.Ways[ways.DirectPost].Faults[ReceiverKilled] = Harm{Messages: 1250, Lost: 12}
		}, "transient ones live in memory", "bob.Post, receiver killed: 12 messages"},
		{"persistent ones were lost", func(r *Result) { r.Ways[ways.DirectPost].Faults[ReceiverKilled] = Harm{Messages: 1250, Lost: 1} }, "which must not be", "1 message"},
		{"some came twice", nil, "recognise a message by its ID", "jobs.Send, receiver killed: 2 messages"},
		{"posts waited", nil, "waited in the sender's memory", "jobs.Post, broker killed: 220 messages of one sender"},
		{"sends gave up", nil, "A Send that gives up", "bob.Send, senders' connection cut: 3 messages refused, after waiting up to 900 ms"},
	} {
		r := typical()
		if test.change != nil {
			test.change(r)
		}
		found := slices.ContainsFunc(r.remarks(), func(a Advice) bool {
			return strings.Contains(a.Text, test.says) && strings.Contains(strings.Join(a.Figures, "\n"), test.since)
		})
		if !found {
			t.Errorf("%s: no remark %q because of %q in %q", test.what, test.says, test.since, r.remarks())
		}
	}
}

func TestWhatAFaultDid(t *testing.T) {
	const due, late = int64(100 * ms), 50 * ms
	fine := func(at time.Duration) message {
		return message{due: int64(at), returned: int64(at + ms), confirmed: true, handled: int64(at + 2*ms), times: 1}
	}
	fault := window{int64(100 * ms), int64(200 * ms)}
	for _, test := range []struct {
		what   string
		all    []message
		unsent uint64
		want   Harm
	}{
		{"nothing", []message{fine(0), fine(150 * ms), fine(300 * ms)}, 0, Harm{Messages: 3, Longest: ms}},
		{"a confirmed one is missing", []message{{due: due, confirmed: true}, fine(300 * ms)}, 0, Harm{Messages: 2, Lost: 1, Longest: ms}},
		{"one was refused", []message{{due: due, failed: true}, fine(300 * ms)}, 0, Harm{Messages: 2, Refused: 1, Longest: ms}},
		{"one was refused and came all the same", []message{{due: due, failed: true, handled: due + 1, times: 1}, fine(300 * ms)}, 0, Harm{Messages: 2, Refused: 1, Longest: ms}},
		{"one came late, after the end of the fault", []message{
			{due: int64(250 * ms), returned: int64(310 * ms), confirmed: true, handled: int64(320 * ms), times: 1}, fine(400 * ms),
		}, 0, Harm{Messages: 2, Late: 1, Back: 50 * ms, Longest: 60 * ms}},
		{"the last one was late", []message{fine(0), {due: due, confirmed: true, handled: due + int64(time.Second), times: 1}}, 0, Harm{Messages: 2, Late: 1, NeverBack: true, Longest: ms}},
		{"one came three times", []message{{due: due, confirmed: true, handled: due + 1, times: 3}, fine(300 * ms)}, 0, Harm{Messages: 2, Repeated: 2, Longest: ms}},
		{"some were never sent", []message{fine(0)}, 4, Harm{Messages: 5, Unsent: 4, NeverBack: true, Longest: ms}},
	} {
		if got := harmOf(test.all, fault, late, test.unsent, 0); got != test.want {
			t.Errorf("%s: %+v, want %+v", test.what, got, test.want)
		}
	}
}

func TestMessagesAreSeenFromBothSides(t *testing.T) {
	all := messagesOf(&load.Outcome{
		Fates:    map[uint32][]load.Fate{3: {{Due: 10, Returned: 11, Confirmed: 12}, {Due: 20, Returned: 21, Error: "peer is down"}}},
		Arrivals: []load.Arrival{{Sender: 3, Number: 0, At: 30}, {Sender: 3, Number: 0, At: 25}, {Sender: 3, Number: 9, At: 1}, {Sender: 4, Number: 0, At: 1}},
	})
	want := []message{{due: 10, returned: 11, confirmed: true, handled: 25, times: 2}, {due: 20, returned: 21, failed: true}}
	if !slices.Equal(all, want) {
		t.Errorf("%+v, want %+v", all, want)
	}
}

func TestATimelineHasABucketForEachTime(t *testing.T) {
	began := int64(time.Hour)
	at := func(d time.Duration) int64 { return began + int64(d) }
	line := timelineOf([]message{
		{due: at(10 * ms), handled: at(20 * ms)}, {due: at(20 * ms), handled: at(120 * ms)}, {due: at(60 * ms)},
	}, began, window{at(50 * ms), at(100 * ms)})
	if !slices.Equal(line.Handled, []int{1, 0, 1}) || !slices.Equal(line.Slowest, []time.Duration{100 * ms}) || line.From != 50*ms || line.To != 100*ms {
		t.Errorf("%+v", line)
	}
}

func TestAMessageThatMustNotBeLostFailsTheEvaluation(t *testing.T) {
	r := typical()
	if err := r.Err(); err != nil {
		t.Error(err)
	}
	r.Ways[ways.MailboxPost].Faults[BrokerKilled] = Harm{Lost: 2}
	if err := r.Err(); err == nil || !strings.Contains(err.Error(), "2 messages were lost after they had been confirmed") {
		t.Error(err)
	}
	r.Workload.Transient = true
	if err := r.Err(); err != nil {
		t.Errorf("transient messages may be lost: %v", err)
	}
}

func TestNeedsAndFaultsAreUnderstood(t *testing.T) {
	if faults, err := ParseFaults("broker, receiver,broker"); err != nil || !slices.Equal(faults, []Fault{BrokerKilled, ReceiverKilled}) {
		t.Errorf("%v, %v", faults, err)
	}
	if faults, err := ParseFaults("none"); err != nil || len(faults) != 0 {
		t.Errorf("%v, %v", faults, err)
	}
	if _, err := ParseFaults("fire"); err == nil || !strings.Contains(err.Error(), `no such fault: "fire"`) {
		t.Error(err)
	}
	if _, err := ParseNeeds([]string{"speed"}); err == nil || !strings.Contains(err.Error(), "want one of lose-nothing, ") {
		t.Error(err)
	}
}

func TestTheTableAndTheAdviceAsTheyAreShown(t *testing.T) {
	var b strings.Builder
	typical().Show(screen.New(&b, false, false), []Need{"survive-receiver-down", "many-workers"})
	file := filepath.Join("testdata", "typical.txt")
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("it shows:\n%s\nwant:\n%s", &b, want)
	}
}

func TestTheReportNeedsNothingButItself(t *testing.T) {
	var b bytes.Buffer
	r := typical()
	r.Broker = load.Broker{Address: "amqp://<script>", Product: "RabbitMQ"}
	if err := r.WriteReport(&b, []Need{"no-broker"}); err != nil {
		t.Fatal(err)
	}
	page := strings.ReplaceAll(b.String(), "http://www.w3.org/2000/svg", "")
	for _, not := range []string{"<script", "http:", "https:", "<link", "<img", "@import", "ZgotmplZ"} {
		if strings.Contains(page, not) {
			t.Errorf("there is %q in it", not)
		}
	}
	for _, want := range []string{"Take direct, ", "Needed: no-broker", "lost after confirm", "bob.Send", "Broker killed: messages handled", "no broker", "&lt;script&gt;"} {
		if !strings.Contains(page, want) {
			t.Errorf("there is no %q in it", want)
		}
	}
	if n := strings.Count(page, "<svg"); n != 2+2*len(Faults) {
		t.Errorf("%d plots", n)
	}
}

func TestTheFiguresForPrograms(t *testing.T) {
	b, err := json.Marshal(typical().JSON([]Need{"no-broker"}))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"way":"direct, synchronous","code":"bob.Send"`, `"fault":"receiver"`, `"skipped":"no broker"`, `"backAfterMicros":null`, `"backAfterMicros":150000`, `"ways":["direct, `} {
		if !strings.Contains(string(b), want) {
			t.Errorf("there is no %s in %s", want, b)
		}
	}
}
