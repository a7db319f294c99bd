package main

import (
	"log/slog"

	"github.com/postrider-mq/postrider/internal/machine"
)

// reservedAddresses is how much more of addresses than of memory a Go program has, roughly.
const reservedAddresses = 4 << 30

// fewAddresses says whether a limit of the address space may end a broker before it has the memory that there is; a limit of 0 is none. Who is out of addresses
// cannot wait for some: the runtime ends the process.
func fewAddresses(limit uint64, memory int64) bool {
	return limit > 0 && limit < uint64(memory)+reservedAddresses
}

func warnOfFewAddresses(log *slog.Logger) {
	if limit := machine.Addresses(); fewAddresses(limit, machine.Memory()) {
		log.Warn("the address space of this process is limited, by ulimit -v or LimitAS: that ends it long before the memory is used; limit its memory instead, as with MemoryMax, a container's limit or GOMEMLIMIT",
			"bytes", limit)
	}
}
