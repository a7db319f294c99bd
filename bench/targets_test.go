package main

import (
	"bytes"
	"math"
	"strings"
	"testing"
)

func TestTargetsAreReachedOrNotOrUnknown(t *testing.T) {
	r := &results{Rows: []*finding{
		{row: &row{Name: "tcp-echo"}, Outcomes: []*outcome{{P50: 10}}},
		{row: &row{Name: "direct-send"}, Outcomes: []*outcome{{P50: 12}}},
		{row: &row{Name: "zmq-request", Work: workCall, roles: []string{"zmq-rep", "zmq-req"}}, Outcomes: []*outcome{{P50: 11}}},
		{row: &row{Name: "direct-post", Work: workStream, roles: toPeer}, Outcomes: []*outcome{{Rate: 260}}},
		{row: &row{Name: "grpc-stream", Work: workStream, roles: []string{"grpc-server", "grpc-client"}}, Outcomes: []*outcome{{Rate: 200}}},
		{row: &row{Name: "nats-publish", Work: workStream, roles: []string{roleNATS, "nats-receiver", "nats-sender"}}, Outcomes: []*outcome{{Rate: 100}}},
	}}
	reached := make(map[string]target)
	for _, x := range r.targets() {
		reached[x.What] = x
	}
	for what, want := range map[string]struct {
		ratio float64
		met   bool
	}{
		"Send to a peer, p50, beside raw TCP echo":         {1.2, true},
		"Send to a peer, p50, beside ZeroMQ REQ/REP":       {12. / 11, false},
		"Posts/s to a peer, beside the best of the others": {1.3, true},
	} {
		if x := reached[what]; math.Abs(x.Reached-want.ratio) > 1e-9 || x.met() != want.met {
			t.Errorf("%s: %v, met %v; want %v, %v", what, x.Reached, x.met(), want.ratio, want.met)
		}
	}
	if x := reached["Call of a peer, p50, beside gRPC-Go unary"]; !math.IsNaN(x.Reached) || x.met() {
		t.Errorf("what was not measured is %v", x.Reached)
	}
	var b bytes.Buffer
	r.printTargets(&b)
	if s := b.String(); strings.Count(s, "\n| ") != 4 || !strings.Contains(s, "NO") {
		t.Errorf("the table has the three that are known and a head:\n%s", s)
	}
}

func TestAMissedTargetSaysWhatLimitsIt(t *testing.T) {
	few := wanted("messages/s", "≥", 3, "×", 2)
	for want, x := range map[string]target{
		"yes":                           wanted("messages/s", "≥", 3, "×", 3).limited(3.5, "the client"),
		"NO":                            few,
		"NO: half of it is a program":   few.limited(0, "half of it is a program"),
		"the client limits it to 2.5 ×": few.limited(2.5, "the client"),
		"NO: the client leaves 3.5 ×":   few.limited(3.5, "the client"),
		"NO: the disk leaves 1 ms":      wanted("p99", "<", 1.5, "ms", 9).limited(1, "the disk"),
		"the disk limits it to 2 ms":    wanted("p99", "<", 1.5, "ms", 9).limited(2, "the disk"),
		"NO: nobody measured it":        few.limited(math.NaN(), "nobody measured it"),
	} {
		if got := x.verdict(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestWhatClientsAndTheMachineTakeBoundsABroker(t *testing.T) {
	costs := func(all ...processCost) []*outcome {
		return []*outcome{{Rate: 50_000, Processes: append([]processCost{{Role: roleBroker, CPU: 100}}, all...)}}
	}
	r := &results{Machine: machine{CPUs: 2}, Rows: []*finding{
		{row: &row{Name: "threads", Work: workClients}, Outcomes: costs(processCost{Role: "amqp091-receiver", CPU: 15}, processCost{Role: "amqp091-sender", CPU: 5})},
		{row: &row{Name: "one", Work: workClients}, Outcomes: costs(processCost{Role: "pika-receiver", CPU: 12.5}, processCost{Role: "pika-sender", CPU: 5})},
		{row: &row{Name: "tcp", Work: workStream}, Outcomes: []*outcome{{Processes: []processCost{{CPU: 0.5}, {CPU: 0.4}}}}},
		{row: &row{Name: "disk", Work: workDurable}, Outcomes: []*outcome{{Rate: 2e6, Processes: []processCost{{CPU: 0.2}}}}},
	}}
	for name, want := range map[string]float64{"threads": 100_000, "one": 80_000} {
		if got := r.mostOfClients(name); math.Abs(got-want) > 1e-6 {
			t.Errorf("%s: %v messages a second, want %v", name, got, want)
		}
	}
	if got := r.mostOfClients("missing"); !math.IsNaN(got) {
		t.Errorf("what was not measured leaves %v", got)
	}
	if got := r.mostCarried("tcp", "disk"); math.Abs(got-0.5) > 1e-9 {
		t.Errorf("%v of what the disk takes can be carried, want a half", got)
	}
	many := &results{Rows: []*finding{
		{row: &row{Name: "of one"}, Outcomes: []*outcome{{Processes: []processCost{{CPU: 1}, {CPU: 0.5}}}}},
		{row: &row{Name: "of many"}, Outcomes: []*outcome{{Processes: []processCost{{CPU: 2.5}, {CPU: 1.5}}}}},
	}}
	if got := many.mostOfMany("of many", "of one"); math.Abs(got-0.6) > 1e-9 {
		t.Errorf("many can reach %v of what one does, want three fifths", got)
	}
	var b bytes.Buffer
	r.print(&b)
	for _, want := range []string{"| threads | 20.00 ", "| 100,000/s ", "| 50 % ", "| 80,000/s "} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, &b)
		}
	}
}
