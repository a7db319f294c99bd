package journal

import (
	"context"
	"fmt"
	"testing"

	"github.com/postrider-mq/postrider/internal/disk"
)

// openT opens a journal and returns it with what it held.
func openT(t testing.TB, cfg Config) (*Journal, []string) {
	t.Helper()
	var held []string
	j, err := Open(cfg, func(r Record) error { held = append(held, string(r.Body)); return nil })
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j, held
}

func waitT(t testing.TB, j *Journal, lsn LSN) {
	t.Helper()
	if err := j.Wait(context.Background(), lsn); err != nil {
		t.Fatalf("Wait(%d): %v", lsn, err)
	}
}

func closeT(t testing.TB, j *Journal) {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
}

func wantRecords(t testing.TB, got []string, want ...string) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the journal holds %.300q, want %.300q", got, want)
	}
}

func TestWhatWasAppendedIsThereAfterClosing(t *testing.T) {
	cfg := Config{FS: disk.NewMem(), SegmentSize: 4096}
	j, held := openT(t, cfg)
	wantRecords(t, held)
	j.Append(1, true, []byte("one"))
	waitT(t, j, j.Append(2, false, []byte("t"), []byte("wo")))
	j.Append(3, false)
	closeT(t, j)

	j, held = openT(t, cfg)
	wantRecords(t, held, "one", "two", "")
	if r := j.Recovery(); !r.Clean || r.Torn != 0 || len(r.Damaged) != 0 {
		t.Errorf("Recovery = %+v, want a clean one", r)
	}
	waitT(t, j, j.Append(1, true, []byte("four")))
	closeT(t, j)
	_, held = openT(t, cfg)
	wantRecords(t, held, "one", "two", "", "four")
}

func TestKilledWithoutClosing(t *testing.T) {
	mem := disk.NewMem()
	j, _ := openT(t, Config{FS: mem, SegmentSize: 4096})
	var want []string
	for i := range 500 {
		body := fmt.Sprintf("record %d", i)
		want = append(want, body)
		lsn := j.Append(1, true, []byte(body))
		if i%10 == 9 {
			waitT(t, j, lsn)
		}
	}
	for range 4 {
		mem = mem.Snapshot()
		j, held := openT(t, Config{FS: mem, SegmentSize: 4096})
		wantRecords(t, held, want...)
		if r := j.Recovery(); len(r.Damaged) != 0 {
			t.Errorf("damage: %+v", r.Damaged)
		}
	}
}
