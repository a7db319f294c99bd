package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/postrider-mq/postrider/cmd/postrider/internal/load"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/screen"
	"github.com/postrider-mq/postrider/cmd/postrider/internal/ways"
	"github.com/postrider-mq/postrider/internal/client"
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
	f.DurationVar(&o.timeout, "timeout", 30*time.Second, "`duration` that a send waits, and that the last confirms may take")
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
	case o.rate < 0:
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

// bencher is a bench under way.
type bencher struct {
	options *benchOptions
	where   load.Where
	shape   load.Shape
	trust   *tls.Config    // of the user's broker
	broker  load.Broker    // that the user has named
	made    bool           // the mailbox did not exist
	at      client.Address // of the user's peer
	out     *screen.Screen
	status  *screen.Screen // on stderr
	cmd     *cobra.Command
}

func newBencher(cmd *cobra.Command, o *benchOptions, target string) (*bencher, error) {
	if err := o.check(cmd); err != nil {
		return nil, err
	}
	b := &bencher{options: o, cmd: cmd, where: load.Where{Brokers: o.node.brokers}}
	var err error
	if b.trust, err = o.node.tls(); err != nil {
		return nil, err
	}
	if b.where.Keys, err = o.node.loadKeys(); err != nil {
		return nil, err
	}
	b.shape = load.Shape{
		Way: ways.MailboxPost, Senders: o.senders, Receivers: o.receivers, Processes: o.processes, Body: int(o.body.sizeFlag), Rate: o.rate,
		For: o.duration, Count: o.count, InFlight: o.inFlight, Prefetch: o.prefetch, Handling: o.handling, Timeout: o.timeout,
		Quiet: o.patience, Transient: o.transient, Handled: o.until == "handled",
	}
	if err := b.aim(target); err != nil {
		return nil, err
	}
	if o.verb == "send" {
		b.shape.Way--
	}
	if b.where.Program, err = os.Executable(); err != nil {
		return nil, fmt.Errorf("where this program is: %w", err)
	}
	b.out = newScreen(cmd.OutOrStdout(), os.Stdout, false)
	b.status = newScreen(cmd.ErrOrStderr(), os.Stderr, true)
	return b, nil
}

// aim understands the target.
func (b *bencher) aim(target string) error {
	switch target {
	case "":
		b.where.Mailbox = load.NewMailbox()
		return nil
	case "peer":
		b.shape.Way, b.where.Brokers = ways.DirectPost, nil
		return nil
	}
	t, err := parseTarget(target)
	if err != nil {
		return err
	}
	switch t.kind {
	case toMailbox:
		b.where.Mailbox = t.name
	case toPeer:
		return b.aimAtPeer(t)
	default:
		return usagef("target %q: want mailbox:NAME, peer, or peer:NAME", target)
	}
	return nil
}

// aimAtPeer understands the name of a node that runs already.
func (b *bencher) aimAtPeer(t targetName) error {
	o := &b.options.node
	if err := t.check(o); err != nil {
		return err
	}
	b.shape.Way, b.shape.Receivers, b.where.Peer, b.where.Brokers = ways.DirectPost, 0, t.name, nil
	if t.unknown(o) != "" {
		b.where.Brokers = o.brokerURLs()
		return nil
	}
	var err error
	b.where.PeerAt, err = o.peerURL(t.name)
	return err
}

// run leaves nothing behind before it reports: whoever reads that may go away at any time.
func (b *bencher) run(ctx context.Context) error {
	l, o, err := b.load(ctx)
	b.status.Clear()
	if err != nil {
		return err
	}
	return b.report(l, o)
}

// load runs the load, and tidies up.
func (b *bencher) load(ctx context.Context) (l *load.Load, o *load.Outcome, err error) {
	if b.where.Dir, err = os.MkdirTemp("", "postrider-bench-"); err != nil {
		return nil, nil, err
	}
	defer os.RemoveAll(b.where.Dir)
	if err := b.look(ctx); err != nil {
		return nil, nil, err
	}
	b.status.Doing("starting")
	l, err = load.Open(ctx, b.where, b.shape)
	defer b.tidy()
	defer l.Close()
	if err == nil {
		o, err = b.measure(ctx, l)
	}
	return l, o, err
}

// look makes sure that the load takes nobody's messages, and that a peer is there.
func (b *bencher) look(ctx context.Context) (err error) {
	switch {
	case b.where.Peer != "":
		b.at, err = b.lookAtPeer(ctx)
		return err
	case len(b.where.Brokers) == 0:
		return nil
	}
	var exists bool
	b.broker, exists, err = load.Look(ctx, b.where.Brokers[0], b.where.Mailbox, b.trust)
	b.made = err == nil && !exists
	return err
}

// lookAtPeer sees that a peer is there, and lets us in, and says where.
func (b *bencher) lookAtPeer(ctx context.Context) (at client.Address, err error) {
	o := &b.options.node
	var places []client.Address
	if b.where.PeerAt == "" {
		places, err = findPeer(b.cmd, o, b.where.Peer)
	} else if at, err = client.ParseURL(b.where.PeerAt); err == nil {
		places = []client.Address{at}
	}
	for _, at = range places {
		l, failed := o.dial(ctx, at)
		if failed == nil {
			l.Close()
			return at, nil
		}
		err = unreachable(at.String(), failed)
	}
	return at, err
}

// tidy removes a mailbox that was made.
func (b *bencher) tidy() {
	if !b.made {
		return
	}
	if err := load.Remove(context.Background(), b.where.Brokers[0], b.where.Mailbox, b.trust); err != nil {
		fmt.Fprintf(b.cmd.ErrOrStderr(), "postrider: mailbox %s is left behind: %s\n", b.where.Mailbox, oneLine(err))
	}
}

// measure runs the load, and tells how far it is on a terminal.
func (b *bencher) measure(ctx context.Context, l *load.Load) (*load.Outcome, error) {
	if !isLive(os.Stderr) {
		return l.Run(ctx, nil)
	}
	watching, stop := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		b.watch(watching, l)
	}()
	o, err := l.Run(ctx, nil)
	stop()
	<-watched
	return o, err
}

// watch shows progress until ctx ends.
func (b *bencher) watch(ctx context.Context, l *load.Load) {
	var last load.Progress
	began := time.Now()
	for wait(ctx, time.Second) {
		p, err := l.Progress(ctx)
		if err != nil {
			return
		}
		b.status.Doing("%s: sent %s/s, received %s/s, %s sent so far", time.Since(began).Round(time.Second),
			screen.Grouped(int(p.Sent-last.Sent)), screen.Grouped(int(p.Got-last.Got)), screen.Grouped(int(p.Sent)))
		last = p
	}
}

// report tells what came of it, and fails if it is not what has to be.
func (b *bencher) report(l *load.Load, o *load.Outcome) error {
	if b.options.json {
		f := struct {
			Target  string       `json:"target"`
			Broker  string       `json:"broker,omitempty"`
			Product string       `json:"product,omitempty"`
			Shape   benchShape   `json:"load"`
			Result  load.Figures `json:"result"`
		}{b.target(l), b.broker.Address, strings.TrimSpace(b.broker.Product + " " + b.broker.Version), b.shapeFigures(), o.Figures()}
		if err := json.NewEncoder(b.cmd.OutOrStdout()).Encode(f); err != nil {
			return err
		}
	} else {
		b.introduce(l)
		o.Show(b.out, b.shape.Body)
		b.out.Line("")
		b.verdict(o)
	}
	if err := o.Err(); err != nil {
		if logs := l.Logs(); logs != "" && !b.options.json {
			b.out.Line("\n%s", logs)
		}
		return err
	}
	return nil
}

// benchShape is the load, as --json prints it.
type benchShape struct {
	Verb      string  `json:"verb"`
	Senders   int     `json:"senders"`
	Receivers int     `json:"receivers"`
	Processes int     `json:"processes"`
	Body      int     `json:"bodyBytes"`
	Rate      float64 `json:"rate,omitempty"`
	InFlight  int     `json:"inFlight"`
	Transient bool    `json:"transient,omitempty"`
	Handled   bool    `json:"untilHandled,omitempty"`
}

func (b *bencher) shapeFigures() benchShape {
	s := &b.shape
	return benchShape{b.options.verb, s.Senders, s.Receivers, s.Processes, s.Body, s.Rate, s.InFlight, s.Transient, s.Handled}
}

func (b *bencher) target(l *load.Load) string {
	switch {
	case !b.shape.Way.Direct():
		return "mailbox " + l.Mailbox()
	case b.where.Peer != "":
		return "peer " + b.where.Peer
	}
	return "a peer"
}

// introduce says what was measured.
func (b *bencher) introduce(l *load.Load) {
	s, where := &b.shape, "a node of its own on this machine"
	switch {
	case b.broker.Address != "":
		where = fmt.Sprintf("%s (%s %s)", b.broker.Address, b.broker.Product, b.broker.Version)
	case !s.Way.Direct():
		where = "a broker of its own on this machine: postrider serve, " + l.Broker()
	case b.where.Peer != "":
		where = b.at.String()
	}
	kept := "persistent"
	if s.Transient {
		kept = "transient"
	}
	pace := "as fast as it goes"
	if s.Rate > 0 {
		pace = fmt.Sprintf("%s messages a second, timed from when they were due", screen.Grouped(int(s.Rate)))
	}
	flight := fmt.Sprintf("at most %s unconfirmed each", screen.Grouped(s.InFlight))
	if s.Way.Waits() {
		flight = fmt.Sprintf("%d at once each", s.InFlight)
		if s.InFlight == 1 {
			flight = "one after the other"
		}
	}
	b.out.Item("target", "%s at %s", b.target(l), where)
	b.out.Item("load", "%s: %s, %s; %s; bodies of %s bytes, %s; %s", count(s.Senders, "sender"), strings.ToUpper(b.options.verb[:1])+b.options.verb[1:], flight,
		count(s.Receivers, "receiver"), screen.Grouped(s.Body), kept, pace)
}

func count(n int, what string) string { return several(n, what, what+"s") }

// several is count for what has another plural.
func several(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// verdict says what was checked.
func (b *bencher) verdict(o *load.Outcome) {
	for _, wrong := range o.Wrong() {
		b.out.Check(false, wrong)
	}
	switch {
	case len(o.Wrong()) > 0:
	case !o.Received:
		b.out.Check(true, fmt.Sprintf("all %s were confirmed; what came of them is not known here", screen.Grouped(int(o.Confirmed))))
	default:
		order := ", each sender's in order"
		if !o.Ordered {
			order = "; order is not checked where a process handles several at once"
		}
		b.out.Check(true, fmt.Sprintf("all %s confirmed messages came, undamaged%s; %s came twice",
			screen.Grouped(int(o.Confirmed)), order, screen.Grouped(int(o.Repeated))))
	}
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
