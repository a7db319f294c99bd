package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/postrider-mq/postrider/internal/journal"
)

func newJournalVerify() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify DIR",
		Short: "Check every checksum of a journal",
		Long: text(`
			Read all of a journal, check every checksum and that nothing is missing, and decode
			every record. Nothing is changed. It may run beside a broker. A node's Config.Dir has
			two journals more: in outbox what it has posted, in handled what it has handled.

			The exit code is 0 when all is well, 3 when the journal is damaged, and 1 when it could
			not be checked. A batch that was being written when the broker stopped is no damage: it
			was never confirmed.`),
		Example: examples(`
			postrider journal verify ./postrider-data
			postrider journal verify ./postrider-data --json | jq .damage`),
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			v, err := verifyJournal(cmd.Context(), args[0], cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			return v.report(cmd.OutOrStdout(), asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}

// verification is what `journal verify --json` prints.
type verification struct {
	Directory string       `json:"directory"`
	Intact    bool         `json:"intact"`
	Clean     bool         `json:"closed_properly"`
	Segments  int          `json:"segments"`
	Records   int64        `json:"records"`
	Bytes     int64        `json:"bytes"`
	Torn      int64        `json:"torn_bytes"`
	Damage    []damageInfo `json:"damage"`
}

type damageInfo struct {
	Segment string `json:"segment"`
	Offset  int64  `json:"offset"`
	Length  int64  `json:"length"`
	LSN     uint64 `json:"lsn"`
	Synced  bool   `json:"was_durable"`
	Reason  string `json:"reason"`
}

func verifyJournal(ctx context.Context, dir string, stderr io.Writer) (*verification, error) {
	view, err := viewJournal(dir, stderr)
	if err != nil {
		return nil, err
	}
	v := &verification{Directory: dir, Damage: []damageInfo{}}
	check := keepingOf(dir).check
	tell, end := progressOn(stderr, "verified")
	r, err := journal.Inspect(view, until(ctx, func(e journal.Entry) error {
		if why := check(e.Record); why != nil {
			v.Damage = append(v.Damage, damageInfo{e.Segment, e.Offset, e.Size, uint64(e.LSN), false, why.Error()})
		}
		return nil
	}), tell)
	end()
	if err != nil {
		return nil, err
	}
	for i := range v.Damage {
		v.Damage[i].Synced = journal.LSN(v.Damage[i].LSN) < r.Synced
	}
	for _, d := range r.Damaged {
		v.Damage = append(v.Damage, damageInfo{d.Segment, d.Offset, d.Length, uint64(d.LSN), d.Synced, d.Reason})
	}
	v.Intact, v.Clean = len(v.Damage) == 0, r.Clean
	v.Segments, v.Records, v.Bytes, v.Torn = r.Segments, r.Records, r.Bytes, r.Torn
	return v, nil
}

func (v *verification) report(w io.Writer, asJSON bool) error {
	var err error
	if asJSON {
		err = json.NewEncoder(w).Encode(v)
	} else {
		err = v.print(w)
	}
	if err == nil && !v.Intact {
		err = errDamage
	}
	return err
}

func (v *verification) print(w io.Writer) error {
	for _, d := range v.Damage {
		if _, err := fmt.Fprintf(w, "%s at offset %d, %d bytes: %s\n", d.Segment, d.Offset, d.Length, d.Reason); err != nil {
			return err
		}
	}
	verdict := "intact"
	if !v.Intact {
		verdict = fmt.Sprintf("damaged in %d places; see what can be mended: postrider journal repair %s --dry-run", len(v.Damage), v.Directory)
	}
	if v.Torn > 0 {
		verdict += fmt.Sprintf("; %d bytes at the end were being written and count for nothing", v.Torn)
	}
	_, err := fmt.Fprintf(w, "%s, %s, %s: %s\n", count(v.Segments, "segment"), count(int(v.Records), "record"), sizeText(v.Bytes), verdict)
	return err
}
