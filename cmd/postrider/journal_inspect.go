package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/postrider-mq/postrider/internal/core"
	"github.com/postrider-mq/postrider/internal/journal"
)

func newJournalInspect() *cobra.Command {
	var o inspectFlags
	cmd := &cobra.Command{
		Use:   "inspect DIR",
		Short: "Show what a journal holds",
		Long: text(`
			Show a journal's segments and how many records of each kind are in it, and how much of it is
			still needed. Nothing is changed. It may run beside a broker.

			With --records the records are shown in place of that, decoded, oldest first.`),
		Example: examples(`
			postrider journal inspect ./postrider-data
			postrider journal inspect ./postrider-data --records --kind QueueDeclared
			postrider journal inspect ./postrider-data --records --from 4096 --to 8192 --json`),
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !o.records && (len(o.kinds) > 0 || o.from > 0 || o.to > 0) {
				return usagef("--kind, --from and --to choose records: give --records")
			}
			which, err := o.filter()
			if err != nil {
				return err
			}
			return inspectJournal(cmd.Context(), args[0], o, which, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.records, "records", false, "show records")
	f.StringSliceVar(&o.kinds, "kind", nil, "only records of this `kind`, a name or a number; may be repeated")
	f.Uint64Var(&o.from, "from", 0, "only records from this `LSN` on")
	f.Uint64Var(&o.to, "to", 0, "only records up to this `LSN`")
	f.BoolVar(&o.asJSON, "json", false, "print JSON: an object, or with --records one a line")
	return cmd
}

type inspectFlags struct {
	records, asJSON bool
	kinds           []string
	from, to        uint64
}

// filter returns which records to show.
func (o inspectFlags) filter() (func(journal.Record) bool, error) {
	var kinds []journal.Kind
	for _, name := range o.kinds {
		kind, ok := core.KindNamed(name)
		if !ok {
			return nil, usagef("--kind %s: there is no such kind of record; docs/JOURNAL.md has them all", name)
		}
		kinds = append(kinds, kind)
	}
	return func(rec journal.Record) bool {
		lsn := uint64(rec.LSN)
		return lsn >= o.from && (o.to == 0 || lsn <= o.to) && (kinds == nil || slices.Contains(kinds, rec.Kind))
	}, nil
}

func inspectJournal(ctx context.Context, dir string, o inspectFlags, which func(journal.Record) bool, stdout, stderr io.Writer) error {
	view, err := viewJournal(dir, stderr)
	if err != nil {
		return err
	}
	if k := keepingOf(dir); k != keptByBroker {
		return fmt.Errorf("%s is %s, and only a broker's journal is shown; to check it: postrider journal verify %s", dir, k.of, dir)
	}
	if o.records {
		return showRecords(ctx, view, o.asJSON, which, stdout)
	}
	n := newInspection(dir)
	tell, end := progressOn(stderr, "read")
	r, err := journal.Inspect(view, until(ctx, n.add), tell)
	end()
	if err != nil {
		return err
	}
	n.finish(r)
	if o.asJSON {
		return json.NewEncoder(stdout).Encode(n)
	}
	return n.print(stdout)
}

// inspection is what `journal inspect --json` prints.
type inspection struct {
	Directory string        `json:"directory"`
	ID        string        `json:"id"`
	Version   int           `json:"format_version"`
	Clean     bool          `json:"closed_properly"`
	End       uint64        `json:"end"`          // address
	Synced    uint64        `json:"synced_up_to"` // address
	Records   int64         `json:"records"`
	Bytes     int64         `json:"bytes"`        // that hold records, or did
	NeededN   int64         `json:"needed"`       // records
	Needed    int64         `json:"needed_bytes"` // theirs
	LiveRatio float64       `json:"live_ratio"`   // needed bytes of all
	Torn      int64         `json:"torn_bytes"`
	Spare     []string      `json:"spare_files"` // of former segments, kept for later ones
	Damage    []damageInfo  `json:"damage"`
	Segments  []segmentInfo `json:"segments"`
	Kinds     []kindInfo    `json:"kinds"`
	Trouble   string        `json:"trouble,omitempty"` // why a broker of this version would not start

	fold *core.Fold
	live []liveRecord // in order
}

type segmentInfo struct {
	Name          string `json:"name"`
	Base          uint64 `json:"base"`
	Capacity      int64  `json:"capacity"`
	Size          int64  `json:"file_size"`
	Used          int64  `json:"used"`
	Salt          uint64 `json:"salt"` // what records carry of it
	HeaderDamaged bool   `json:"header_damaged,omitempty"`
	Sealed        bool   `json:"sealed"`
	Batches       int64  `json:"batches"`
	Records       int64  `json:"records"`
	Needed        int64  `json:"needed_bytes"`
}

type kindInfo struct {
	Kind    journal.Kind `json:"kind"`
	Name    string       `json:"name"`
	Records int64        `json:"records"`
	Live    int64        `json:"live"`   // appended as needed until something says otherwise
	Needed  int64        `json:"needed"` // of those, the ones that nothing has made needless
	Bytes   int64        `json:"bytes"`
}

type liveRecord struct {
	lsn  journal.LSN
	size int64
	kind journal.Kind
}

func newInspection(dir string) *inspection {
	return &inspection{Directory: dir, Damage: []damageInfo{}, Segments: []segmentInfo{}, Kinds: []kindInfo{}, fold: core.NewFold()}
}

func (n *inspection) add(e journal.Entry) error {
	if e.Live {
		n.live = append(n.live, liveRecord{e.LSN, e.Size, e.Record.Kind})
	}
	if err := n.fold.Add(e.Record); err != nil && n.Trouble == "" {
		n.Trouble = err.Error()
	}
	return nil
}

func (n *inspection) finish(r journal.Report) {
	n.ID, n.Version, n.Clean, n.Records, n.Torn = r.ID, r.Version, r.Clean, r.Records, r.Torn
	n.Spare = append([]string{}, r.Spare...)
	n.End, n.Synced = uint64(r.End), uint64(r.Synced)
	for _, d := range r.Damaged {
		n.Damage = append(n.Damage, damageInfo{d.Segment, d.Offset, d.Length, uint64(d.LSN), d.Synced, d.Reason})
	}
	needed := n.needed()
	kinds := map[journal.Kind]journal.KindReport{}
	neededOf := map[journal.Kind]int64{}
	for _, l := range needed {
		neededOf[l.kind]++
	}
	for i, s := range r.Contents {
		info := segmentInfo{s.Name, uint64(s.Base), s.Capacity, s.Size, s.Used, s.Salt, s.HeaderDamaged, s.Sealed, s.Batches, 0, 0}
		for kind, k := range s.Kinds {
			sum := kinds[kind]
			kinds[kind] = journal.KindReport{Records: sum.Records + k.Records, Live: sum.Live + k.Live, Bytes: sum.Bytes + k.Bytes}
			if _, own := journal.OwnKindName(kind); !own {
				info.Records += k.Records
			}
		}
		for len(needed) > 0 && (i+1 == len(r.Contents) || needed[0].lsn < r.Contents[i+1].Base) {
			info.Needed += needed[0].size
			n.NeededN++
			needed = needed[1:]
		}
		n.Bytes += s.Used
		n.Needed += info.Needed
		n.Segments = append(n.Segments, info)
	}
	n.LiveRatio = float64(n.Needed) / float64(max(1, n.Bytes))
	for kind, k := range kinds {
		n.Kinds = append(n.Kinds, kindInfo{kind, kindName(kind), k.Records, k.Live, neededOf[kind], k.Bytes})
	}
	slices.SortFunc(n.Kinds, func(a, b kindInfo) int { return int(a.Kind) - int(b.Kind) })
}

// needed returns the live records that the fold has not let go of, in order.
func (n *inspection) needed() []liveRecord {
	gone := slices.Sorted(slices.Values(n.fold.Unneeded()))
	return slices.DeleteFunc(n.live, func(l liveRecord) bool {
		for len(gone) > 0 && gone[0] < l.lsn {
			gone = gone[1:]
		}
		return len(gone) > 0 && gone[0] == l.lsn
	})
}

func kindName(kind journal.Kind) string {
	if name, ok := journal.OwnKindName(kind); ok {
		return name
	}
	return core.KindName(kind)
}

func (n *inspection) print(w io.Writer) error {
	end := "it was not closed properly"
	if n.Clean {
		end = "it was closed properly"
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintf(t, "journal %s in %s, format version %d\n", n.ID, n.Directory, n.Version)
	fmt.Fprintf(t, "%d records in %s, %d of them needed: %s, %.1f %%\n", n.Records, sizeText(n.Bytes), n.NeededN, sizeText(n.Needed), 100*n.LiveRatio)
	fmt.Fprintf(t, "it ends at address %d, was synced up to %d at least; %s\n", n.End, n.Synced, end)
	if n.Torn > 0 {
		fmt.Fprintf(t, "%d bytes at the end were being written and count for nothing\n", n.Torn)
	}
	if n.Trouble != "" {
		fmt.Fprintf(t, "a broker of this version would not start: %s\n", n.Trouble)
	}
	for _, d := range n.Damage {
		fmt.Fprintf(t, "damaged: %s at offset %d, %d bytes: %s\n", d.Segment, d.Offset, d.Length, d.Reason)
	}
	if len(n.Spare) > 0 {
		fmt.Fprintf(t, "kept for later segments: %s\n", strings.Join(n.Spare, ", "))
	}
	fmt.Fprintf(t, "\nsegment\tcapacity\tused\tneeded\trecords\tbatches\tsalt\t\n")
	for _, s := range n.Segments {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%d\t%012x\t%s\n", s.Name, sizeText(s.Capacity), sizeText(s.Used), sizeText(s.Needed), s.Records, s.Batches, s.Salt, s.remark())
	}
	fmt.Fprintf(t, "\nkind\tname\trecords\tneeded\tbytes\n")
	for _, k := range n.Kinds {
		fmt.Fprintf(t, "%d\t%s\t%d\t%d\t%s\n", k.Kind, k.Name, k.Records, k.Needed, sizeText(k.Bytes))
	}
	return t.Flush()
}

func (s segmentInfo) remark() string {
	switch {
	case s.HeaderDamaged:
		return "header damaged"
	case s.Sealed:
		return "sealed"
	case s.Used == 0:
		return "made ahead"
	}
	return ""
}
