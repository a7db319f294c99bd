package main

import (
	"context"
	"testing"
	"time"
)

func TestTheExampleRuns(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	one, eight, err := run(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("one after the other %v, by customer %v", one, eight)
}
