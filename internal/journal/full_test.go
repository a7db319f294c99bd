package journal

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider/internal/disk"
)

// mailbox uses a journal like a queue: messages are live until they are settled, oldest first.
type mailbox struct {
	j    *Journal
	full chan bool

	waiting []LSN
	bodies  map[LSN]string
	n       int
}

const (
	messageKind Kind = 1
	settledKind Kind = 2
)

// openMailbox recovers a mailbox.
func openMailbox(t testing.TB, fs disk.FS, size int64) *mailbox {
	t.Helper()
	m := &mailbox{full: make(chan bool, 1000), bodies: map[LSN]string{}}
	var unneeded []LSN
	j, err := Open(Config{FS: fs, SegmentSize: size, OnFull: func(why error) { m.full <- why != nil }}, func(r Record) error {
		switch r.Kind {
		case messageKind:
			m.waiting = append(m.waiting, r.LSN)
			m.bodies[r.LSN] = string(r.Body[:20])
		case settledKind:
			lsn := LSN(le.Uint64(r.Body))
			if i := slices.Index(m.waiting, lsn); i >= 0 {
				m.waiting = slices.Delete(m.waiting, i, i+1)
				unneeded = append(unneeded, lsn)
				delete(m.bodies, lsn)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	for _, lsn := range unneeded {
		j.Release(lsn)
	}
	m.j = j
	return m
}

func (m *mailbox) publish() LSN {
	body := make([]byte, 1000)
	copy(body, fmt.Sprintf("message %012d", m.n))
	m.n++
	lsn := m.j.Append(messageKind, true, body)
	m.waiting = append(m.waiting, lsn)
	m.bodies[lsn] = string(body[:20])
	return lsn
}

func (m *mailbox) settle() LSN {
	lsn := m.waiting[0]
	m.waiting = m.waiting[1:]
	delete(m.bodies, lsn)
	done := m.j.Append(settledKind, false, le.AppendUint64(nil, uint64(lsn)))
	m.j.Release(lsn)
	return done
}

// fill publishes until the journal says that the disk is full, and returns how many messages it took. After each, rest lets the
// journal's helpers catch up with a disk that takes no time at all.
func (m *mailbox) fill(t testing.TB, rest func()) (n int) {
	t.Helper()
	for {
		waitT(t, m.j, m.publish())
		rest()
		n++
		select {
		case full := <-m.full:
			if full {
				return n
			}
		default:
		}
		if n > 1_000_000 {
			t.Fatal("the disk does not become full")
		}
	}
}

// drain settles all and waits until that is durable.
func (m *mailbox) drain(t testing.TB, keep int) {
	t.Helper()
	for len(m.waiting) > keep {
		waitT(t, m.j, m.settle())
	}
}

func (m *mailbox) wantSame(t testing.TB, other *mailbox) {
	t.Helper()
	if !slices.Equal(m.waiting, other.waiting) {
		t.Fatalf("%d messages were waiting, and %d are there after the restart", len(m.waiting), len(other.waiting))
	}
	for lsn, body := range m.bodies {
		if other.bodies[lsn] != body {
			t.Fatalf("message %d was %q and is %q", lsn, body, other.bodies[lsn])
		}
	}
}

// awaitRoom returns when what was settled has given its room back.
func (m *mailbox) awaitRoom(t testing.TB) {
	t.Helper()
	late := time.Now().Add(time.Minute)
	for st := m.j.Stats(); st.Full || st.Segments > 3; st = m.j.Stats() {
		if time.Now().After(late) {
			t.Fatalf("the disk is still full: %+v", st)
		}
		time.Sleep(10 * time.Millisecond)
	}
	for len(m.full) > 0 {
		<-m.full
	}
}

// fullDiskStory fills a disk, settles everything while it is full, and goes on. restart returns the same disk after a kill -9.
func fullDiskStory(t *testing.T, fs disk.FS, size int64, rest func(), restart func(disk.FS) disk.FS) {
	m := openMailbox(t, fs, size)
	first := m.fill(t, rest)
	if !m.j.Stats().Full {
		t.Error("Stats does not say that the disk is full")
	}

	// Killed while it is full, it starts while it is full.
	fs = restart(fs)
	again := openMailbox(t, fs, size)
	m.wantSame(t, again)
	again.n, m = m.n, again
	for range 20 { // what was under way when the publishers were told to stop
		waitT(t, m.j, m.publish())
	}

	fs = restart(fs)
	again = openMailbox(t, fs, size)
	m.wantSame(t, again)
	again.n, m = m.n, again
	m.drain(t, 10)
	m.awaitRoom(t)

	// There is room again: as much as before.
	second := m.fill(t, rest)
	if second < first/2 {
		t.Errorf("the disk took %d messages at first and %d after it was emptied", first, second)
	}
	m.drain(t, 0)
	m.awaitRoom(t)
	fs = restart(fs)
	again = openMailbox(t, fs, size)
	m.wantSame(t, again)
	t.Logf("%d messages filled the disk, then %d", first, second)
}

func TestAFullDiskCanBeEmptied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const capacity = 600 << 10
		mem := disk.NewMem()
		mem.SetCapacity(capacity)
		fullDiskStory(t, mem, 64<<10, synctest.Wait, func(fs disk.FS) disk.FS {
			synctest.Wait()
			after := fs.(*disk.Mem).Snapshot()
			after.SetCapacity(capacity)
			return after
		})
	})
}

// TestTheReserveIsForSettlements fills a disk whose last segment is used up too.
func TestTheReserveIsForSettlements(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := disk.NewMem()
		mem.SetCapacity(600 << 10)
		m := openMailbox(t, mem, 64<<10)
		m.fill(t, synctest.Wait)
		for m.j.Stats().Reserve > 0 { // publishers who do not stop
			waitT(t, m.j, m.publish())
		}
		m.drain(t, 0)
		synctest.Wait()
		time.Sleep(2 * retryFull)
		if st := m.j.Stats(); st.Full || st.Segments > 2 || st.Reserve == 0 {
			t.Errorf("after everything was settled: %+v", st)
		}
	})
}

// TestCloseWaitsForNoRoom closes a journal that has more to write than the disk takes.
func TestCloseWaitsForNoRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := disk.NewMem()
		mem.SetCapacity(600 << 10)
		m := openMailbox(t, mem, 64<<10)
		m.fill(t, synctest.Wait)
		for m.j.Backlog() == 0 { // publishers who do not stop
			m.publish()
			synctest.Wait()
		}
		last := m.waiting[len(m.waiting)-1]
		began := time.Now()
		if err := m.j.Close(); !errors.Is(err, disk.ErrNoSpace) || time.Since(began) > retryFull {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if err := m.j.Wait(t.Context(), last); !errors.Is(err, disk.ErrNoSpace) {
			t.Errorf("what had no room: %v", err)
		}
		m.waiting = slices.DeleteFunc(m.waiting, func(lsn LSN) bool { return lsn > m.j.Durable() })
		maps.DeleteFunc(m.bodies, func(lsn LSN, _ string) bool { return lsn > m.j.Durable() })
		mem.SetCapacity(10 << 20)
		m.wantSame(t, openMailbox(t, mem, 64<<10))
	})
}

func TestASlowDiskRaisesAnAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var takes atomic.Int64 // ns
		fs := disk.NewFaulty(disk.NewMem(), func(op disk.Op) error {
			if op.Kind == disk.OpSync {
				time.Sleep(time.Duration(takes.Load()))
			}
			return nil
		}, nil)
		began := time.Now()
		type told struct {
			after time.Duration
			pace  Pace
		}
		var heard []told
		j, _ := openT(t, Config{FS: fs, SegmentSize: 4096, OnPace: func(p Pace) { heard = append(heard, told{time.Since(began), p}) }})
		for _, test := range []struct {
			takes time.Duration
			want  []told
		}{
			{4 * time.Second, nil},
			{20 * time.Second, []told{{5 * time.Second, PaceSlow}, {20 * time.Second, PaceGood}}},
			{time.Second, nil},
			{time.Minute, []told{{5 * time.Second, PaceSlow}, {30 * time.Second, PaceStuck}, {time.Minute, PaceGood}}},
		} {
			heard, began = nil, time.Now()
			takes.Store(int64(test.takes))
			before := j.Durable()
			lsn := j.Append(1, true, []byte("x"))
			time.Sleep(test.takes - 1)
			if j.Durable() != before {
				t.Errorf("a record became durable during a sync of %v", test.takes)
			}
			if want := len(test.want) > 0; (j.Stats().Pace != PaceGood) != want {
				t.Errorf("during a sync of %v the pace was %v", test.takes, j.Stats().Pace)
			}
			waitT(t, j, lsn)
			if took := time.Since(began); took != test.takes {
				t.Errorf("durable after %v, want %v", took, test.takes)
			}
			synctest.Wait()
			if !slices.Equal(heard, test.want) || j.Stats().Pace != PaceGood {
				t.Errorf("a sync of %v: told %v, want %v; now %v", test.takes, heard, test.want, j.Stats().Pace)
			}
		}
	})
}

// TestDamageDoesNotHoldTheDisk damages a live record in the oldest segment. It can neither be carried nor will it be released, unless
// whoever appended it is asked.
func TestDamageDoesNotHoldTheDisk(t *testing.T) {
	for name, at := range map[string]int64{"body": recordHeaderSize + 3, "header": 5} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mem := disk.NewMem()
				var j *Journal
				needed := map[LSN][]byte{}
				keep := func(lsn LSN) {
					body := needed[lsn]
					delete(needed, lsn)
					needed[j.Append(1, true, body)] = body
					j.Release(lsn)
				}
				rescued := 0
				cfg := Config{FS: mem, SegmentSize: 4096,
					Carry: func(r Record) {
						if needed[r.LSN] != nil {
							keep(r.LSN)
						}
					},
					Rescue: func(from, to LSN) {
						for lsn := range needed {
							if from <= lsn && lsn < to {
								rescued++
								keep(lsn)
							}
						}
					},
				}
				j, _ = openT(t, cfg)
				for _, body := range []string{"damaged", "intact"} {
					needed[j.Append(1, true, []byte(body))] = []byte(body)
				}
				for j.Stats().Segments < 2 { // until the writer is done with the block in which they lie
					waitT(t, j, j.Append(1, false, []byte("something else that is soon forgotten")))
				}
				flip(t, mem, segmentsOf(t, mem)[0], segmentHeaderSize+at)
				for range 1000 {
					lsn := j.Append(1, true, []byte("young"))
					waitT(t, j, lsn)
					j.Release(lsn)
				}
				synctest.Wait()
				if st := j.Stats(); st.Segments > 4 || rescued == 0 || len(needed) != 2 {
					t.Errorf("%d rescued, %d left, %+v", rescued, len(needed), st)
				}
				for lsn, body := range needed {
					if r, err := j.Read(lsn); err != nil || string(r.Body) != string(body) {
						t.Errorf("Read = %q, %v", r.Body, err)
					}
				}
			})
		})
	}
}

// TestCarryingRests: a slice that took the disk a second is followed by two seconds in which nothing is carried.
func TestCarryingRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var slow atomic.Bool
		fs := disk.NewFaulty(disk.NewMem(), func(op disk.Op) error {
			if slow.Load() && op.Kind == disk.OpSync {
				time.Sleep(time.Second)
			}
			return nil
		}, nil)
		var j *Journal
		var carried []time.Time
		const size = carrySlice + 1000 // each is a slice
		cfg := Config{FS: fs, SegmentSize: 4 << 20, Carry: func(r Record) {
			if len(r.Body) == size {
				carried = append(carried, time.Now())
				j.Append(1, true, r.Body)
				j.Release(r.LSN)
			}
		}}
		j, _ = openT(t, cfg)
		var young []LSN
		for range 4 {
			j.Append(1, true, make([]byte, size))
		}
		for range 40 {
			young = append(young, j.Append(1, true, make([]byte, size-1)))
		}
		waitT(t, j, j.Last())
		slow.Store(true)
		for _, lsn := range young {
			j.Release(lsn)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(carried) < 4 {
			t.Fatalf("%d were carried", len(carried))
		}
		for i := range carried[:3] {
			if d := carried[i+1].Sub(carried[i]); d < 3*time.Second {
				t.Errorf("slice %d came %v after the one before, which took a second", i+1, d)
			}
		}
	})
}

// TestNoFilesLeftIsNoFailure has clients take all the files that the process may open, for a while.
func TestNoFilesLeftIsNoFailure(t *testing.T) {
	for _, kind := range []disk.OpKind{disk.OpCreate, disk.OpOpen, disk.OpSyncDir} {
		t.Run(string(kind), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mem := disk.NewMem()
				var none atomic.Bool
				m := openMailbox(t, disk.NewFaulty(mem, func(op disk.Op) error {
					if none.Load() && op.Kind == kind {
						return fmt.Errorf("open %s: %w", op.Name, disk.ErrNoFiles)
					}
					return nil
				}, nil), 64<<10)
				none.Store(true)
				m.fill(t, synctest.Wait)
				for range 200 { // publishers who do not stop: more than a segment holds
					m.publish()
				}
				last := m.publish()
				time.Sleep(2 * retryFull)
				if m.j.Durable() >= last || m.j.Err() != nil {
					t.Fatalf("without a file for it a message is durable, or the journal has failed: %v", m.j.Err())
				}
				none.Store(false)
				waitT(t, m.j, last)
				synctest.Wait()
				m.wantSame(t, openMailbox(t, mem.Snapshot(), 64<<10))
			})
		})
	}
}

// TestWhoFindsTheDiskFullHasItLookedAtAgain has the preparer find room just before the writer says that there was none.
func TestWhoFindsTheDiskFullHasItLookedAtAgain(t *testing.T) {
	manual := &Manual{Random: func(b []byte) { b[0]++ }}
	manual.Yield = func() { manual.Write() }
	var none atomic.Bool
	j, err := Open(Config{FS: disk.NewFaulty(disk.NewMem(), func(op disk.Op) error {
		if none.Load() && op.Kind == disk.OpCreate {
			return disk.ErrNoFiles
		}
		return nil
	}, nil), SegmentSize: 64 << 10, Manual: manual}, func(Record) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	none.Store(true)
	for manual.Write() != Stuck {
		j.Append(messageKind, true, make([]byte, 1000))
	}
	select {
	case <-j.wakePreparer: // he was woken by the last segment's beginning, and has found room
	default:
	}
	j.setFull(nil)
	if manual.Write() != Stuck || !j.Full() {
		t.Fatal("the writer has found room")
	}
	none.Store(false)
	for manual.Write() == Worked || manual.Prepare() == Worked {
	}
	if j.Full() {
		t.Error("there is room, and nobody looks whether there is")
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}

// TestFilesAreLeftToOthers has others need first the file of a segment that is made ahead of time, and then every one.
func TestFilesAreLeftToOthers(t *testing.T) {
	manual := &Manual{Random: func(b []byte) { b[0]++ }}
	manual.Yield = func() { manual.Write() }
	var ahead, must bool
	j, err := Open(Config{
		FS: disk.NewMem(), SegmentSize: 64 << 10, Manual: manual,
		MayGrow: func(early bool) bool { return early && ahead || !early && must },
	}, func(Record) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	write := func() (turn Turn) {
		for range 200 { // more than a segment holds
			j.Append(messageKind, true, make([]byte, 1000))
			if turn = manual.Write(); turn == Stuck {
				break
			}
			manual.Prepare()
		}
		return turn
	}
	must = true
	if write() == Stuck || !j.Full() || j.tail.capacity < 64<<10 { // small ones would only take more files
		t.Errorf("what has to be written is not, or nobody is told that there will be no file: %v", j.Full())
	}
	must = false
	if write() != Stuck {
		t.Error("it has taken the files that others need")
	}
	ahead, must = true, true
	for manual.Write() == Worked || manual.Prepare() == Worked {
	}
	if j.Full() || write() == Stuck {
		t.Error("there are files again, and it waits")
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}

func TestARestartWithoutRoomSaysSo(t *testing.T) {
	mem, _ := smallJournal(t)
	mem.SetCapacity(1)
	_, err := Open(Config{FS: mem}, func(Record) error { return nil })
	if !errors.Is(err, disk.ErrNoSpace) {
		t.Errorf("Open = %v", err)
	}
}

// A segment that was made ahead of time, and is too small for what comes, gives its room to the one that is made in its place.
func TestASegmentTooSmallGivesItsRoomToALargerOne(t *testing.T) {
	const size = 64 << 10
	mem := disk.NewMem()
	j, hand := openByHand(t, Config{FS: mem, SegmentSize: size})
	for j.ahead.Load() == nil {
		j.Append(1, true, make([]byte, 1000))
		hand.Write()
		hand.Prepare()
	}
	free, err := mem.Free()
	if err != nil {
		t.Fatal(err)
	}
	mem.SetCapacity(math.MaxInt64 - free + size) // room for another one of that size
	lsn := j.Append(1, true, make([]byte, size+size/2))
	for hand.Write() == Worked {
	}
	if j.Durable() < lsn || j.Full() || j.Stats().Reserve == 0 {
		t.Errorf("it is durable: %v; %+v", j.Durable() >= lsn, j.Stats())
	}
}
