package core

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/disk"
	"github.com/postrider-mq/postrider/internal/journal"
)

// The dead letter that took a message's place may lie in the gap.
func TestASettlementBehindAGapIsNotBelieved(t *testing.T) {
	for gap, left := range map[bool]int{false: 0, true: 1} {
		r := newRecovery()
		q := r.queue(7)
		q.entries.put(1, pagedRef(4096, false, 1))
		err := r.settled(journal.Record{AfterGap: gap, Body: appendSettled(nil, 7, []span{{first: 1, count: 1}})})
		if err != nil || q.entries.n != left || q.next != 2 {
			t.Errorf("behind a gap %v: %d messages are left, the next position is %d, %v", gap, q.entries.n, q.next, err)
		}
	}
}

// A crash between two records leaves the message in both queues, never in neither.
func TestADeadLetterIsWrittenFirst(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	w.declare(dying(amqp.Table{}))
	w.durable("dead")
	w.send("q", "m")
	d, _ := w.get("q", false)
	before := w.core.journal.Last()
	w.discard(d)
	w.sync()
	var kinds []journal.Kind
	j, err := journal.Open(journal.Config{FS: w.disk.Snapshot()}, func(r journal.Record) error {
		if r.LSN > before {
			kinds = append(kinds, r.Kind)
		}
		return nil
	})
	w.must(err)
	w.must(j.Close())
	if want := []journal.Kind{kindEnqueued, kindSettled}; fmt.Sprint(kinds) != fmt.Sprint(want) {
		t.Errorf("records of the kinds %d were written, want %d", kinds, want)
	}
}

func TestACheckpointIsGoneBeforeTheJournalGoesOn(t *testing.T) {
	w := newWorld(t, disk.NewMem())
	w.durable("q")
	w.send("q", "a")
	w.must(w.core.Close())
	w.open(w.disk)
	for seed := range uint64(10) {
		if _, err := w.disk.Crash(seed).Open("checkpoint"); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("after a crash with seed %d there is an old checkpoint: %v", seed, err)
		}
	}
	w.send("q", "b")
	w.crash(1)
	w.wantContents("q", "a", "b")
}
