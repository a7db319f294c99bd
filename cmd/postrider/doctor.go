package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/fatih/color"
	"github.com/spf13/cobra"

	"github.com/postrider-mq/postrider/cmd/postrider/internal/screen"
	"github.com/postrider-mq/postrider/internal/client"
)

// doctorOptions are the flags of doctor.
type doctorOptions struct {
	nodeOptions
	listens []string
	message boundedFlag
}

func newDoctor() *cobra.Command {
	var o doctorOptions
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Find out what is wrong with this installation",
		Long: text(`
			Look at what a broker and its clients need: open files, memory, the clock, the data directory and its
			disk, the addresses to listen on, the certificates, and the broker itself. Give it those of the flags below
			that postrider serve and its clients get; what serve gets as --tls-listen is another --listen here.

			Each line says that something is ok, or a warning, or a problem, and what to do about it. Nothing is
			changed; a small file is written to the data directory and removed, to see how fast its disk is. At a broker
			that is reached over a network the default password is tried. The exit code is 1 when there are problems.`),
		Example: examples(`
			postrider doctor
			postrider doctor --dir /var/lib/postrider --listen :5671 --tls-cert cert.pem --tls-key key.pem
			postrider doctor --broker amqps://mq1 --tls-ca ca.pem
			postrider doctor --json | jq 'select(.verdict != "ok")'`),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, url := range o.brokerURLs() {
				if _, err := client.ParseURL(url); err != nil {
					return usagef("--broker: %w", err)
				}
			}
			if err := o.useKeys(); err != nil {
				return err
			}
			d := &doctor{o: &o, tell: tellIn(cmd.OutOrStdout(), o.json)}
			d.examine(cmd.Context())
			switch {
			case cmd.Context().Err() != nil:
				return errInterrupted
			case d.failed != nil:
				return fmt.Errorf("stdout: %w", d.failed)
			case d.problems > 0:
				return errSilent
			}
			return nil
		},
	}
	f := cmd.Flags()
	o.askFlags(f)
	f.StringVar(&o.dir, "dir", "./postrider-data", "data `directory` of the broker")
	f.StringArrayVar(&o.listens, "listen", []string{"127.0.0.1:5672"}, "`address` that the broker is to listen on; may be repeated")
	o.message = ofMemory
	f.Var(&o.message, "message-memory", "`size` that serve gets as --message-memory")
	return cmd
}

// verdict is how a check ended.
type verdict string

const (
	fine    verdict = "ok"
	warning verdict = "warning"
	problem verdict = "problem"
)

// finding is what --json prints of one check.
type finding struct {
	Check   string  `json:"check"`
	Verdict verdict `json:"verdict"`
	Found   string  `json:"found"`
	Advice  string  `json:"advice,omitempty"`
}

// doctor looks at one thing after the other.
type doctor struct {
	o        *doctorOptions
	tell     func(finding) error
	problems int
	failed   error // to tell
	paired   bool  // --tls-cert and --tls-key can be used
}

func (d *doctor) examine(ctx context.Context) {
	d.system()
	d.memory()
	d.clock()
	d.directory(ctx)
	d.certificates(time.Now())
	d.brokers(ctx)
	for _, address := range d.o.listens {
		d.listening(ctx, address)
	}
}

func (d *doctor) ok(check, format string, args ...any) {
	d.found(finding{check, fine, fmt.Sprintf(format, args...), ""})
}

func (d *doctor) warn(check, advice, format string, args ...any) {
	d.found(finding{check, warning, fmt.Sprintf(format, args...), advice})
}

func (d *doctor) bad(check, advice, format string, args ...any) {
	d.found(finding{check, problem, fmt.Sprintf(format, args...), advice})
}

func (d *doctor) found(f finding) {
	if f.Verdict == problem {
		d.problems++
	}
	if err := d.tell(f); err != nil && d.failed == nil {
		d.failed = err
	}
}

// tellIn prints findings as lines for people, or as JSON.
func tellIn(w io.Writer, asJSON bool) func(finding) error {
	if asJSON {
		encoder := json.NewEncoder(w)
		return func(f finding) error { return encoder.Encode(f) }
	}
	s := screen.New(w, isTerminal(w) && !color.NoColor, false)
	colour := map[verdict]*color.Color{fine: s.Good, warning: s.Fair, problem: s.Bad}
	return func(f finding) error {
		_, err := fmt.Fprintf(w, "%s  %-12s  %s\n", colour[f.Verdict].Sprintf("%-7s", f.Verdict), f.Check, printable(f.Found))
		if err == nil && f.Advice != "" {
			_, err = fmt.Fprintf(w, "%23s%s\n", "", f.Advice)
		}
		return err
	}
}
