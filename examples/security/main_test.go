package main

import (
	"context"
	"strings"
	"testing"
	"time"
)

func TestTheExampleRuns(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	var out strings.Builder
	if err := run(ctx, &out); err != nil {
		t.Fatal(err)
	}
	const want = `with the password: accepted
with a wrong one: refused with 403
to a bank that cannot prove that it is one: nothing is sent, its certificate is not trusted
the shop orders: accepted
the shop sends to another mailbox: refused with 403
the shop reads orders: refused with 403
the warehouse got a lamp
`
	if out.String() != want {
		t.Errorf("%s\nwant\n%s", &out, want)
	}
}
