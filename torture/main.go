// Command torture kills a broker again and again while real clients use it, and checks from outside that it keeps its
// promises. README.md says how.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/postrider-mq/postrider/torture/broker"
	"github.com/postrider-mq/postrider/torture/killing"
)

func main() {
	var cfg killing.Config
	flag.DurationVar(&cfg.For, "for", time.Minute, "how long, at least")
	flag.IntVar(&cfg.Kills, "kills", 1, "how many kills, at least")
	flag.Uint64Var(&cfg.Seed, "seed", 0, "of what is left to chance; 0 takes a new one")
	report := flag.String("report", "", "`file` for the report, besides stdout")
	segment := flag.String("segment-size", "256KiB", "of the journal; small ones are compacted all the time")
	race := flag.Bool("race", false, "build the broker with the race detector")
	flag.Parse()
	cfg.Log = os.Stderr
	cfg.Flags = []string{"--segment-size", *segment}
	if cfg.Seed == 0 {
		cfg.Seed = rand.Uint64()
	}
	if err := run(cfg, *report, *race); err != nil {
		fmt.Fprintln(os.Stderr, "torture:", err)
		os.Exit(1)
	}
}

func run(cfg killing.Config, path string, race bool) (err error) {
	if cfg.Dir, err = os.MkdirTemp("", "postrider-torture-"); err != nil {
		return err
	}
	var flags []string
	if race {
		flags = append(flags, "-race")
	}
	if cfg.Program, err = broker.Build("..", cfg.Dir, flags...); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "seed %d, in %s\n", cfg.Seed, cfg.Dir)
	report, err := killing.Torture(cfg)
	text := report.String()
	fmt.Print(text)
	if path != "" {
		err = errors.Join(err, write(path, text))
	}
	if err != nil {
		return fmt.Errorf("%w\neverything is kept in %s", err, cfg.Dir)
	}
	return os.RemoveAll(cfg.Dir)
}

func write(path, text string) error {
	f, err := os.Create(filepath.Clean(path))
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, "# Torture\n\nWhat `make torture` wrote last; [torture/README.md](../torture/README.md) says how it is done.\n\n"+time.Now().UTC().Format(time.DateOnly)+"\n\n"+text)
	return errors.Join(err, f.Close())
}
