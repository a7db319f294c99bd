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
