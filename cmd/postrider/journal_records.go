package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/postrider-mq/postrider/internal/core"
	"github.com/postrider-mq/postrider/internal/disk"
	"github.com/postrider-mq/postrider/internal/journal"
)

// recordInfo is what `journal inspect --records --json` prints a line of for each record.
type recordInfo struct {
	LSN     uint64            `json:"lsn"`
	Segment string            `json:"segment"`
	Offset  int64             `json:"offset"`
	Size    int64             `json:"size"`
	Kind    string            `json:"kind"`
	Live    bool              `json:"live"`
	Fields  map[string]string `json:"fields"`
	Queues  []queueInfo       `json:"queues,omitempty"`
	Error   string            `json:"error,omitempty"`

	order []core.DescribedField
}

type queueInfo struct {
	ID    uint64 `json:"id"`
	VHost string `json:"vhost,omitempty"`
	Name  string `json:"name,omitempty"` // empty while its declaration was not seen
}

// showRecords prints the records that which chooses.
func showRecords(ctx context.Context, dir disk.FS, asJSON bool, which func(journal.Record) bool, w io.Writer) error {
	out := bufio.NewWriter(w)
	names := queueNames{}
	_, err := journal.Inspect(dir, until(ctx, func(e journal.Entry) error {
		names.learn(e.Record)
		if !which(e.Record) {
			return nil
		}
		info := describe(e, names)
		if asJSON {
			return json.NewEncoder(out).Encode(info)
		}
		return info.print(out)
	}), nil)
	return errors.Join(err, out.Flush())
}

// queueNames are the queues whose declaration was seen.
type queueNames map[uint64]queueInfo

func (q queueNames) learn(rec journal.Record) {
	if id, vhost, name, ok := core.DeclaredQueue(rec); ok {
		q[id] = queueInfo{id, vhost, name}
	}
}

func describe(e journal.Entry, names queueNames) recordInfo {
	d := core.Describe(e.Record)
	info := recordInfo{
		LSN: uint64(e.LSN), Segment: e.Segment, Offset: e.Offset, Size: e.Size, Kind: d.Kind, Live: e.Live,
		Fields: map[string]string{}, order: d.Fields,
	}
	for _, f := range d.Fields {
		info.Fields[f.Name] = f.Value
	}
	for _, id := range d.Queues {
		named := names[id]
		named.ID = id
		info.Queues = append(info.Queues, named)
	}
	if d.Err != nil {
		info.Error = d.Err.Error()
	}
	return info
}

func (r recordInfo) print(w io.Writer) error {
	line := fmt.Sprintf("lsn %d  %s", r.LSN, r.Kind)
	if r.Live {
		line += "  live"
	}
	line += fmt.Sprintf("  %d bytes", r.Size)
	for _, f := range r.order {
		line += "  " + f.Name + " " + f.Value
	}
	for _, q := range r.Queues {
		if q.Name != "" {
			line += fmt.Sprintf("  (queue %d is %q in %q)", q.ID, q.Name, q.VHost)
		}
	}
	if r.Error != "" {
		line += "  error: " + r.Error
	}
	_, err := fmt.Fprintf(w, "%s  %s+%d\n", line, r.Segment, r.Offset)
	return err
}
