package sim

import (
	"errors"
	"io"
	"syscall"

	"github.com/postrider-mq/postrider/internal/disk"
)

// drive is the disk as the broker sees it: a crashable one, behind a gate at
// which each operation may be delayed, failed, or be the last.
type drive struct {
	*disk.Faulty
	mem  *disk.Mem
	held io.Closer // the directory's lock
}

// capacity of a disk that is not full.
const capacity = 1 << 60

func newDrive(w *World, mem *disk.Mem) *drive {
	mem.SetCapacity(capacity)
	d := &drive{mem: mem}
	d.Faulty = disk.NewFaulty(mem, w.beforeDisk, w.afterDisk)
	return d
}

// Lock remembers the lock, which a process that is killed gives back.
func (d *drive) Lock(name string) (io.Closer, error) {
	held, err := d.Faulty.Lock(name)
	d.held = held
	return held, err
}

var errPowerless = errors.New("there is no power")

// beforeDisk decides what becomes of an operation.
func (w *World) beforeDisk(op disk.Op) error {
	if w.dead {
		return errPowerless
	}
	if op.Kind == disk.OpSize || op.Kind == disk.OpList || op.Kind == disk.OpLock || op.Kind == disk.OpOpen || op.Kind == disk.OpRead {
		return nil
	}
	w.note(uint64(op.Index), op.Name)
	w.tracef("disk %s %s", op.Kind, op.Name)
	if err := w.injure(op); err != nil {
		return err
	}
	w.crashIfDue()
	if w.running != nil && !w.booting && w.rnd.IntN(3) == 0 {
		w.running.onIO = true
		w.park()
		w.running.onIO = false
	}
	return nil
}

func (w *World) afterDisk(op disk.Op) {
	if op.Kind != disk.OpRead && !w.dead {
		w.crashIfDue()
	}
}

// crashIfDue cuts the power when the crash that was asked for is due.
func (w *World) crashIfDue() {
	if w.crashIn == 0 {
		return
	}
	if w.crashIn--; w.crashIn > 0 {
		return
	}
	w.powerFails()
	panic(errKilled)
}

// powerFails takes what the disk kept. The process is dead.
func (w *World) powerFails() {
	w.tracef("the power fails")
	w.after = w.drive.mem.Crash(w.rnd.Uint64())
	w.dead = true
}

// injure fails an operation if a fault is due.
func (w *World) injure(op disk.Op) error {
	if w.faultIn == 0 || op.Kind == disk.OpTruncate || w.faultSync && op.Kind != disk.OpSync && op.Kind != disk.OpSyncDir {
		return nil
	}
	if w.faultIn--; w.faultIn > 0 {
		return nil
	}
	w.tracef("disk fails: %s %s", op.Kind, op.Name)
	w.faults++
	return syscall.EIO
}
