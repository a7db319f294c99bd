package main

import "testing"

func TestTheExampleRuns(t *testing.T) {
	text, err := run()
	if err != nil {
		t.Fatal(err)
	}
	if text != "hello" {
		t.Fatalf("got %q", text)
	}
}
