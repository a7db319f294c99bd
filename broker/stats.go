package broker

import (
	"time"

	"github.com/postrider-mq/postrider/internal/core"
	"github.com/postrider-mq/postrider/internal/journal"
)

// Stats is how a broker fares. What is counted, is since Open.
type Stats struct {
	Name string

	Connections, Channels, VHosts, Queues, Exchanges, Consumers int

	Ready, Unacked int // messages: in queues, and with consumers
	Paged          int // those of both that are on the disk alone

	Counts
	ConnectionsOpened, ConnectionsClosed uint64 // logins, and their ends
	Received, Confirmed                  uint64 // messages from publishers, and those that they were told are safe
	Dropped, Returned                    uint64 // messages that no queue took, and those of mandatory publishes
	Lost                                 uint64 // messages that the disk did not give back

	MessageMemory, MessageMemoryLimit int64 // bytes of messages in memory, and beyond which they are paged out
	Memory, MemoryMark                int64 // bytes of the process, and beyond which publishers wait; 0 = no mark
	DiskFree, MinFree                 int64 // bytes of the disk, and below which publishers wait; DiskFree is -1 without a disk
	LowOnMemory, LowOnDisk            bool  // publishers wait
	LowOnFiles                        bool  // likewise, until the journal may open another file

	Journal *JournalStats // nil without a disk
}

// Counts is what became of messages in queues.
type Counts struct {
	Enqueued       uint64 // messages that came into a queue: once for each
	Delivered      uint64 // to consumers who acknowledge
	DeliveredNoAck uint64 // to those who do not
	Got            uint64 // by basic.get, to be acknowledged
	GotNoAck       uint64 // likewise, not to be
	GotNothing     uint64 // times that a basic.get found nothing
	Redelivered    uint64 // of all that were given out, those that were not for the first time
	Acknowledged   uint64
}

// QueueStats is one queue.
type QueueStats struct {
	VHost, Name               string
	Durable                   bool
	Ready, Unacked, Consumers int
	Paged                     int   // messages that are on the disk alone
	MessageMemory             int64 // bytes of those in memory
	Counts
}

// JournalStats is how the journal fares.
type JournalStats struct {
	Bytes        int64 // on the disk
	Segments     int
	LiveBytes    int64 // an estimate of what is needed of Bytes
	LiveRecords  int64
	Debt         int64 // an estimate of the bytes that are not needed and not yet given back, in segments that are full
	Backlog      int   // bytes that are not yet safe
	Slow, Stuck  bool  // one write has been under way for 5 s, or for 30 s
	Full         bool  // there is no room on the disk
	Stalls       uint64
	Appended     uint64 // records
	AppendBytes  uint64
	CarriedBytes uint64 // of records that were written anew to give disk space back
	Batches      uint64
	Syncs        uint64
	Quarantined  uint64 // records that could not be read, and were put aside

	// How often a sync took at most so long, cumulative, and how long all took together.
	SyncWithin map[time.Duration]uint64
	SyncTime   time.Duration
}

// LiveRatio is what part of Bytes is needed, from 0 to 1.
func (j *JournalStats) LiveRatio() float64 {
	return journal.Stats{Bytes: j.Bytes, LiveBytes: j.LiveBytes}.LiveRatio()
}

// Stats asks how the broker fares. It looks at every queue.
func (b *Broker) Stats() Stats {
	f, n := b.core.Figures(), b.core.Counts()
	s := Stats{
		Name:              b.name,
		ConnectionsOpened: n[core.ConnectionsBegun], ConnectionsClosed: n[core.ConnectionsEnded],
		Received: n[core.Received], Confirmed: n[core.Confirmed],
		Dropped: n[core.Unroutable], Returned: n[core.UnroutableBack], Lost: f.Lost,
		Counts:        countsOf(n[:]),
		MessageMemory: f.Resident, MessageMemoryLimit: f.Budget, Memory: f.Memory, MemoryMark: f.MemoryMark, DiskFree: f.Free, MinFree: f.MinFree,
		LowOnMemory: f.Shortage&core.LowOnMemory != 0, LowOnDisk: f.Shortage&core.LowOnDisk != 0, LowOnFiles: f.Shortage&core.LowOnFiles != 0,
	}
	s.Connections, s.Channels = b.server.Open()
	for _, v := range b.core.VHosts() {
		s.VHosts++
		s.Exchanges += len(v.Exchanges())
		v.EachQueue(func(q *core.QueueStatus) {
			s.Queues++
			s.Consumers += q.Consuming
			s.Ready += q.Ready
			s.Unacked += q.Unacked
			s.Paged += q.Paged
		})
	}
	if f.Journal != nil {
		s.Journal = journalStats(f.Journal)
	}
	return s
}

// EachQueue visits every queue, in no order. Those of other clients that are exclusive are among them.
func (b *Broker) EachQueue(visit func(QueueStats)) {
	for _, v := range b.core.VHosts() {
		v.EachQueue(func(q *core.QueueStatus) {
			visit(QueueStats{
				VHost: q.VHost, Name: q.Name, Durable: q.Durable, Ready: q.Ready, Unacked: q.Unacked, Consumers: q.Consuming,
				Paged: q.Paged, MessageMemory: q.Resident, Counts: countsOf(q.Counts[:]),
			})
		})
	}
}

func countsOf(n []uint64) Counts {
	return Counts{
		Enqueued: n[core.Enqueued], Delivered: n[core.Delivered], DeliveredNoAck: n[core.DeliveredNoAck], Got: n[core.Got], GotNoAck: n[core.GotNoAck],
		GotNothing: n[core.GotNothing], Redelivered: n[core.Redelivered], Acknowledged: n[core.Acknowledged],
	}
}

func journalStats(j *journal.Stats) *JournalStats {
	s := &JournalStats{
		Bytes: j.Bytes, Segments: j.Segments, LiveBytes: j.LiveBytes, LiveRecords: j.LiveRecords, Debt: j.Debt, Backlog: j.Backlog,
		Slow: j.Pace >= journal.PaceSlow, Stuck: j.Pace == journal.PaceStuck, Full: j.Full, Stalls: j.Stalls,
		Appended: j.Appended, AppendBytes: j.AppendedBytes, CarriedBytes: j.CarriedBytes,
		Batches: j.Batches, Syncs: j.Syncs, Quarantined: j.Quarantined,
		SyncWithin: make(map[time.Duration]uint64, len(journal.DurationBounds)), SyncTime: j.Syncing.Sum,
	}
	within := uint64(0)
	for i, bound := range journal.DurationBounds {
		within += j.Syncing.Within[i]
		s.SyncWithin[bound] = within
	}
	return s
}
