package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/postrider-mq/postrider/cmd/postrider/internal/load"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/screen"
)

// benchOptions are the flags of bench.
type benchOptions struct {
	node      nodeOptions // what there is to say of the broker, the peer and their TLS
	verb      string
	until     string
	senders   int
	receivers int
	processes int
	inFlight  int
	prefetch  int
	body      bodyFlag
	rate      float64
	count     uint64
	duration  time.Duration
	handling  time.Duration
	timeout   time.Duration
	patience  time.Duration
	transient bool
	json      bool
}

func newBench() *cobra.Command {
	o := benchOptions{body: bodyFlag{1 << 10}}
	cmd := &cobra.Command{
		Use:   "bench [TARGET]",
		Short: "Put a load on a mailbox or a peer, and measure",
		Long: text(`
			Send messages from processes of their own, receive them in others, check that each came once, in order and
			undamaged, and tell how many a second there were and how long they took. It fails when a confirmed message is missing.

			TARGET is one of these:

			  (nothing)          a mailbox on the broker of --broker or $POSTRIDER_BROKER, RabbitMQ or another, or
			                     on one that is started for it: postrider serve with a journal in a temporary directory
			  mailbox:NAME       that mailbox; it must be empty, and is left there
			  peer               a node that is started for it, with its inbox on disk (--transient: in memory)
			  peer:NAME          a node that runs already, at --peer NAME=HOST:PORT or found through the broker; it has
			                     to handle what comes, and it is not known here what does

			Senders are processes, up to --processes of them, and so are receivers; those of one process share its
			connections. Receivers of a peer share its one process. Nobody waits for the clock: with --rate a message is sent when it is
			due, be those before it done or not, and every latency counts from when it was due, so that a slow
			target cannot hide. Without, senders go as fast as they can, and one post in 32 is timed.`),
		Example: examples(`
			postrider bench
			postrider bench --broker amqp://guest:guest@rabbit:5672 --senders 4 --receivers 4 --rate 5000
			postrider bench --verb send --in-flight 16 --duration 30s
			postrider bench --broker amqps://mq1 --name alice --keys ./postrider-keys
			postrider bench peer --transient --body 100 --count 1000000 --json`),
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			target := ""
			if len(args) > 0 {
				target = args[0]
			}
			b, err := newBencher(cmd, &o, target)
			if err != nil {
				return err
			}
			return interruptibly(cmd.Context(), b.run)
		},
	}
	o.flags(cmd.Flags())
	return cmd
}

func (o *benchOptions) flags(f *pflag.FlagSet) {
	o.node.loadFlags(f)
	f.StringArrayVar(&o.node.peers, "peer", nil, "`NAME=HOST:PORT` or NAME=URL of a node that runs already (default whoever answers to that name through the broker)")
	f.StringVar(&o.verb, "verb", "post", "`verb` to send with: post goes on, send waits for each message")
	f.StringVar(&o.until, "until", "", "`grade` at which a message counts as confirmed: handled, when its handler has returned; or when it is in the inbox or stored, the default")
	f.IntVar(&o.senders, "senders", 1, "`number` of senders")
	f.IntVar(&o.receivers, "receivers", 1, "`number` of receivers; 0: nobody receives")
	f.IntVar(&o.processes, "processes", 8, "`number` of processes that senders, and receivers, are spread over at most")
	f.IntVar(&o.inFlight, "in-flight", 0, "`number` of unconfirmed posts of a sender (default 1024), or of its sends at once (default 1)")
	f.IntVar(&o.prefetch, "prefetch", 0, "`number` of messages that are on their way to a receiving process (default 256)")
	f.Var(&o.body, "body", "`size` of a body, from 40 bytes to 16MiB")
	f.Float64Var(&o.rate, "rate", 0, "`number` of messages a second of all senders together (default as fast as it goes)")
	f.Uint64Var(&o.count, "count", 0, "`number` of messages of all senders together (default as many as --duration lets)")
	f.DurationVar(&o.duration, "duration", 10*time.Second, "`duration` of the load (default with --count: as long as it takes)")
	f.DurationVar(&o.handling, "handling", 0, "`duration` that a handler takes for a message")
	f.DurationVar(&o.timeout, "timeout", 30*time.Second, "`duration` that a send waits, and for which no post may be confirmed before the load is given up")
	f.DurationVar(&o.patience, "patience", 5*time.Second, "`duration` for which nothing may come before what is missing counts as lost")
	f.BoolVar(&o.transient, "transient", false, "messages need not survive the broker or the peer")
	f.BoolVar(&o.json, "json", false, "print a JSON object in place of the report")
}

// bodyFlag is the size of a body.
type bodyFlag struct{ sizeFlag }

func (b *bodyFlag) Set(text string) (err error) {
	if n, err := strconv.ParseUint(text, 10, 31); err == nil && n >= load.LeastBody && n <= load.MostBody {
		b.sizeFlag = sizeFlag(n)
		return nil
	}
	b.sizeFlag, err = parseSize(text, load.LeastBody, load.MostBody)
	return err
}

// Bounds of a load.
const (
	mostOfAKind  = 500 // senders, or receivers
	mostInFlight = 1_000_000
)

// check finds what is wrong before anything is started.
func (o *benchOptions) check(cmd *cobra.Command) error {
	switch {
	case o.verb != "post" && o.verb != "send":
		return usagef("--verb %s: want post or send", o.verb)
	case o.until != "" && o.until != "handled":
		return usagef("--until %s: want handled, or leave it out", o.until)
	case o.senders < 1 || o.senders > mostOfAKind:
		return usagef("--senders %d: want 1 to %d", o.senders, mostOfAKind)
	case o.receivers < 0 || o.receivers > mostOfAKind:
		return usagef("--receivers %d: want 0 to %d", o.receivers, mostOfAKind)
	case o.until == "handled" && o.receivers == 0:
		return usagef("--until handled waits for handlers, and --receivers 0 says that there are none")
	case o.processes < 1:
		return usagef("--processes %d: want 1 or more", o.processes)
	case o.inFlight < 0 || o.prefetch < 0:
		return usagef("--in-flight and --prefetch: want 1 or more")
	case o.inFlight > mostInFlight:
		return usagef("--in-flight %d: want %d at most", o.inFlight, mostInFlight)
	case !(o.rate >= 0) || math.IsInf(o.rate, 0): // it may be none: NaN
		return usagef("--rate %g: want a number of messages a second", o.rate)
	case o.duration <= 0 || o.timeout <= 0 || o.patience <= 0 || o.handling < 0:
		return usagef("--duration, --timeout and --patience want more than 0")
	}
	if err := o.node.checkLoad(); err != nil {
		return err
	}
	if o.count > 0 && !cmd.Flags().Changed("duration") {
		o.duration = 24 * time.Hour
	}
	if o.inFlight == 0 {
		o.inFlight = map[string]int{"post": 1024, "send": 1}[o.verb]
	}
	return nil
}

func count(n int, what string) string { return several(n, what, what+"s") }

// several is count for what has another plural.
func several(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// newScreen is a screen on a file that is a terminal or not.
func newScreen(out io.Writer, file *os.File, live bool) *screen.Screen {
	return screen.New(out, colourful(file), live && isLive(file))
}

// newLoadNode is what bench and evaluate start as senders and receivers.
func newLoadNode() *cobra.Command {
	return newChild(load.NodeVerb, "Be a sender or a receiver of a load", func(cmd *cobra.Command) error {
		read := func(k load.Keys) (*tls.Config, error) {
			o := nodeOptions{tlsCA: k.CA, tlsCert: k.Cert, tlsKey: k.Key}
			return o.tls()
		}
		return load.Node(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr(), read)
	})
}
