package main

import (
	"log"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/postrider-mq/postrider/torture/broker"
	"github.com/postrider-mq/postrider/torture/killing"
)

// program is the broker: the real one, without the race detector.
var program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "postrider-torture-program-")
	if err != nil {
		log.Fatal(err)
	}
	if program, err = broker.Build("..", dir); err != nil {
		log.Fatal(err)
	}
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		log.Fatal(err)
	}
	os.Exit(code)
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
		Program: program, Dir: keptDir(t), Seed: rand.Uint64(), Kills: 60,
		Flags: []string{"--segment-size", "256KiB"}, Log: os.Stderr,
	}
	t.Logf("seed %d", cfg.Seed)
	report, err := killing.Torture(cfg)
	t.Logf("\n%s", report.String())
	if err != nil {
		t.Fatal(err)
	}
}
