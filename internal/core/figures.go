package core

import "github.com/postrider-mq/postrider/internal/journal"

// Figures are how the broker fares, for people and their tools.
type Figures struct {
	Shortage   Shortage
	Resident   int64  // bytes of messages in memory
	Budget     int64  // as many may be
	Memory     int64  // bytes of the process
	MemoryMark int64  // beyond which publishers wait; 0 = none
	Free       int64  // bytes on the disk; -1 = nobody knows, or there is no disk
	MinFree    int64  // below which publishers wait; negative = none
	Lost       uint64 // messages that could not be read back

	Journal *journal.Stats // nil without a disk
}

// Figures asks the memory, the disk and the journal.
func (c *Core) Figures() Figures {
	f := Figures{
		Shortage: c.Shortage(), Resident: c.pager.resident.Load(), Budget: c.pager.budget, Lost: c.pager.lost.Load(),
		Memory: c.alarms.usage(), MemoryMark: max(0, c.alarms.mark), Free: -1, MinFree: c.alarms.minFree,
	}
	if c.journal == nil {
		return f
	}
	stats := c.journal.Stats()
	f.Journal = &stats
	if free, err := c.alarms.fs.Free(); err == nil {
		f.Free = free
	}
	return f
}
