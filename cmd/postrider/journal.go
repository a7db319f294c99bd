package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/postrider-mq/postrider/internal/disk"
	"github.com/postrider-mq/postrider/internal/journal"
)

func newJournal() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "journal",
		Short: "Look at, check and mend a broker's data directory",
		Long: text(`
			Look at, check and mend the journal in a broker's data directory.

			A broker starts with a damaged journal, too: it serves what is readable and names the
			rest. These commands are for looking before, or elsewhere, or at a copy.`),
		Example: examples(`
			postrider journal inspect ./postrider-data
			postrider journal verify ./postrider-data && echo intact
			postrider journal repair ./postrider-data --dry-run`),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newJournalInspect(), newJournalVerify(), newJournalRepair())
	return cmd
}

// viewJournal opens a directory for looking at. When a broker uses it, that is noted on stderr.
func viewJournal(dir string, stderr io.Writer) (disk.FS, error) {
	if err := isDirectory(dir); err != nil {
		return nil, err
	}
	view := disk.View(dir)
	err := journal.InUse(view)
	var locked *disk.LockedError
	if errors.As(err, &locked) {
		fmt.Fprintf(stderr, "postrider: note: a broker (process %d) is using %s; this is how it was a moment ago, and its newest batch may look torn\n", locked.PID, dir)
		return view, nil
	}
	return view, err
}

// until ends a visit to a journal's records when ctx ends: there may be very many.
func until(ctx context.Context, visit func(journal.Entry) error) func(journal.Entry) error {
	return func(e journal.Entry) error {
		if ctx.Err() != nil {
			return errInterrupted
		}
		return visit(e)
	}
}

func isDirectory(dir string) error {
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is not a directory", dir)
	}
	if err != nil {
		return remedied{err, nameDataDirectory}
	}
	return nil
}

const nameDataDirectory = "name the data directory of a broker, as postrider serve --dir has it"

// progressLine tells on a terminal how far long work has come, in one line that it writes again and again.
type progressLine struct {
	to   io.Writer
	verb string
	now  func() time.Time
	told time.Time
	open bool // there is a line that is not ended
}

// progressOn returns the function that the journal tells of its progress; done ends the line. Nothing is written unless w is a terminal.
func progressOn(w io.Writer, verb string) (tell func(done, total int64), end func()) {
	if !isTerminal(w) {
		return nil, func() {}
	}
	p := &progressLine{to: w, verb: verb, now: time.Now, told: time.Now()}
	return p.tell, p.end
}

const progressEvery = 200 * time.Millisecond

func (p *progressLine) tell(done, total int64) {
	if now := p.now(); now.Sub(p.told) >= progressEvery {
		p.told, p.open = now, true
		fmt.Fprintf(p.to, "\r%s %s of %s (%d %%)\x1b[K", p.verb, sizeText(done), sizeText(total), 100*done/max(1, total))
	}
}

func (p *progressLine) end() {
	if p.open {
		fmt.Fprint(p.to, "\r\x1b[K")
	}
}

// sizeText is a number of bytes for people.
func sizeText(n int64) string {
	const units = "KMGTPE"
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	size, unit := float64(n)/1024, 0
	for size >= 1024 {
		size, unit = size/1024, unit+1
	}
	return fmt.Sprintf("%.1f %ciB", size, units[unit])
}
