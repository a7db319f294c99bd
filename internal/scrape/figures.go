package scrape

import "github.com/postrider-mq/postrider/broker"

// figure is a number of some S with its name.
type figure[S any] struct {
	name, help string
	kind       Kind
	protocol   bool // has RabbitMQ's label for it
	read       func(*S) float64
}

// family is the figure with no series yet.
func (f *figure[S]) family() Family { return Family{Name: f.name, Help: f.help, Kind: f.kind} }

// of is the figure of the only S there is.
func (f *figure[S]) of(from *S) Family {
	all := f.family()
	all.Series = []Series{{Value: f.read(from)}}
	if f.protocol {
		all.Labels, all.Series[0].Values = []string{"protocol"}, []string{"amqp091"}
	}
	return all
}

func gauge[S any](name, help string, read func(*S) float64) *figure[S] {
	return &figure[S]{name: name, help: help, kind: Gauge, read: read}
}

func counter[S any](name, help string, read func(*S) float64) *figure[S] {
	return &figure[S]{name: name, help: help, kind: Counter, read: read}
}

// global is a counter of RabbitMQ's that has the protocol as a label.
func global(name, help string, read func(*stats) float64) *figure[stats] {
	f := counter("rabbitmq_global_messages_"+name+"_total", help, read)
	f.protocol = true
	return f
}

func number[N int | int64 | uint64](n N) float64 { return float64(n) }

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

type (
	stats        = broker.Stats
	journalStats = broker.JournalStats
	queueStats   = broker.QueueStats
)

// figures are those of the broker.
var figures = []*figure[stats]{
	gauge("rabbitmq_connections", "Connections of clients that are logged in.", func(s *stats) float64 { return number(s.Connections) }),
	gauge("rabbitmq_channels", "Channels.", func(s *stats) float64 { return number(s.Channels) }),
	gauge("rabbitmq_queues", "Queues.", func(s *stats) float64 { return number(s.Queues) }),
	gauge("rabbitmq_consumers", "Consumers.", func(s *stats) float64 { return number(s.Consumers) }),
	counter("rabbitmq_connections_opened_total", "Connections that logged in.", func(s *stats) float64 { return number(s.ConnectionsOpened) }),
	counter("rabbitmq_connections_closed_total", "Connections that ended after they had logged in.", func(s *stats) float64 { return number(s.ConnectionsClosed) }),

	global("received", "Messages from publishers.", func(s *stats) float64 { return number(s.Received) }),
	global("confirmed", "Messages that their publishers were told are safe.", func(s *stats) float64 { return number(s.Confirmed) }),
	global("routed", "Messages that came into queues, once for each.", func(s *stats) float64 { return number(s.Enqueued) }),
	global("unroutable_dropped", "Messages that no queue took.", func(s *stats) float64 { return number(s.Dropped) }),
	global("unroutable_returned", "Messages that no queue took and that were returned.", func(s *stats) float64 { return number(s.Returned) }),
	global("delivered", "Messages given to consumers and to basic.get.", func(s *stats) float64 {
		return number(s.Delivered + s.DeliveredNoAck + s.Got + s.GotNoAck)
	}),
	global("delivered_consume_manual_ack", "Messages given to consumers who acknowledge.", func(s *stats) float64 { return number(s.Delivered) }),
	global("delivered_consume_auto_ack", "Messages given to consumers who do not acknowledge.", func(s *stats) float64 { return number(s.DeliveredNoAck) }),
	global("delivered_get_manual_ack", "Messages given to basic.get, to be acknowledged.", func(s *stats) float64 { return number(s.Got) }),
	global("delivered_get_auto_ack", "Messages given to basic.get, not to be acknowledged.", func(s *stats) float64 { return number(s.GotNoAck) }),
	global("get_empty", "Times that basic.get found the queue empty.", func(s *stats) float64 { return number(s.GotNothing) }),
	global("redelivered", "Messages given out that had been before.", func(s *stats) float64 { return number(s.Redelivered) }),
	global("acknowledged", "Messages that were acknowledged.", func(s *stats) float64 { return number(s.Acknowledged) }),

	gauge("rabbitmq_alarms_memory_used_watermark", "1 while publishers wait for memory.", func(s *stats) float64 { return truth(s.LowOnMemory) }),
	gauge("rabbitmq_alarms_free_disk_space_watermark", "1 while publishers wait for the disk.", func(s *stats) float64 { return truth(s.LowOnDisk) }),
	gauge("rabbitmq_alarms_file_descriptor_limit", "1 while publishers wait for files that may be opened.", func(s *stats) float64 { return truth(s.LowOnFiles) }),
	gauge("rabbitmq_process_resident_memory_bytes", "Memory of the process.", func(s *stats) float64 { return number(s.Memory) }),
	gauge("rabbitmq_resident_memory_limit_bytes", "Memory beyond which publishers wait; 0 = no limit.", func(s *stats) float64 { return number(s.MemoryMark) }),
	gauge("rabbitmq_disk_space_available_bytes", "Free on the disk; -1 without one.", func(s *stats) float64 { return number(s.DiskFree) }),
	gauge("rabbitmq_disk_space_available_limit_bytes", "Free bytes below which publishers wait.", func(s *stats) float64 { return number(max(0, s.MinFree)) }),

	gauge("postrider_message_memory_limit_bytes", "Bytes of messages in memory beyond which they are paged out.", func(s *stats) float64 {
		return number(s.MessageMemoryLimit)
	}),
	counter("postrider_lost_messages_total", "Messages that the disk did not give back.", func(s *stats) float64 { return number(s.Lost) }),
}

// queueFigures are those of one queue, or the sums of all.
var queueFigures = []*figure[queueStats]{
	gauge("rabbitmq_queue_messages", "Messages in queues and with consumers.", func(q *queueStats) float64 { return number(q.Ready + q.Unacked) }),
	gauge("rabbitmq_queue_messages_ready", "Messages in queues.", func(q *queueStats) float64 { return number(q.Ready) }),
	gauge("rabbitmq_queue_messages_unacked", "Messages with consumers, not yet acknowledged.", func(q *queueStats) float64 { return number(q.Unacked) }),
	gauge("rabbitmq_queue_consumers", "Consumers.", func(q *queueStats) float64 { return number(q.Consumers) }),
	gauge("postrider_paged_messages", "Messages that are on the disk alone.", func(q *queueStats) float64 { return number(q.Paged) }),
	gauge("postrider_message_memory_bytes", "Bytes of messages in memory.", func(q *queueStats) float64 { return number(q.MessageMemory) }),
}

// journalFigures are those of a broker with a disk.
var journalFigures = []*figure[journalStats]{
	gauge("postrider_journal_bytes", "What the journal has on the disk, without what is zeroed ahead.", func(j *journalStats) float64 { return number(j.Bytes) }),
	gauge("postrider_journal_segments", "Files of the journal.", func(j *journalStats) float64 { return number(j.Segments) }),
	gauge("postrider_journal_live_ratio", "What part of the bytes is needed: an estimate, 0 to 1.", (*journalStats).LiveRatio),
	gauge("postrider_journal_live_records", "Records that are needed.", func(j *journalStats) float64 { return number(j.LiveRecords) }),
	gauge("postrider_journal_debt_bytes", "Bytes that are not needed and not yet given back: an estimate.", func(j *journalStats) float64 { return number(j.Debt) }),
	gauge("postrider_journal_backlog_bytes", "Bytes that are not yet safe.", func(j *journalStats) float64 { return number(j.Backlog) }),
	gauge("postrider_journal_full", "1 while there is no room on the disk.", func(j *journalStats) float64 { return truth(j.Full) }),
	gauge("postrider_journal_slow", "1 while one write has been under way for 5 s or longer.", func(j *journalStats) float64 { return truth(j.Slow) }),
	counter("postrider_journal_stalls_total", "Writes that took 5 s or longer.", func(j *journalStats) float64 { return number(j.Stalls) }),
	counter("postrider_journal_records_total", "Records that were appended; with the batches, how many one has.", func(j *journalStats) float64 { return number(j.Appended) }),
	counter("postrider_journal_appended_bytes_total", "Bytes that were appended.", func(j *journalStats) float64 { return number(j.AppendBytes) }),
	counter("postrider_journal_carried_bytes_total", "Bytes of records that were written anew to give disk space back.", func(j *journalStats) float64 { return number(j.CarriedBytes) }),
	counter("postrider_journal_batches_total", "Batches that were made safe by one write.", func(j *journalStats) float64 { return number(j.Batches) }),
	counter("postrider_journal_quarantined_records_total", "Records that could not be read and were put aside.", func(j *journalStats) float64 { return number(j.Quarantined) }),
}
