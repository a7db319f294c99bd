// Package journal keeps records in files so that they survive a crash.
//
// There is one journal for everything that a broker must not lose. A record is appended in memory and gets its address, the
// LSN, at once; soon after, it is durable, and that is announced.
//
//	Append ──► batch being filled ──swap──► writer: write, fdatasync ──► OnDurable(upTo), Wait returns
//	  │                                        │
//	  └─ copies; under one short lock          └─ what arrives meanwhile is the next batch
//
// Batches grow with load and never wait for a timer: a lone record is written at once, and a thousand that arrive during
// a sync share the next one.
//
// # Files
//
// The journal is a row of segments, each named by the address it begins at. docs/JOURNAL.md draws them byte for byte. A
// segment has its room reserved and is synced before its first record, ahead of time. Batches are written as whole blocks, past the
// system's cache; blocks.go says how small ones come to find no metadata to write. Each record carries its own address, and
// two checksums: one of its header, so that a flipped length cannot lose the rest, and one of its body.
//
// # What can be relied on
//
//   - A record whose LSN is at most Durable is there after any crash.
//   - After a crash, what was not durable is there in part: some of the last batch, never a record that was not appended,
//     and in order.
//   - What Open has shown is durable: it does not trust the system's cache, and writes the unproven tail anew.
//   - Damage costs the records that it touches. Their bytes are copied to quarantine and named in Recovery.
//   - After a failed write or sync nothing becomes durable any more. Nothing is tried again, because a second sync that
//     succeeds says nothing about the first.
//   - A full disk is no failure: the journal waits for room, and says so before the last segment is used up. Close does not wait.
//
// # Space
//
// The journal does not know what its records mean; whoever appends decides how long one is needed. A record appended as live keeps its
// segment until it is released. Segments are deleted from the oldest end only, each after what replaces its records is
// durable; otherwise a dropped record could bring back an older one that it had cancelled. When most of the journal is dead,
// the live records of the oldest segment are offered to Config.Carry to be appended anew.
//
// # Goroutines
//
// The writer is the only one that writes records. The preparer makes the next segment. The reclaimer deletes and compacts. Append is a
// leaf: it takes one lock, calls nothing, and may be called under any other lock.
package journal
