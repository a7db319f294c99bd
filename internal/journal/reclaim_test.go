package journal

import (
	"bytes"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/postrider-mq/postrider/internal/disk"
)

func TestConsumedRecordsGiveTheirSpaceBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := disk.NewMem()
		j, _ := openT(t, Config{FS: mem, SegmentSize: 4096})
		var lsns []LSN
		for i := range 200 {
			lsns = append(lsns, j.Append(1, true, bytes.Repeat([]byte{byte(i)}, 200)))
		}
		waitT(t, j, j.Last())
		synctest.Wait()
		before := len(segmentsOf(t, mem))
		for _, lsn := range lsns[1:] {
			j.Release(lsn)
		}
		synctest.Wait()
		if n := len(segmentsOf(t, mem)); n != before {
			t.Errorf("%d segments of %d are left although the oldest record is needed", n, before)
		}
		j.Release(lsns[0])
		synctest.Wait()
		if st := j.Stats(); st.Segments != 1 || st.LiveRecords != 0 {
			t.Errorf("everything was released: %+v", st)
		}
		if _, err := j.Read(lsns[0]); err != ErrGone {
			t.Errorf("Read of a record that is gone: %v", err)
		}
	})
}

// TestOneOldRecordDoesNotHoldTheDisk: one record of many is still needed, and everything after it was consumed.
func TestOneOldRecordDoesNotHoldTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := disk.NewMem()
		var j *Journal
		var oldest LSN
		var carried []string
		cfg := Config{FS: mem, SegmentSize: 4096, Carry: func(r Record) {
			if r.LSN != oldest {
				return // it was released
			}
			carried = append(carried, string(r.Body))
			oldest = j.Append(r.Kind, true, r.Body)
			j.Release(r.LSN)
		}}
		j, _ = openT(t, cfg)
		oldest = j.Append(1, true, []byte("the old one"))
		for i := range 2000 {
			lsn := j.Append(1, true, fmt.Appendf(nil, "young %d", i))
			j.Append(2, false, []byte("settled"))
			j.Release(lsn)
			if i%10 == 9 {
				waitT(t, j, lsn)
				synctest.Wait()
			}
		}
		synctest.Wait()
		if st := j.Stats(); st.Segments > 4 || st.LiveRecords != 1 {
			t.Errorf("one record is needed: %+v", st)
		}
		if len(carried) == 0 || carried[0] != "the old one" {
			t.Errorf("carried %.3q", carried)
		}
		if r, err := j.Read(oldest); err != nil || string(r.Body) != "the old one" {
			t.Errorf("Read = %q, %v", r.Body, err)
		}
		closeT(t, j)
		_, held := openT(t, Config{FS: mem, SegmentSize: 4096})
		if n := bytes.Count([]byte(fmt.Sprint(held)), []byte("the old one")); n != 1 {
			t.Errorf("the old record is there %d times", n)
		}
	})
}

// TestWhatIsKnownByHeartIsNotRead: the user knows all that is needed of old segments, and appends it anew, some at a time.
func TestWhatIsKnownByHeartIsNotRead(t *testing.T) {
	mem, reads := disk.NewMem(), 0
	fs := disk.NewFaulty(mem, nil, func(op disk.Op) {
		if op.Kind == disk.OpRead {
			reads++
		}
	})
	var j *Journal
	var hand *Manual
	known := map[LSN]string{}
	calls := 0
	j, hand = openByHand(t, Config{FS: fs, SegmentSize: 4096,
		Recall: func(from, to LSN) (more bool) {
			calls++
			left := 2
			for lsn, body := range known {
				switch {
				case lsn < from || lsn >= to:
				case left == 0:
					return true
				default:
					left--
					delete(known, lsn)
					known[j.Append(1, true, []byte(body))] = body
					j.Release(lsn)
				}
			}
			return false
		},
		Carry: func(r Record) { t.Errorf("record %d was read", r.LSN) },
	})
	for i := range 5 {
		body := fmt.Sprint("fact ", i)
		known[j.Append(1, true, []byte(body))] = body
	}
	hand.Write()
	reads = 0
	for range 100 {
		for range 40 {
			j.Append(2, false, make([]byte, 100))
		}
		for range 10 {
			hand.Write()
			hand.Prepare()
			for hand.Reclaim() == Worked {
			}
		}
		_, held := openT(t, Config{FS: mem.Snapshot(), SegmentSize: 4096})
		facts := map[string]bool{}
		for _, body := range held {
			facts[body] = true
		}
		for i := range 5 {
			if !facts[fmt.Sprint("fact ", i)] {
				t.Fatalf("fact %d is not in the journal any more", i)
			}
		}
	}
	if st := j.Stats(); st.Segments > 5 || st.LiveRecords != 5 || reads != 0 || calls < 50 {
		t.Errorf("%d reads, %d calls, %+v", reads, calls, st)
	}
}

func TestIdleRestartsLeaveNothingBehind(t *testing.T) {
	mem := disk.NewMem()
	for range 20 {
		j, _ := openT(t, Config{FS: mem, SegmentSize: 4096})
		closeT(t, j)
	}
	if names := segmentsOf(t, mem); len(names) != 1 {
		t.Errorf("after 20 starts without work there are %q", names)
	}
}

func TestALargeRecordGetsASegmentOfItsOwnSize(t *testing.T) {
	mem := disk.NewMem()
	cfg := Config{FS: mem, SegmentSize: 4096}
	j, _ := openT(t, cfg)
	large := string(bytes.Repeat([]byte("large "), 20000))
	j.Append(1, true, []byte("small"))
	lsn := j.Append(1, true, []byte(large))
	waitT(t, j, j.Append(1, true, []byte("small again")))
	if r, err := j.Read(lsn); err != nil || string(r.Body) != large {
		t.Errorf("Read = %d bytes, %v", len(r.Body), err)
	}
	_, held := openT(t, Config{FS: mem.Snapshot(), SegmentSize: 4096})
	wantRecords(t, held, "small", large, "small again")
}
