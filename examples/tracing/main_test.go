package main

import (
	"context"
	"testing"
	"time"
)

func TestTheExampleRuns(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	tree, err := run(ctx)
	const want = "send shop\n  process shop\n    send parcels\n      process parcels\n"
	if err != nil || tree != want {
		t.Fatalf("%s%v", tree, err)
	}
}
