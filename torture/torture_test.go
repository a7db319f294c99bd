package main

import (
	"math/rand/v2"
	"os"
	"testing"

	"github.com/postrider-mq/postrider/torture/broker"
	"github.com/postrider-mq/postrider/torture/killing"
)

// program builds the broker, once for each test: the real one, without the race detector.
func program(t *testing.T) string {
	t.Helper()
	path, err := broker.Build("..", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// keptDir is a directory that goes with the test if it passes, and stays if it fails.
func keptDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "postrider-torture-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("everything is kept in %s", dir)
			return
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestKilledSixtyTimes(t *testing.T) {
	cfg := killing.Config{
		Program: program(t), Dir: keptDir(t), Seed: rand.Uint64(), Kills: 60,
		Flags: []string{"--segment-size", "256KiB"}, Log: os.Stderr,
	}
	t.Logf("seed %d", cfg.Seed)
	report, err := killing.Torture(cfg)
	t.Logf("\n%s", report.String())
	if err != nil {
		t.Fatal(err)
	}
}
