package main

import (
	"context"
	"testing"
	"time"
)

func TestTheExampleRuns(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if total, err := run(ctx, 3); total != 3 || err != nil {
		t.Fatal(total, err)
	}
}
