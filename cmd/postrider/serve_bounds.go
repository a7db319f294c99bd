package main

import (
	"github.com/spf13/pflag"

	"github.com/postrider-mq/postrider/broker"
)

// boundOptions are the flags of serve that say when publishers have to wait.
type boundOptions struct {
	messages, memory, free, message boundedFlag
}

const (
	defaultMessage  sizeFlag = 16 << 20
	smallestMessage sizeFlag = 1 << 10
	largestMessage  sizeFlag = 128 << 20
)

// ofMemory is for a size of memory, or of a disk.
var ofMemory = boundedFlag{least: 64 << 10, most: 1 << 40}

func (o *boundOptions) flags(f *pflag.FlagSet) {
	o.message = boundedFlag{defaultMessage, smallestMessage, largestMessage}
	o.messages, o.memory, o.free = ofMemory, ofMemory, ofMemory
	f.Var(&o.message, "max-message", "`size` of the largest message body that is accepted, at most 128MiB")
	f.Var(&o.messages, "message-memory", "`size` of messages in queues that stay in memory, as in 256MiB; the rest lies on the disk (default a 16th of what there is, 64MiB to 320MiB, but no more than an 8th)")
	f.Var(&o.memory, "memory-mark", "publishers wait when the process has taken this `size` of memory (default 40 % of what there is)")
	f.Var(&o.free, "min-free", "publishers wait when the disk has less than this `size` free (default 50MiB or the segment size)")
}

func (o *boundOptions) apply(cfg *broker.Config) {
	cfg.MaxMessage = int(o.message.sizeFlag)
	cfg.MessageMemory, cfg.MemoryMark, cfg.MinFree = int64(o.messages.sizeFlag), int64(o.memory.sizeFlag), int64(o.free.sizeFlag)
}
