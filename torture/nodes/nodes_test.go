package nodes

import (
	"log"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/postrider-mq/postrider/torture/broker"
	"github.com/postrider-mq/postrider/torture/node"
)

// program is the broker: the real one, without the race detector. The nodes are this test, with what it was built with.
var program string

func TestMain(m *testing.M) {
	node.Main()
	dir, err := os.MkdirTemp("", "postrider-torture-program-")
	if err != nil {
		log.Fatal(err)
	}
	if program, err = broker.Build("../..", dir); err != nil {
		log.Fatal(err)
	}
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		log.Fatal(err)
	}
	os.Exit(code)
}

func TestNodesAndTheirBrokerAreKilled(t *testing.T) {
	dir, err := os.MkdirTemp("", "postrider-torture-nodes-")
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Program: program, Dir: dir, Seed: rand.Uint64(), Kills: 10, For: 18 * time.Second, Log: os.Stderr}
	t.Logf("seed %d", cfg.Seed)
	report, err := Torture(cfg)
	t.Logf("\n%s", report.String())
	if err != nil {
		t.Fatalf("%v\neverything is kept in %s", err, dir)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Error(err)
	}
}
