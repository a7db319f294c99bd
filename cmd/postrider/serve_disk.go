package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/postrider-mq/postrider/broker"
)

// diskOptions are the flags of serve about its journal.
type diskOptions struct {
	sync        syncFlag
	segmentSize boundedFlag
}

func (o *diskOptions) flags(f *pflag.FlagSet) {
	o.segmentSize = boundedFlag{0, smallestSegment, largestSegment}
	f.Var(&o.sync, "sync", "`when` a message is confirmed: always = the disk has it; interval, none = the system has it, and a power failure can lose it")
	f.Var(&o.segmentSize, "segment-size", "`size` that the journal's files grow to, as in 4MiB (default 64MiB, or about a 16th of a disk that has less than 1GiB)")
}

// syncFlag is a broker.Sync by its name.
type syncFlag broker.Sync

var syncNames = []string{
	broker.SyncAlways:   "always",
	broker.SyncInterval: "interval",
	broker.SyncNone:     "none",
}

func (s *syncFlag) String() string { return syncNames[*s] }
func (s *syncFlag) Type() string   { return "string" }

func (s *syncFlag) Set(text string) error {
	for mode, name := range syncNames {
		if text == name {
			*s = syncFlag(mode)
			return nil
		}
	}
	return fmt.Errorf("want %s", strings.Join(syncNames, ", "))
}

// boundedFlag is a size within bounds; 0 = not set.
type boundedFlag struct {
	sizeFlag
	least, most sizeFlag
}

func (b *boundedFlag) Set(text string) (err error) {
	b.sizeFlag, err = parseSize(text, b.least, b.most)
	return err
}

func (b *boundedFlag) String() string {
	if b.sizeFlag == 0 {
		return ""
	}
	return b.sizeFlag.String()
}

// sizeFlag is a number of bytes.
type sizeFlag int64

const (
	smallestSegment sizeFlag = 64 << 10
	largestSegment  sizeFlag = 1 << 30
)

var sizeUnits = []struct {
	name  string
	bytes sizeFlag
}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}

func (s *sizeFlag) Type() string { return "size" }

func (s *sizeFlag) String() string {
	for _, unit := range sizeUnits {
		if *s != 0 && *s%unit.bytes == 0 {
			return strconv.FormatInt(int64(*s/unit.bytes), 10) + unit.name
		}
	}
	return strconv.FormatInt(int64(*s), 10)
}

func parseSize(text string, least, most sizeFlag) (sizeFlag, error) {
	for _, unit := range sizeUnits {
		number, ok := strings.CutSuffix(text, unit.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(number, 10, 31)
		if size := sizeFlag(n) * unit.bytes; err == nil && size >= least && size <= most {
			return size, nil
		}
	}
	return 0, fmt.Errorf("want %s to %s", &least, &most)
}
