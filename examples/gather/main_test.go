package main

import (
	"context"
	"testing"
	"time"
)

func TestTheExampleRuns(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	best, err := run(ctx)
	if err != nil || best.Seller == "" || best.Seller == "dave" {
		t.Fatal(best, err)
	}
}
