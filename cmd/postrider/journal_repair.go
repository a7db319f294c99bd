package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/postrider-mq/postrider/internal/disk"
	"github.com/postrider-mq/postrider/internal/journal"
)

func newJournalRepair() *cobra.Command {
	var o repairFlags
	cmd := &cobra.Command{
		Use:   "repair DIR",
		Short: "Mend a damaged journal",
		Long: text(`
			Mend what can be mended of a journal, and say what was done. A torn tail is zeroed, a
			damaged header is made anew from what the rest tells, and a stretch that cannot be read is
			marked as lost and kept in quarantine. Each file is copied before it is changed.

			A broker must not be running, and the user who runs it has to mend it, not root. A broker
			does not need this command to start; what it cannot read is lost with or without it.

			The exit code is 0 when all was mended, 3 when something could not be, and 1 when nothing
			was done.`),
		Example: examples(`
			postrider journal repair ./postrider-data --dry-run
			postrider journal repair ./postrider-data`),
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return repairJournal(args[0], o, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.dryRun, "dry-run", false, "only say what would be done")
	f.BoolVar(&o.asJSON, "json", false, "print a JSON object for each thing done")
	return cmd
}

type repairFlags struct{ dryRun, asJSON bool }

// mended is what `journal repair --json` prints a line of for each thing.
type mended struct {
	Segment string `json:"segment"`
	Offset  int64  `json:"offset"`
	Length  int64  `json:"length"`
	Found   string `json:"found"`
	Done    string `json:"done"` // empty when nothing can be
	DryRun  bool   `json:"dry_run,omitempty"`
}

func repairJournal(dir string, o repairFlags, stdout, stderr io.Writer) error {
	if err := isDirectory(dir); err != nil {
		return err
	}
	at := disk.OS(dir)
	if err := journal.InUse(disk.View(dir)); err != nil || o.dryRun {
		if err != nil {
			return err
		}
		at = disk.View(dir)
	} else if err := checkOwner(dir); err != nil {
		return err
	}
	backup := "backup-" + time.Now().UTC().Format("20060102T150405.000Z")
	tell, end := progressOn(stderr, "checked")
	mends, err := journal.Repair(at, journal.RepairOptions{DryRun: o.dryRun, Backup: backup, Progress: tell})
	end()
	if err != nil {
		return err
	}
	return o.tellOf(stdout, dir, backup, mends)
}

func (o repairFlags) tellOf(w io.Writer, dir, backup string, mends []journal.Mend) error {
	lost, changed := false, false
	for _, m := range mends {
		lost = lost || m.Done == ""
		changed = changed || m.Done != ""
		var err error
		if o.asJSON {
			err = json.NewEncoder(w).Encode(mended{m.Segment, m.Offset, m.Length, m.Found, m.Done, o.dryRun})
		} else {
			_, err = fmt.Fprintf(w, "%s at offset %d, %d bytes: %s: %s\n", m.Segment, m.Offset, m.Length, m.Found, o.fate(m))
		}
		if err != nil {
			return err
		}
	}
	if err := o.summary(w, dir, backup, len(mends), changed); err != nil {
		return err
	}
	if lost {
		return errDamage
	}
	return nil
}

func (o repairFlags) fate(m journal.Mend) string {
	switch {
	case m.Done == "":
		return "cannot be mended; a broker starts without it"
	case o.dryRun:
		return "would be " + m.Done
	}
	return m.Done
}

func (o repairFlags) summary(w io.Writer, dir, backup string, n int, changed bool) (err error) {
	switch {
	case o.asJSON:
	case n == 0:
		_, err = fmt.Fprintln(w, "nothing to mend")
	case o.dryRun:
		_, err = fmt.Fprintln(w, "nothing was changed")
	case changed:
		_, err = fmt.Fprintf(w, "the files as they were are in %s of %s\n", backup, dir)
	}
	return err
}
