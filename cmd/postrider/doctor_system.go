package main

import (
	"cmp"
	"math"
	"runtime"
	"runtime/debug"

	"github.com/postrider-mq/postrider/internal/machine"
)

// fewFiles is how many open files are few for a broker: a connection takes one.
const fewFiles = 4096

func (d *doctor) system() {
	v := buildVersion()
	d.ok("program", "postrider %s, %s, %s/%s, %d CPUs", v.Version, v.Go, v.OS, v.Arch, runtime.GOMAXPROCS(0))
	if n := machine.OpenFiles(); n >= fewFiles {
		d.ok("open files", "%d may be open", n)
	} else {
		d.fewFiles("%d may be open", n)
	}
}

// fewFiles warns of a limit that is low; 0 is none that is known.
func (d *doctor) fewFiles(what string, n uint64) {
	if n > 0 && n < fewFiles {
		d.warn("open files", "raise the limit: ulimit -n 65536, or LimitNOFILE=65536 in the systemd unit",
			what+": each connection takes one, and so does each file of the journal", n)
	}
}

func (d *doctor) memory() {
	all := min(cmp.Or(machine.Memory(), math.MaxInt64), debug.SetMemoryLimit(-1))
	if all == math.MaxInt64 {
		d.ok("memory", "the system does not tell how much there is")
		return
	}
	messages := int64(d.o.message.sizeFlag)
	switch {
	case messages > all/5*2:
		d.bad("memory", "lower --message-memory, or give the process more memory",
			"%s for all, and %s of them for messages: publishers wait from 40 %% on, before messages are put aside to the disk", sizeText(all), sizeText(messages))
	case messages > all/5:
		d.warn("memory", "lower --message-memory, or give the process more memory", "%s for all, and %s of them for messages", sizeText(all), sizeText(messages))
	case all < smallMemory:
		d.warn("memory", "give the process 256 MiB or more, or expect publishers to wait", "%s, of which publishers may fill 40 %%", sizeText(all))
	default:
		d.ok("memory", "%s, less what other processes take", sizeText(all))
	}
}

const smallMemory = 256 << 20

func (d *doctor) clock() {
	kept, known := machine.ClockKept()
	switch {
	case !known:
		d.ok("clock", "the system does not tell whether it is kept right")
	case !kept:
		d.warn("clock", "run chrony or systemd-timesyncd, here or on the host", "nothing keeps it right, as far as the system knows: certificates and the times of failures go by it")
	default:
		d.ok("clock", "kept right")
	}
}
