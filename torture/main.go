// Command torture kills a broker again and again while real clients use it, and then nodes of the Go API and their broker, and checks from
// outside that they keep their promises. README.md says how.
package main

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"github.com/postrider-mq/postrider/torture/broker"
	"github.com/postrider-mq/postrider/torture/killing"
	"github.com/postrider-mq/postrider/torture/node"
	"github.com/postrider-mq/postrider/torture/nodes"
)

// options are the flags.
type options struct {
	length  time.Duration
	kills   int
	seed    uint64
	report  string
	only    string
	segment string
	race    bool
}

func main() {
	node.Main() // is this one of the nodes?
	var o options
	flag.DurationVar(&o.length, "for", time.Minute, "how long, at least, in all")
	flag.IntVar(&o.kills, "kills", 1, "how many kills, at least, in each part")
	flag.Uint64Var(&o.seed, "seed", 0, "of what is left to chance; 0 takes a new one")
	flag.StringVar(&o.report, "report", "", "`file` for the report, besides stdout")
	flag.StringVar(&o.only, "only", "", "one `part` alone: brokers, nodes, or rabbitmq, which is not among the others")
	flag.StringVar(&o.segment, "segment-size", "256KiB", "of the journal under AMQP clients; small ones are compacted all the time")
	flag.BoolVar(&o.race, "race", false, "build the broker with the race detector; the nodes have it from `go run -race`")
	flag.Parse()
	if o.seed == 0 {
		o.seed = rand.Uint64()
	}
	if err := o.run(); err != nil {
		fmt.Fprintln(os.Stderr, "torture:", err)
		os.Exit(1)
	}
}

// part is one kind of torture. It is given the broker's program, and a directory that stays when something went wrong.
type part struct {
	name, title string
	torture     func(o *options, program, dir string, length time.Duration) (report string, err error)
}

var parts = []part{
	{"brokers", "The broker under AMQP clients", func(o *options, program, dir string, length time.Duration) (string, error) {
		report, err := killing.Torture(killing.Config{
			Program: program, Dir: dir, Seed: o.seed, Kills: o.kills, For: length, Flags: []string{"--segment-size", o.segment}, Log: os.Stderr,
		})
		return report.String(), err
	}},
	{"nodes", "Nodes of the Go API and their broker", func(o *options, program, dir string, length time.Duration) (string, error) {
		return o.nodes(program, dir, length, false)
	}},
	{"rabbitmq", "Nodes of the Go API and RabbitMQ", func(o *options, program, dir string, length time.Duration) (string, error) {
		return o.nodes(program, dir, length, true)
	}},
}

// usual is how many of the parts there are without -only.
const usual = 2

func (o *options) nodes(program, dir string, length time.Duration, rabbit bool) (string, error) {
	report, err := nodes.Torture(nodes.Config{
		Program: program, Dir: dir, Seed: o.seed, Kills: o.kills, For: length, Log: os.Stderr, RabbitMQ: rabbit,
	})
	return report.String(), err
}

func (o *options) run() error {
	chosen := parts[:usual]
	if o.only != "" {
		chosen = nil
		for _, p := range parts {
			if p.name == o.only {
				chosen = append(chosen, p)
			}
		}
		if chosen == nil {
			return fmt.Errorf("-only %s: there are brokers, nodes and rabbitmq", o.only)
		}
	}
	bin, err := os.MkdirTemp("", "postrider-torture-program-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(bin)
	var flags []string
	if o.race {
		flags = append(flags, "-race")
	}
	program, err := broker.Build("..", bin, flags...)
	if err != nil {
		return err
	}
	for _, p := range chosen {
		if err := p.run(o, program, o.length/time.Duration(len(chosen))); err != nil {
			return err
		}
	}
	return nil
}

func (p *part) run(o *options, program string, length time.Duration) error {
	dir, err := os.MkdirTemp("", "postrider-torture-")
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s: seed %d, in %s\n", p.name, o.seed, dir)
	text, err := p.torture(o, program, dir, length)
	fmt.Print(text)
	if o.report != "" {
		err = errors.Join(err, writeSection(o.report, p.title, text))
	}
	if err != nil {
		return fmt.Errorf("%w\neverything is kept in %s", err, dir)
	}
	return os.RemoveAll(dir)
}
