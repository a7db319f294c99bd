package main

import (
	"os"
	"path/filepath"
)

const (
	diskBlock = 4 << 10
	diskFile  = 64 << 20
)

// disk is the limit of durability: blocks written one behind the other into a file that
// was written before, with an fdatasync after each.
type disk struct {
	order order
	file  *os.File
}

func (d *disk) prepare(o order) (_ string, err error) {
	d.order = o
	if d.file, err = os.Create(filepath.Join(o.Dir, "raw")); err != nil {
		return "", err
	}
	zeros := make([]byte, 1<<20)
	for at := int64(0); at < diskFile; at += int64(len(zeros)) {
		if _, err := d.file.WriteAt(zeros, at); err != nil {
			return "", err
		}
	}
	return "", d.file.Sync()
}

func (d *disk) close() error { return d.file.Close() }

func (d *disk) work(<-chan struct{}) (tally, error) {
	watch := newStopwatch(d.order)
	block := make([]byte, diskBlock)
	at := int64(0)
	for last := false; !last; {
		t := now()
		last = watch.tick(t)
		writeBody(block[:bodySize], watch.tally.Messages, t, last)
		if _, err := d.file.WriteAt(block, at); err != nil {
			return tally{}, err
		}
		if err := syncData(d.file); err != nil {
			return tally{}, err
		}
		watch.took(now() - t)
		watch.sent()
		at = (at + diskBlock) % diskFile
	}
	return watch.stop()
}
