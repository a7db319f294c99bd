package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/client"
	"github.com/postrider-mq/postrider/internal/measure"
)

// The test binary is the child of its own runs.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == childArgument {
		os.Exit(childMain(os.Stdin, os.Stdout))
	}
	os.Setenv("GORACE", "atexit_sleep_ms=0") // else each child of a race test takes a second to leave
	os.Exit(m.Run())
}

func tiny(t *testing.T) setting {
	return setting{Warm: 20 * time.Millisecond, Measure: 80 * time.Millisecond, Dir: t.TempDir(), Grace: 20 * time.Second}
}

// kinds has one row for each set of processes and each way to use them.
func kinds(all []*row) (some []*row) {
	seen := make(map[string]bool)
	for _, r := range all {
		kind := fmt.Sprint(r.roles, r.foreign, r.order.Post, r.order.Call, r.order.Callers > 0, r.order.SyncAlways)
		if !seen[kind] && r.peak == "" {
			seen[kind] = true
			some = append(some, r)
		}
	}
	return some
}

func TestEveryKindOfRowRunsAndMovesWhatItSays(t *testing.T) {
	s := tiny(t)
	s.Profiles = t.TempDir()
	other := ownBroker(t)
	s.AMQP = other // in place of RabbitMQ, which takes long to start
	some := append(kinds(rows()), named(rows(), "direct-post-1k"), named(rows(), "zmq-request-1k"), named(rows(), "redis-everysec-1k"),
		named(rows(), "direct-post-1MiB"), named(rows(), "nats-publish-half"))
	for i, r := range some { // those that they depend on, too
		if r.peak != "" && !slices.ContainsFunc(some, func(r *row) bool { return r.Name == some[i].peak }) {
			some = append(some, named(rows(), r.peak))
		}
	}
	say := &sayer{silent: true}
	p, err := openPeers(t.Context(), &s, some, say)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	for need, err := range p.missing {
		t.Logf("NOT MEASURED, FOR IT IS NOT INSTALLED: %s: %v", need, err)
	}
	r := &results{Machine: thisMachine(s.Dir), Rounds: 1, Foreign: "another", Peers: p.versions(t.Context(), &s)}
	if err := r.run(t.Context(), s, some, p.lacks, say); err != nil || r.failure() != nil {
		t.Fatal(err, r.failure())
	}
	for _, f := range r.Rows {
		if f.LeftOut != "" {
			continue // something is not installed, or the race detector makes it slow
		}
		o := f.Outcomes[0]
		if o.Messages == 0 || o.Rate <= 0 || o.P50 <= 0 || o.P99 < o.P50 || o.P999 < o.P99 {
			t.Errorf("%s: %+v", f.Name, o)
		}
		if r.find(f.Limit) != nil && f.Ratio <= 0 {
			t.Errorf("%s is not compared with %s", f.Name, f.Limit)
		}
		for _, p := range f.roles {
			if st, err := os.Stat(s.Profiles + "/" + f.Name + "." + p + ".1.prof"); err != nil || st.Size() == 0 {
				t.Errorf("profile: %v", err)
			}
		}
	}
	p.close()
	left, err := os.ReadDir(s.Dir)
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	var b bytes.Buffer
	r.print(&b)
	for _, f := range r.Rows {
		if !strings.Contains(b.String(), f.Title) {
			t.Errorf("the table has no %q:\n%s", f.Title, &b)
		}
	}
	if _, err := json.Marshal(r); err != nil {
		t.Error(err)
	}
}

// ownBroker is the URL of a broker that runs until the test ends.
func ownBroker(t *testing.T) string {
	t.Helper()
	p, address, err := startProcess(t.Context(), order{Role: roleBroker, Dir: t.TempDir()})
	if p != nil {
		t.Cleanup(p.kill)
	}
	if err != nil {
		t.Fatal(err)
	}
	return "amqp://" + address
}

func TestABrokerOfAnotherMakeCanBeMeasured(t *testing.T) {
	s := tiny(t)
	s.AMQP = ownBroker(t)
	if product, err := productAt(t.Context(), s.AMQP); product == "" || err != nil {
		t.Fatal(product, err)
	}
	o, err := runRow(t.Context(), s, named(rows(), "rabbitmq-mailbox-post-durable"), 1)
	if err != nil {
		t.Fatal(err)
	}
	if got := o.Processes[0]; got.Role != roleBroker || len(o.Processes) != 3 {
		t.Errorf("%+v", o.Processes)
	}
}

func TestFiguresAtScaleAreTakenAndCompared(t *testing.T) {
	few := scale{Connections: 20, Queues: 200, Bindings: 1000, Messages: 1000, Backlog: 3000, Peers: 5, Ready: 2000, Idle: time.Millisecond}
	s := tiny(t)
	var own, foreign, resting scaleFigures
	if err := few.own(t.Context(), s, &own); err != nil {
		t.Fatal(err)
	}
	if own.Recovery.Killed <= 0 || own.Recovery.Closed <= 0 {
		t.Errorf("%+v", own.Recovery)
	}
	if own.Start <= 0 || own.Idle == 0 || own.FewMatched <= 0 || own.AllMatched <= 0 || own.Peer <= 0 {
		t.Errorf("%+v", own)
	}

	s.AMQP = ownBroker(t)
	if err := few.foreign().measure(t.Context(), runningTarget(s, 0), &foreign); err != nil {
		t.Fatal(err)
	}
	if foreign.Idle == 0 || foreign.Start != 0 {
		t.Errorf("%+v", foreign)
	}
	if err := few.atRest().measure(t.Context(), freshTargets(s, order{Role: roleNATS}), &resting); err != nil {
		t.Fatal(err)
	}
	r := &results{AtScale: &scaleTable{Columns: []scaleColumn{{ownName, few, own}, {"other", few.foreign(), foreign}, {"resting", few.atRest(), resting}}}}
	var b bytes.Buffer
	r.print(&b)
	for _, want := range []string{"| Postrider", "| other", "was running", "KiB (of 20)", "KiB (of 5)", "(of 1,000)", "a broker's memory at rest"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

func TestAnUnexpectedAnswerEndsTheFiguresAtScale(t *testing.T) {
	at, err := client.ParseURL(ownBroker(t))
	if err != nil {
		t.Fatal(err)
	}
	w, err := openWire(t.Context(), at, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	err = w.call(1, &amqp.QueueDeclare{Queue: "missing", Passive: true}, amqp.QueueDeclareOkID)
	if err == nil || !strings.Contains(err.Error(), "channel.close") {
		t.Errorf("%v", err)
	}
}

func TestABrokenRunFailsAndSaysWhichProcessBrokeIt(t *testing.T) {
	for name, c := range map[string]struct {
		roles []string
		want  string
		hangs bool
	}{
		"nobody is there":      {[]string{"caller"}, "broken: caller: dial tcp", false},
		"no such process":      {[]string{"echo", "nobody"}, `broken: nobody: no role "nobody"`, false},
		"no answer":            {[]string{"sink", "caller"}, "hung for 1s more", true},
		"messages not settled": {[]string{roleBroker, "sender"}, " messages were not acknowledged", false},
	} {
		t.Run(name, func(t *testing.T) {
			broken := &row{Name: "broken", roles: c.roles, order: order{Mailbox: mailbox, Post: true, Window: 1}}
			s := tiny(t)
			if c.hangs {
				s.Grace = time.Second
			}
			_, err := runRow(t.Context(), s, broken, 1)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestAuditFindsWhatWasLostRepeatedOrDamaged(t *testing.T) {
	body := func(number uint64) []byte {
		b := make([]byte, usualBody)
		writeBody(b, number, 7, number&255 == 1)
		return b
	}
	damaged := body(1)
	damaged[usualBody-1] ^= 1
	wrong := map[string][]byte{
		"message 0 came, want 1":           body(0),
		"message 2 came, want 1":           body(2),
		"message 1 is damaged":             damaged,
		"a message has 5 bytes, want 100":  body(1)[:5],
		"a message has 0 bytes, want 100":  nil,
		"a message has 16 bytes, want 100": body(1)[:leastBody],
	}
	a := audit{size: usualBody}
	if sent, last, err := a.check(body(0)); sent != 7 || last || err != nil {
		t.Fatal(sent, last, err)
	}
	for want, b := range wrong {
		if _, _, err := a.check(b); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if _, last, err := a.check(body(1)); !last || err != nil {
		t.Fatal(last, err)
	}

	many := newAudits(usualBody, 3)
	if _, _, err := many.check(body(2 << ownPart)); err != nil {
		t.Fatal(err)
	}
	for want, b := range map[string][]byte{
		"message 0 of sender 2 came, want 1": body(2 << ownPart),
		"message 2 of sender 2 came, want 1": body(2<<ownPart | 2),
		"message 1 of sender 1 came, want 0": body(1<<ownPart | 1),
		"a message of sender 3, of 3":        body(3 << ownPart),
	} {
		if _, _, err := many.check(b); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if _, last, err := many.check(body(2<<ownPart | 1)); !last || err != nil || many.count.Load() != 2 {
		t.Fatal(last, err, many.count.Load())
	}
}

func TestStopwatchLeavesTheWarmUpOut(t *testing.T) {
	w := newStopwatch(order{Warm: 10, Measure: 20})
	var lasts []int64
	for at := int64(100); at <= 140; at += 5 {
		if w.tick(at) {
			lasts = append(lasts, at)
		}
		w.took(at)
		w.sent()
	}
	got, err := w.stop()
	if err != nil || got.Messages != 9 || got.Measured != 7 || got.Began != 110 || w.latencies.all.Min() != 110 {
		t.Errorf("%+v, least %d, %v", got, w.latencies.all.Min(), err)
	}
	if len(lasts) != 3 || lasts[0] != 130 {
		t.Errorf("last at %v", lasts)
	}
}

func TestMedianAndSpread(t *testing.T) {
	f := &finding{row: &row{}}
	for _, rate := range []float64{5, 1, 4, 2} {
		f.Outcomes = append(f.Outcomes, &outcome{Rate: rate})
	}
	s := over(f, rateOf)
	if s.median() != 2 || s.least() != 1 || s.most() != 5 {
		t.Error(s)
	}
	if got := spread(s, thousands); got != "2 (1 to 5)" {
		t.Error(got)
	}
}

func TestRatioIsOfLatencyOrOfRate(t *testing.T) {
	r := &results{Rows: []*finding{
		{row: &row{Name: "limit"}, Outcomes: []*outcome{{P50: 10, Rate: 100}}},
		{row: &row{Name: "slow", Limit: "limit", ByLatency: true}, Outcomes: []*outcome{{P50: 25, Rate: 1}}},
		{row: &row{Name: "both", Limit: "limit", Plus: "slow", ByLatency: true}, Outcomes: []*outcome{{P50: 70, Rate: 1}}},
		{row: &row{Name: "fast", Limit: "limit"}, Outcomes: []*outcome{{P50: 1, Rate: 40}}},
	}}
	r.compare()
	for name, want := range map[string]float64{"limit": 0, "slow": 2.5, "both": 2, "fast": 0.4} {
		if got := r.find(name).Ratio; got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

func TestFiguresReadWell(t *testing.T) {
	for _, c := range [][2]string{
		{thousands(999), "999"}, {thousands(1000), "1,000"}, {thousands(1234567.8), "1,234,568"},
		{duration(18_250), "18.2 µs"}, {duration(3_490_000), "3.49 ms"}, {duration(2e9), "2.00 s"},
	} {
		if c[0] != c[1] {
			t.Errorf("got %q, want %q", c[0], c[1])
		}
	}
}

func TestChosenRowsBringTheirLimits(t *testing.T) {
	var names []string
	for _, r := range choose(rows(), regexp.MustCompile("^direct-send$")) {
		names = append(names, r.Name)
	}
	if got := strings.Join(names, " "); got != "tcp-echo direct-send" {
		t.Error(got)
	}
}

func TestRowsAreComparedWithRows(t *testing.T) {
	for _, all := range [][]*row{rows(), briefly(rows())} {
		names := map[string]bool{"": true}
		for _, r := range all {
			if names[r.Name] {
				t.Errorf("two rows are called %s", r.Name)
			}
			names[r.Name] = true
		}
		for _, r := range all {
			for _, other := range r.dependencies() {
				if !names[other] {
					t.Errorf("%s is compared with %s, which is no row", r.Name, other)
				}
			}
			for _, role := range r.roles {
				if _, err := newRole(role); err != nil {
					t.Errorf("%s: %v", r.Name, err)
				}
			}
		}
	}
}

func TestAFixedRateIsForThoseWhoCanKeepItUp(t *testing.T) {
	r := &results{Rows: []*finding{
		{row: &row{Name: "slow"}, Outcomes: []*outcome{{Rate: 1000}}},
		{row: &row{Name: "fast"}, Outcomes: []*outcome{{Rate: 5000}}},
	}}
	for _, c := range []struct {
		row   row
		keeps bool
		rate  int
	}{
		{row{peak: "slow", order: order{Rate: 1000}}, false, 1000},
		{row{peak: "slow", order: order{Rate: 900}}, true, 900},
		{row{peak: "slow", half: []string{"slow", "fast"}}, false, 2500},
		{row{peak: "fast", half: []string{"slow", "fast"}}, true, 2500},
		{row{peak: "fast", half: []string{"not run"}}, false, 0},
	} {
		f := &finding{row: &c.row}
		if got := r.keepsUp(f); got != c.keeps || f.order.Rate != c.rate || (f.LeftOut == "") != c.keeps {
			t.Errorf("%+v: keeps up %v at %d, %q", c, got, f.order.Rate, f.LeftOut)
		}
	}
}

func TestWhoListensIsFound(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("it is looked up in Linux's /proc")
	}
	ln, address, err := listenLocal()
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	pid := listenerOn(address)
	if pid != os.Getpid() {
		t.Errorf("process %d, this is %d", pid, os.Getpid())
	}
	if measure.Resident(pid) < 1<<20 {
		t.Errorf("it has %d bytes", measure.Resident(pid))
	}
	if listenerOn("192.0.2.1:5672") != 0 {
		t.Error("a process of another machine was found here")
	}
}
