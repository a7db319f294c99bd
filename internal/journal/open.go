package journal

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"time"
)

const lockName = "LOCK"

// firstLSN is where a new journal begins.
const firstLSN LSN = 4096

// Open recovers the journal in cfg.FS, which is made if it is not there, shows every record in it to replay, oldest first (or
// gives a checkpoint to Config.Restore), and returns it ready for more. An error of replay ends Open.
//
// Each record that was appended as live counts as live again: after Open, release those that are not needed.
//
// Damage does not keep a journal from opening: see Recovery. Errors: a *disk.LockedError when the directory is in use; what
// keeps the directory from being read or written, with its path; a format of another version.
func Open(cfg Config, replay func(Record) error) (*Journal, error) {
	if cfg.SegmentSize == 0 {
		cfg.SegmentSize = defaultSegmentSize
	}
	cfg.SegmentSize = max(cfg.SegmentSize&^7, 1024)
	if cfg.SyncPeriod == 0 {
		cfg.SyncPeriod = defaultSyncPeriod
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Sync > SyncNone {
		return nil, fmt.Errorf("open journal: sync mode %d does not exist", cfg.Sync)
	}
	lock, err := cfg.FS.Lock(lockName)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	j := &Journal{
		cfg: cfg, fs: cfg.FS, log: cfg.Logger, lock: lock,
		wakePreparer: make(chan struct{}, 1), wakeReclaimer: make(chan struct{}, 1),
	}
	j.wake.L = &j.mu
	j.reclaimer.journal = j
	var random [24]byte
	if cfg.Manual != nil {
		cfg.Manual.Random(random[:])
	} else {
		_, _ = rand.Read(random[:])
	}
	copy(j.id[:], random[:])
	j.seed = le.Uint64(random[16:])
	if err := j.open(replay); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("open journal: %w", err)
	}
	return j, nil
}

func (j *Journal) open(replay func(Record) error) error {
	j.stall.journal = j
	if err := j.findReserve(); err != nil {
		return err
	}
	r := &recovery{j: j, fs: j.fs, replay: replay, began: time.Now()}
	next, segments, err := r.run()
	if err != nil {
		r.close()
		return err
	}
	j.recovery = r.report
	oldest := next
	if len(segments) > 0 {
		oldest = segments[0].base
	}
	r.adopt(oldest)
	active, err := r.makeFirst(next)
	if err != nil {
		r.close()
		return err
	}
	r.cutOff(next)
	segments = append(segments, active)
	j.segments.Store(&segments)
	j.tail, j.current, j.entered = active, active, active
	j.next, j.written, j.synced = next, next, next
	j.durable.Store(uint64(next - 1))
	j.lastSync = time.Now()
	j.begin(active)
	j.stop, j.stopped = context.WithCancel(context.Background())
	if j.cfg.Manual != nil {
		j.cfg.Manual.journal = j
	} else {
		j.running.Add(3)
		go j.write()
		go j.prepare()
		go j.reclaim()
	}
	return nil
}
