package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

func newPing() *cobra.Command {
	var o nodeOptions
	var count int
	var interval time.Duration
	cmd := &cobra.Command{
		Use:   "ping TARGET...",
		Short: "Ask whether targets are there, and how fast they answer",
		Long: text(`
			Connect to a peer, or to the broker of a mailbox, log in, and time how long it takes to answer.
			Nothing is sent to the target and nothing is left there. A mailbox must exist, and how
			many messages and consumers it has is printed, too. A peer that no --peer names is looked for through the broker.

			Several targets are asked at the same time, and have a line each; it fails when one of them does
			not answer.`),
		Example: examples(`
			postrider ping mailbox:jobs
			postrider ping peer:bob --peer bob=127.0.0.1:5681 --count 10 --interval 100ms
			postrider ping peer:bob peer:carol mailbox:jobs --count 1
			postrider ping amqp://127.0.0.1:5681 --json`),
		ValidArgsFunction: completeTargets("peer:", "mailbox:", "amqp://", "amqps://"),
		Args:              cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if count < 1 {
				return usagef("--count %d: want 1 or more", count)
			}
			pingers := make([]*pinger, len(args))
			for i, target := range args {
				t, err := parseTarget(target)
				if err == nil {
					err = t.answering(&o)
				}
				if err != nil {
					return err
				}
				pingers[i] = &pinger{options: &o, target: t, out: cmd.OutOrStdout()}
			}
			if len(pingers) == 1 {
				r, err := pingers[0].run(cmd, count, interval)
				if err != nil {
					return err
				}
				return pingers[0].conclude(r)
			}
			return pingAll(cmd, args, pingers, count, interval)
		},
	}
	f := cmd.Flags()
	o.askFlags(f)
	f.StringArrayVar(&o.peers, "peer", nil, "`NAME=HOST:PORT` or NAME=URL of a node; may be repeated")
	f.IntVar(&count, "count", 4, "`number` of round trips")
	f.DurationVar(&interval, "interval", time.Second, "`duration` from one round trip to the next")
	return cmd
}

// answering checks a target that is to answer.
func (t targetName) answering(o *nodeOptions) error {
	if t.kind == toTopic {
		return usagef("target topic:%s: nobody is there to answer: want peer:NAME, mailbox:NAME or amqp://HOST:PORT/NAME", t.name)
	}
	if err := t.sendable(o); err != nil || t.kind != toPeer {
		return err
	}
	_, err := parsePeers(o.peers)
	return err
}

// pingAll asks several at the same time, and prints what each has answered in the order of the command line.
func pingAll(cmd *cobra.Command, targets []string, pingers []*pinger, count int, interval time.Duration) error {
	pingers[0].options.nodeName() // one for all who look for a peer
	type answer struct {
		report pingReport
		err    error
	}
	answers := make([]answer, len(pingers))
	var asking sync.WaitGroup
	for i, p := range pingers {
		p.quiet = true
		asking.Go(func() {
			r, err := p.run(cmd, count, interval)
			r.Target = targets[i]
			answers[i] = answer{r, err}
		})
	}
	asking.Wait()
	table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	var failed error
	for i, a := range answers {
		if a.err != nil {
			failed = errSilent
			a.report.Error, a.report.Advice = oneLine(a.err), remedy(a.err)
		}
		if pingers[i].options.json {
			if err := json.NewEncoder(cmd.OutOrStdout()).Encode(a.report); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(table, "%s\t%s\n", targets[i], a.report.line())
	}
	return errors.Join(table.Flush(), failed)
}

// line is a report of one of several.
func (r *pingReport) line() string {
	switch {
	case r.Advice != "":
		return r.Error + "; " + r.Advice
	case r.Error != "":
		return r.Error
	}
	return fmt.Sprintf("%s is %s (%s %s), min/avg/max %.0f/%.0f/%.0f µs", r.Address, printable(r.Name), printable(r.Product), printable(r.Version), r.MinUS, r.AvgUS, r.MaxUS)
}
