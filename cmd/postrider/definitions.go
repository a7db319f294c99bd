package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/postrider-mq/postrider/broker"
)

func newDefinitions() *cobra.Command {
	var o owner
	cmd := &cobra.Command{
		Use:   "definitions",
		Short: "Import and export users, virtual hosts, queues, exchanges, bindings and policies",
		Long: text(`
			Definitions are what a broker is made of, without the messages, in RabbitMQ's JSON:
			a file that a RabbitMQ exported can be imported here, and the other way round, most passwords excepted: see the help of export.`),
		Example: examples(`
			postrider definitions export broker.json
			postrider definitions import broker.json
			rabbitmqctl export_definitions - | postrider definitions import -`),
	}
	o.flags(cmd)
	cmd.AddCommand(definitionsImport(&o), definitionsExport(&o))
	return cmd
}

// definitionsPath is that of the whole broker, or of a virtual host.
func definitionsPath(vhost string) string {
	if vhost == "" {
		return resource("definitions")
	}
	return resource("definitions", vhost)
}

func definitionsExport(o *owner) *cobra.Command {
	var vhost string
	cmd := &cobra.Command{
		Use:   "export [FILE|-]",
		Short: "Write the definitions to a file, or to stdout",
		Long: text(`
			Write the definitions to a file that its owner alone can read, for it has hashes of
			passwords; or to stdout, or to a pipe or link that is there. Those that RabbitMQ does not know are in a field that it
			ignores: users whose passwords were set here, or who have entered here since they came from a RabbitMQ, need new ones there.`),
		Example: examples(`
			postrider definitions export
			postrider definitions export broker.json
			postrider definitions export --vhost shop shop.json`),
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			answer, err := o.send(cmd.Context(), http.MethodGet, definitionsPath(vhost), "", nil)
			if err != nil {
				return absent(err, "there is no virtual host %s: see postrider vhost list", vhost)
			}
			defer answer.Body.Close()
			text, err := io.ReadAll(answer.Body)
			if err != nil {
				return err
			}
			var pretty bytes.Buffer
			if err := json.Indent(&pretty, text, "", "  "); err != nil {
				return err
			}
			if len(args) == 0 || args[0] == "-" {
				_, err := cmd.OutOrStdout().Write(pretty.Bytes())
				return err
			}
			return export(args[0], pretty.Bytes())
		},
	}
	cmd.Flags().StringVar(&vhost, "vhost", "", "one `virtual host` alone, whose name is then not in the file")
	return cmd
}

// export writes a whole file, or to what is no file, as /dev/stdout and a pipe are, and must not become one.
func export(path string, text []byte) error {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return os.WriteFile(path, text, 0o600)
	}
	return writeWhole(path, text)
}

func definitionsImport(o *owner) *cobra.Command {
	var vhost string
	cmd := &cobra.Command{
		Use:   "import [FILE|-]",
		Short: "Make what a definitions file says, in addition to what is there",
		Long: text(`
			Make what a definitions file says. What exists already stays, so the same file may
			be imported again. An import goes on after a problem; each is named with its place
			in the file, and the exit code is 1 then. What has no effect here is named, too. Of an import that is interrupted a part is done:
			import the file again.`),
		Example: examples(`
			postrider definitions import broker.json
			postrider definitions import --vhost shop shop.json
			rabbitmqctl export_definitions - | postrider definitions import -`),
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, text, err := readInput(cmd, args)
			if err != nil {
				return err
			}
			answer, err := o.send(cmd.Context(), http.MethodPost, definitionsPath(vhost), "application/x-ndjson", bytes.NewReader(text))
			if err != nil {
				return partly(absent(err, "there is no virtual host %s: see postrider vhost list", vhost))
			}
			defer answer.Body.Close()
			report, err := follow(answer.Body, progressTo(cmd.ErrOrStderr()))
			if err != nil {
				return fmt.Errorf("%s: %w", name, partly(stopped(cmd.Context(), err)))
			}
			return report.show(cmd, o.json)
		},
	}
	cmd.Flags().StringVar(&vhost, "vhost", "", "put everything into this `virtual host`, which must exist")
	return cmd
}

// partly says of an import that was interrupted how it leaves things.
func partly(err error) error {
	if errors.Is(err, errInterrupted) {
		return remedied{err, "a part may have been imported, and stays: import the file again for the rest"}
	}
	return err
}

// readInput reads a file, or stdin, and says what a person calls it.
func readInput(cmd *cobra.Command, args []string) (name string, text []byte, err error) {
	if name = "stdin"; len(args) == 0 || args[0] == "-" {
		text, err = readAll(cmd.Context(), cmd.InOrStdin())
	} else {
		name = args[0]
		text, err = os.ReadFile(name)
	}
	if err == nil {
		err = notEmpty(name, text)
	}
	return name, text, err
}

// notEmpty is an error of what whoever was to write definitions has not written. The broker itself takes it for no definitions, as RabbitMQ does.
func notEmpty(name string, text []byte) error {
	if len(bytes.TrimSpace(text)) == 0 {
		return fmt.Errorf("%s is empty: no definitions are {}", name)
	}
	return nil
}

// importReport is what a broker says of an import.
type importReport struct {
	Imported map[string]int `json:"imported"`
	Problems []importNote   `json:"problems"`
	Warnings []importNote   `json:"warnings"`
	More     int            `json:"more,omitempty"`
}

type importNote struct {
	Place string `json:"place"`
	Text  string `json:"text"`
}

// follow reads the lines of an import to its end.
func follow(r io.Reader, progress func(text string)) (*importReport, error) {
	for lines := json.NewDecoder(r); ; {
		var l struct {
			Progress *struct {
				Part        string
				Done, Total int
			}
			Report *importReport
			Error  string
		}
		switch err := lines.Decode(&l); {
		case err == io.EOF, errors.Is(err, io.ErrUnexpectedEOF):
			return nil, errors.New("the broker ended before the import did; import the file again")
		case err != nil:
			return nil, fmt.Errorf("the broker's answer: %w", err)
		case l.Progress != nil:
			progress(fmt.Sprintf("%s: %d of %d", l.Progress.Part, l.Progress.Done, l.Progress.Total))
		case l.Error != "":
			return nil, errors.New(l.Error)
		case l.Report != nil:
			progress("")
			return l.Report, nil
		}
	}
}

// progressTo keeps one line of a terminal up to date, and says nothing elsewhere.
func progressTo(w io.Writer) func(string) {
	if !isTerminal(w) {
		return func(string) {}
	}
	return func(text string) { fmt.Fprintf(w, "\r\x1b[K%s", text) }
}

// show prints the report; problems make it an error.
func (r *importReport) show(cmd *cobra.Command, asJSON bool) error {
	out, stderr := cmd.OutOrStdout(), cmd.ErrOrStderr()
	if asJSON {
		if err := json.NewEncoder(out).Encode(r); err != nil {
			return err
		}
	} else {
		for _, n := range r.Warnings {
			fmt.Fprintf(stderr, "note: %s: %s\n", printable(n.Place), printable(n.Text))
		}
		for _, n := range r.Problems {
			fmt.Fprintf(stderr, "problem: %s: %s\n", printable(n.Place), printable(n.Text))
		}
		if r.More > 0 {
			fmt.Fprintf(stderr, "and %d more\n", r.More)
		}
		fmt.Fprintln(out, r.summary())
	}
	if len(r.Problems) > 0 {
		return errSilent
	}
	return nil
}

// summary is how much was imported, as in "imported 3 queues, 1 users".
func (r *importReport) summary() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(r.Imported)) {
		parts = append(parts, fmt.Sprintf("%s: %d", strings.ReplaceAll(name, "_", " "), r.Imported[name]))
	}
	if len(parts) == 0 {
		return "imported nothing"
	}
	return "imported " + strings.Join(parts, ", ")
}

// loadDefinitions imports the file of --definitions, before anybody is let in.
func (o *serveOptions) loadDefinitions(ctx context.Context, b *broker.Broker, log *slog.Logger) error {
	if o.definitions == "" {
		return nil
	}
	text, err := os.ReadFile(o.definitions)
	if err != nil {
		return fmt.Errorf("--definitions: %w", err)
	}
	if err := notEmpty(o.definitions, text); err != nil {
		return fmt.Errorf("--definitions: %w", err)
	}
	report, err := b.ImportDefinitions(ctx, text)
	if err != nil {
		return fmt.Errorf("--definitions %s: %w", o.definitions, err)
	}
	for _, note := range report.Warnings {
		log.Warn("definitions: " + note)
	}
	for _, problem := range report.Problems {
		log.Error("definitions: " + problem)
	}
	if n := len(report.Problems); n > 0 {
		return fmt.Errorf("--definitions %s: %s, of which the first is %s", o.definitions, several(n, "problem", "problems"), report.Problems[0])
	}
	log.Info("definitions are imported", "file", o.definitions)
	return nil
}
