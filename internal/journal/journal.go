package journal

import (
	"context"
	"log/slog"
	"time"

	"github.com/postrider-mq/postrider/internal/disk"
)

// LSN is a log sequence number: the address of a record in the logical journal. It grows with every record. Zero is no record's.
type LSN uint64

// Kind says what a record means. The journal gives no meaning to kinds; those from 0xF0 up are its own.
type Kind uint8

// Record is one fact in the journal.
type Record struct {
	LSN  LSN
	Kind Kind
	Live bool   // appended with live set
	Body []byte // in callbacks: valid until the callback returns
}

// SyncMode says when a record counts as durable.
type SyncMode uint8

const (
	SyncAlways   SyncMode = iota // when a sync that covers it has succeeded
	SyncInterval                 // when it was written; a sync follows within Config.SyncPeriod
	SyncNone                     // when it was written; the operating system decides when it reaches the disk
)

// Config configures Open. FS is the only field that must be set.
type Config struct {
	FS          disk.FS
	SegmentSize int64         // 64 MiB when zero
	Sync        SyncMode      // SyncAlways when zero
	SyncPeriod  time.Duration // for SyncInterval: 100 ms when zero
	Logger      *slog.Logger  // nothing is logged when nil

	// OnDurable is told after each sync: every record with an LSN of at most upTo is durable. It is called by the
	// writer goroutine, with no lock held, and must not block.
	OnDurable func(upTo LSN)
	// OnFailure is called once, when a write or sync failed and the journal has stopped for good.
	OnFailure func(error)
	// Carry is called for each live record of the oldest segment when the journal wants that segment's space. If the record is still
	// needed, the callee appends it anew and then releases the old LSN. It is called by the journal's housekeeper, with no lock held.
	Carry func(Record)
}

// Journal is an append-only file of records that survive a crash.
type Journal struct{}

// Open recovers the journal in cfg.FS.
func Open(cfg Config, replay func(Record) error) (*Journal, error) { panic("being built") }

// Append adds a record made of parts.
func (j *Journal) Append(kind Kind, live bool, parts ...[]byte) LSN { panic("being built") }

// Release says that a live record is no longer needed.
func (j *Journal) Release(lsn LSN) { panic("being built") }

// Durable returns the LSN up to which, inclusive, every record is durable.
func (j *Journal) Durable() LSN { panic("being built") }

// Wait returns nil when the record at lsn is durable.
func (j *Journal) Wait(ctx context.Context, lsn LSN) error { panic("being built") }

// Read returns the record at lsn, with a body of its own.
func (j *Journal) Read(lsn LSN) (Record, error) { panic("being built") }

// Backlog returns the number of bytes appended and not yet durable.
func (j *Journal) Backlog() int { panic("being built") }

// Err returns why the journal failed, or nil.
func (j *Journal) Err() error { panic("being built") }

// Stats is a snapshot of the journal's figures.
type Stats struct {
	Segments      int
	Bytes         int64 // on disk
	LiveBytes     int64 // an estimate of the part of them that is needed
	LiveRecords   int64
	Appended      uint64 // records since Open
	AppendedBytes uint64 // their bytes with headers
	Batches       uint64 // written and, in SyncAlways, synced since Open
	Syncs         uint64
	Backlog       int  // bytes appended and not yet durable
	Stalled       bool // the disk is full: nothing becomes durable until there is space
}

// Stats returns the journal's figures.
func (j *Journal) Stats() Stats { panic("being built") }

// Recovery returns what Open found.
func (j *Journal) Recovery() Recovery { panic("being built") }

// Recovery tells what Open found in the directory.
type Recovery struct {
	Segments int
	Records  int64    // replayed
	Clean    bool     // the journal was closed properly
	Torn     int64    // bytes at the tail that were being written when the process or the machine stopped
	Damaged  []Damage // what could not be read, oldest first
}

// Damage is a stretch of the journal that could not be read. Its raw bytes were copied into the file Quarantine.
type Damage struct {
	Segment    string
	Offset     int64 // in the segment's file
	Length     int64
	LSN        LSN
	Synced     bool // it had been durable: the disk lost it. Otherwise it may never have been wholly written.
	Reason     string
	Quarantine string // empty when the stretch holds no bytes
}

// Close writes out everything appended, syncs and gives the directory back.
func (j *Journal) Close() error { panic("being built") }
