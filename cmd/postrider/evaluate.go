package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/postrider-mq/postrider/cmd/postrider/internal/evaluation"
)

// evaluateOptions are the flags of evaluate.
type evaluateOptions struct {
	node   nodeOptions // what there is to say of the broker and its TLS
	work   evaluation.Workload
	body   bodyFlag
	faults string
	needs  []string
	report string
	json   bool
}

func newEvaluate() *cobra.Command {
	o := evaluateOptions{body: bodyFlag{1 << 10}}
	cmd := &cobra.Command{
		Use:   "evaluate",
		Short: "Compare the four ways under your workload and faults, and get advice",
		Long: text(`
			Put your workload on each of the four ways in turn, between processes of this machine, undisturbed and while something
			is broken: the receiver killed, the broker killed, the senders' connection cut. Then say side by side
			what the sender waits for, how soon a handler has a message, how many a second there could be, what became of
			each message, how long it took until all was well again, and what it cost; and which way suits what you need, with
			the figures that say so. It takes less than a minute, and leaves nothing behind.

			Needs, for --need: ` + strings.Join(evaluation.NeedNames(), ", ") + `.`),
		Example: examples(`
			postrider evaluate
			postrider evaluate --need survive-receiver-down,many-workers
			postrider evaluate --rate 2000 --body 200 --senders 4 --receivers 8 --handling 3ms --report report.html
			postrider evaluate --broker amqp://guest:guest@rabbit:5672 --faults receiver,connection --json`),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return interruptibly(cmd.Context(), func(ctx context.Context) error { return evaluate(ctx, cmd, &o) })
		},
	}
	o.flags(cmd.Flags())
	return cmd
}

func (o *evaluateOptions) flags(f *pflag.FlagSet) {
	w := &o.work
	f.Float64Var(&w.Rate, "rate", 500, "`number` of messages a second of all senders together")
	f.Var(&o.body, "body", "`size` of a body, from 40 bytes to 16MiB")
	f.IntVar(&w.Senders, "senders", 2, "`number` of senders, a process each")
	f.IntVar(&w.Receivers, "receivers", 2, "`number` of receivers: processes that share a mailbox, handlers at once of a peer")
	f.DurationVar(&w.Handling, "handling", time.Millisecond, "`duration` that a handler takes for a message")
	f.BoolVar(&w.Transient, "transient", false, "messages need not survive a broker or a receiver")
	f.StringVar(&o.faults, "faults", "receiver,broker,connection", "`list` of what is broken, each in a run of its own: receiver, broker, connection, or none")
	f.DurationVar(&w.Down, "down", 800*time.Millisecond, "`duration` of each fault")
	f.DurationVar(&w.Late, "late", 100*time.Millisecond, "`duration` after which a message that is not handled yet is late")
	f.DurationVar(&w.Each, "each", 2500*time.Millisecond, "`duration` of each of the runs, of which there are up to 14, and 4 short ones at full speed")
	f.DurationVar(&w.Wait, "send-timeout", 500*time.Millisecond, "`duration` after which a Send gives up")
	f.StringSliceVar(&o.needs, "need", nil, "`need` that the way must meet, see above; may be repeated")
	o.node.loadFlags(f)
	f.StringVar(&o.report, "report", "", "`file` for a report in HTML, with plots")
	f.BoolVar(&o.json, "json", false, "print a JSON object in place of the table")
}

// Bounds of a workload.
const (
	mostEvaluatedRate  = 20_000 // the fate of each message is kept
	mostEvaluatedNodes = 50
	mostEvaluatedTime  = time.Minute
)

// check finds what is wrong before anything is started.
func (o *evaluateOptions) check() (needs []evaluation.Need, err error) {
	w := &o.work
	w.Body = int(o.body.sizeFlag)
	switch {
	case !(w.Rate >= 1 && w.Rate <= mostEvaluatedRate): // it may be none: NaN
		return nil, usagef("--rate %g: want 1 to %d messages a second", w.Rate, mostEvaluatedRate)
	case w.Senders < 1 || w.Senders > mostEvaluatedNodes:
		return nil, usagef("--senders %d: want 1 to %d", w.Senders, mostEvaluatedNodes)
	case w.Receivers < 1 || w.Receivers > mostEvaluatedNodes:
		return nil, usagef("--receivers %d: want 1 to %d", w.Receivers, mostEvaluatedNodes)
	case w.Down <= 0 || w.Late <= 0 || w.Wait <= 0 || w.Handling < 0:
		return nil, usagef("--down, --late and --send-timeout want more than 0, and --handling 0 or more")
	case w.Each < 2*w.Down || w.Each > mostEvaluatedTime:
		return nil, usagef("--each %s: want twice --down at least, which is %s, and at most %s", w.Each, 2*w.Down, mostEvaluatedTime)
	case w.Rate*w.Handling.Seconds() > 0.95*float64(w.Receivers):
		return nil, usagef("%s, busy for %s with each of %g messages a second, cannot keep up: give it %.0f, or less to do",
			count(w.Receivers, "receiver"), w.Handling, w.Rate, w.Rate*w.Handling.Seconds()/0.7+0.5)
	}
	if w.Faults, err = evaluation.ParseFaults(o.faults); err != nil {
		return nil, usagef("--faults: %w", err)
	}
	if needs, err = evaluation.ParseNeeds(o.needs); err != nil {
		return nil, usagef("--need: %w", err)
	}
	for _, n := range needs {
		if fault := n.Fault(); fault != "" && !slices.Contains(w.Faults, fault) {
			return nil, usagef("--need %s: it is judged by a run in which that is broken, so --faults has to name %s", n, fault)
		}
	}
	return needs, o.node.checkLoad()
}

func evaluate(ctx context.Context, cmd *cobra.Command, o *evaluateOptions) error {
	needs, err := o.check()
	if err != nil {
		return err
	}
	place := evaluation.Place{Brokers: o.node.brokers}
	if place.Trust, err = o.node.tls(); err != nil {
		return err
	}
	if place.Keys, err = o.node.loadKeys(); err != nil {
		return err
	}
	if place.Program, err = os.Executable(); err != nil {
		return fmt.Errorf("where this program is: %w", err)
	}
	report, err := o.openReport()
	if err != nil {
		return err
	}
	defer report.close()
	status := newScreen(cmd.ErrOrStderr(), os.Stderr, true)
	r, err := evaluation.Run(ctx, place, o.work, status.Doing)
	status.Clear()
	if err != nil {
		return err
	}
	if o.json {
		err = json.NewEncoder(cmd.OutOrStdout()).Encode(r.JSON(needs))
	} else {
		r.Show(newScreen(cmd.OutOrStdout(), os.Stdout, false), needs)
	}
	if err == nil {
		err = report.write(r, needs)
	}
	if err == nil {
		err = r.Err()
	}
	return err
}

// reportFile is the file of the report. It is opened before the minute that there is to report of.
type reportFile struct {
	*os.File // nil without --report
	fresh    bool
}

func (o *evaluateOptions) openReport() (r reportFile, err error) {
	if o.report == "" {
		return r, nil
	}
	_, missing := os.Stat(o.report)
	if r.File, err = os.OpenFile(o.report, os.O_WRONLY|os.O_CREATE, 0o666); err != nil {
		return r, fmt.Errorf("--report: %w", err)
	}
	r.fresh = errors.Is(missing, fs.ErrNotExist)
	return r, nil
}

// write writes the report in place of what was there.
func (f *reportFile) write(r *evaluation.Result, needs []evaluation.Need) error {
	if f.File == nil {
		return nil
	}
	f.fresh = false
	return errors.Join(f.Truncate(0), r.WriteReport(f, needs))
}

// close leaves no empty file behind.
func (f *reportFile) close() {
	if f.File == nil {
		return
	}
	_ = f.Close()
	if f.fresh {
		_ = os.Remove(f.Name())
	}
}
