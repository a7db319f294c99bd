package main

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"time"
)

// output is written to by handlers, too.
type output struct {
	mu sync.Mutex
	bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.Buffer.Write(b)
}

func TestTheExampleRuns(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	var out output
	if err := run(ctx, &out); err != nil {
		t.Fatal(err)
	}
	const want = `the warehouse is down: what was sent did not arrive, and will not
the warehouse is up: what was posted is received
order 1: a chair
try 2 of order 2, after: out of lamps
order 2: a lamp
order 3 was given up
a dead letter of shop, after 1 try
order 3: three tables
`
	if out.String() != want {
		t.Errorf("%s\nwant\n%s", &out, want)
	}
}
