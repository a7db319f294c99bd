package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/postrider-mq/postrider/internal/core"
	"github.com/postrider-mq/postrider/internal/disk"
	"github.com/postrider-mq/postrider/internal/journal"
	"github.com/postrider-mq/postrider/internal/marks"
	"github.com/postrider-mq/postrider/internal/outbox"
)

// A keeping is what a journal is for: a broker's, or one of those that a node keeps beside it.
type keeping struct {
	of    string
	check func(journal.Record) error // says what is wrong with a record whose checksum is right
}

var (
	keptByBroker  = &keeping{"a broker's", checkRecord}
	keptByOutbox  = &keeping{"a node's outbox", outbox.Check}
	keptByHandled = &keeping{"what a node has handled", marks.Check}
)

// keepingOf tells what a directory's journal is for, by its name inside that of a node.
func keepingOf(dir string) *keeping {
	whole, err := filepath.Abs(dir)
	if err != nil {
		return keptByBroker
	}
	if beside, _ := disk.View(filepath.Dir(whole)).List("."); !slices.ContainsFunc(beside, isSegment) {
		return keptByBroker
	}
	switch filepath.Base(whole) {
	case outbox.Folder:
		return keptByOutbox
	case marks.Folder:
		return keptByHandled
	}
	return keptByBroker
}

func isSegment(name string) bool { return strings.HasSuffix(name, journal.SegmentExt) }

// checkRecord checks one of a broker's.
func checkRecord(rec journal.Record) error {
	if !core.KnownKind(rec.Kind) {
		return fmt.Errorf("a record of kind %d, which this version does not know", rec.Kind)
	}
	if err := core.Describe(rec).Err; err != nil {
		return fmt.Errorf("the record's body cannot be decoded: %w", err)
	}
	return nil
}
