package main

import (
	"context"
	"maps"
	"testing"
	"time"
)

func TestTheExampleRuns(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	seen, err := run(ctx)
	if want := map[string]int{"everything": 3, "europe": 2, "audit": 3}; err != nil || !maps.Equal(seen, want) {
		t.Fatal(seen, err)
	}
}
