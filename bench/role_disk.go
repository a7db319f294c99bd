package main

import (
	"os"
	"path/filepath"
	"slices"

	"github.com/postrider-mq/postrider/internal/measure"
)

const (
	diskBlock = 4 << 10
	diskFile  = 64 << 20
	diskBatch = 10_000 // messages that one sync takes at most
)

// disk is the limit of durability: messages written one behind the other into a file that was written before, so that the file
// system has nothing to do, with an fdatasync after each batch of them. A batch of one fills a block. At a rate a batch is what is due.
type disk struct {
	order order
	file  *os.File
	at    int64 // where the next block goes
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
	if d.order.Rate > 0 {
		return d.workWhenDue()
	}
	watch := newStopwatch(d.order)
	batch, size := max(d.order.Batch, 1), d.order.Body
	block := make([]byte, max(batch*size, diskBlock))
	for last := false; !last; {
		t := measure.Now()
		last = watch.tick(t)
		for i := range batch {
			writeBody(block[i*size:][:size], watch.tally.Messages, t, last)
			watch.sent()
		}
		if err := d.append(block); err != nil {
			return tally{}, err
		}
		watch.took(measure.Now() - t)
	}
	return watch.stop()
}

// workWhenDue writes at a rate: all that became due during one sync shares the next.
func (d *disk) workWhenDue() (tally, error) {
	watch, pace := newStopwatch(d.order), measure.NewPace(float64(d.order.Rate))
	size := d.order.Body
	var batch []int64 // when they were due
	var block []byte
	for last := false; !last; {
		first := watch.tally.Messages
		due, err := pace.Next(first)
		if err != nil {
			return tally{}, err
		}
		batch, block = batch[:0], block[:0]
		for now := measure.Now(); !last && len(batch) < diskBatch && due <= now; due = pace.Due(first + uint64(len(batch))) {
			last = watch.tick(due)
			block = slices.Grow(block, size)[:len(block)+size]
			writeBody(block[len(block)-size:], watch.tally.Messages, due, last)
			watch.sent()
			batch = append(batch, due)
		}
		for len(block)%diskBlock != 0 {
			block = append(block, 0)
		}
		if err := d.append(block); err != nil {
			return tally{}, err
		}
		now := measure.Now()
		for _, due := range batch {
			watch.took(now - due)
		}
	}
	return watch.stop()
}

// append writes a block behind the last one, or at the beginning when the file is full, and waits for the disk.
func (d *disk) append(block []byte) error {
	if d.at+int64(len(block)) > diskFile {
		d.at = 0
	}
	if _, err := d.file.WriteAt(block, d.at); err != nil {
		return err
	}
	d.at += int64(len(block))
	return syncData(d.file)
}
