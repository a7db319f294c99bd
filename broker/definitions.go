package broker

import (
	"context"
	"fmt"

	"github.com/postrider-mq/postrider/internal/definitions"
)

// ImportReport is what became of an import: a line for each thing, with its place in the file.
type ImportReport struct {
	Problems []string // what could not be imported
	Warnings []string // what was left out, or has no effect here
}

// ImportDefinitions makes what a definitions file in RabbitMQ's JSON says: users, virtual hosts, permissions, policies,
// queues, exchanges and bindings, in addition to what is there. What exists already stays, so the same file may be
// imported again. It goes on after a problem, and returns when all is safe on disk. An error means that the text is no
// definitions file, of which nothing was imported, or that ctx ended.
func (b *Broker) ImportDefinitions(ctx context.Context, text []byte) (ImportReport, error) {
	r, err := b.definitions().Import(ctx, text, "", nil)
	if err != nil {
		return ImportReport{}, fmt.Errorf("broker: %w", err)
	}
	return ImportReport{Problems: notes(r.Problems), Warnings: notes(r.Warnings)}, nil
}

func notes(list []definitions.Note) (texts []string) {
	for _, n := range list {
		texts = append(texts, n.String())
	}
	return texts
}

func (b *Broker) definitions() definitions.Broker {
	return definitions.Broker{Core: b.core, Users: b.users, Version: Version}
}
