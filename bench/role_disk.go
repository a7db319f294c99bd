package main

import (
	"os"
	"path/filepath"

	"github.com/postrider-mq/postrider/internal/measure"
)

const (
	diskBlock = 4 << 10
	diskFile  = 64 << 20
)

// disk is the limit of durability: messages written one behind the other into a file that was written before, so that the file
// system has nothing to do, with an fdatasync after each batch of them. A batch of one fills a block.
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
	batch, size := max(d.order.Batch, 1), d.order.Body
	block := make([]byte, max(batch*size, diskBlock))
	at := int64(0)
	for last := false; !last; {
		t := measure.Now()
		last = watch.tick(t)
		for i := range batch {
			writeBody(block[i*size:][:size], watch.tally.Messages, t, last)
			watch.sent()
		}
		if _, err := d.file.WriteAt(block, at); err != nil {
			return tally{}, err
		}
		if err := syncData(d.file); err != nil {
			return tally{}, err
		}
		watch.took(measure.Now() - t)
		if at += int64(len(block)); at+int64(len(block)) > diskFile {
			at = 0
		}
	}
	return watch.stop()
}
