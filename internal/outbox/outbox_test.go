package outbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postrider-mq/postrider/internal/disk"
	"github.com/postrider-mq/postrider/internal/journal"
)

var quiet = slog.New(slog.DiscardHandler)

func mustOpen(t *testing.T, fs disk.FS) *Outbox {
	t.Helper()
	o, err := open(fs, quiet, 16<<10)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.Close(context.Background()) })
	return o
}

func mustKeep(t *testing.T, o *Outbox, p Post) uint64 {
	t.Helper()
	ticket, err := o.Keep(p)
	if err != nil {
		t.Fatal(err)
	}
	return ticket
}

func TestWhatIsKeptComesBackInOrder(t *testing.T) {
	fs := disk.NewMem()
	o := mustOpen(t, fs)
	at := time.UnixMilli(1_900_000_000_000)
	var tickets []uint64
	for i := range 100 {
		p := Post{Target: fmt.Sprint("peer ", i%2), Encoded: fmt.Appendf(nil, "message %d", i)}
		if i == 4 {
			p.Expires = at
		}
		tickets = append(tickets, mustKeep(t, o, p))
	}
	o.Done(tickets[10:12])
	o.Close(context.Background())
	o = mustOpen(t, fs)
	if got := fmt.Sprint(o.Targets()); got != "[peer 1 peer 0]" || !o.Has("peer 0") || o.Has("peer 2") {
		t.Fatal(got)
	}
	posts := o.Take("peer 0")
	if len(posts) != 49 || o.Has("peer 0") || len(o.Take("peer 0")) != 0 {
		t.Fatalf("%d posts", len(posts))
	}
	n := 0
	for _, p := range posts {
		if n == 10 {
			n += 2
		}
		if p.Ticket != tickets[n] || string(p.Encoded) != fmt.Sprint("message ", n) || p.Target != "peer 0" {
			t.Errorf("%d: %+v", n, p)
		}
		if n == 4 && !p.Expires.Equal(at) || n != 4 && !p.Expires.IsZero() {
			t.Errorf("%d: %+v", n, p)
		}
		n += 2
	}
}

// Power fails at any time: what was durable and not done is there, with its bytes, and nothing else but what was kept once.
func TestAPowerFailureLosesNothingDurable(t *testing.T) {
	seed := rand.Uint64()
	for round := range 30 {
		rnd := rand.New(rand.NewPCG(seed, uint64(round)))
		fs := disk.NewMem()
		kept, done := map[uint64][]byte{}, map[uint64]bool{}
		for life := range 4 {
			o := mustOpen(t, fs)
			seen := map[uint64]bool{}
			for _, p := range o.Take("bob") {
				if body, ok := kept[p.Ticket]; !ok || !bytes.Equal(body, p.Encoded) {
					t.Fatalf("seed %d/%d: life %d has a post %d that was never kept: %q", seed, round, life, p.Ticket, p.Encoded)
				}
				seen[p.Ticket] = true
			}
			for ticket := range kept {
				if !seen[ticket] && !done[ticket] {
					t.Fatalf("seed %d/%d: life %d has lost post %d", seed, round, life, ticket)
				}
				delete(done, ticket)
				if !seen[ticket] {
					delete(kept, ticket)
				}
			}
			all := make(map[uint64][]byte)
			for range rnd.IntN(1500) {
				body := bytes.Repeat([]byte{byte(rnd.Uint32())}, rnd.IntN(300))
				all[mustKeep(t, o, Post{Target: "bob", Encoded: body})] = body
				if rnd.IntN(3) > 0 {
					for ticket := range all { // any
						o.Done([]uint64{ticket})
						done[ticket] = true
						kept[ticket] = all[ticket]
						delete(all, ticket)
						break
					}
				}
			}
			var awaited uint64
			for ticket := range all { // any
				if err := o.Wait(t.Context(), ticket); err != nil {
					t.Fatal(err)
				}
				awaited = ticket
				break
			}
			durable := o.journal.Durable()
			for ticket, body := range all {
				kept[ticket] = body
				done[ticket] = journal.LSN(ticket) > durable && ticket > awaited // it may be lost
			}
			fs = fs.Crash(rnd.Uint64())
			o.Close(context.Background())
		}
	}
}

// One old post that nobody takes does not keep the disk from being given back.
func TestAnOldPostDoesNotHoldTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := disk.NewMem()
		o := mustOpen(t, fs)
		old := mustKeep(t, o, Post{Target: "bob", Encoded: []byte("old")})
		for i := range 1000 {
			ticket := mustKeep(t, o, Post{Target: "carol", Encoded: make([]byte, 1000)})
			o.Done([]uint64{ticket})
			if i%10 == 9 {
				synctest.Wait()
			}
		}
		synctest.Wait()
		if st := o.journal.Stats(); st.Segments > 4 || st.LiveRecords != 1 {
			t.Errorf("one post is kept: %+v", st)
		}
		o.Close(context.Background())
		o = mustOpen(t, fs)
		if got := o.Take("bob"); len(got) != 1 || got[0].Ticket != old || string(got[0].Encoded) != "old" {
			t.Fatalf("%+v", got)
		}
		if n := o.Waiting(); n != 1 {
			t.Errorf("%d are kept", n)
		}
	})
}

// An outbox ends though the disk is full, and says what it could not keep.
func TestAFullDiskHoldsUpNoEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := disk.NewMem()
		fs.SetCapacity(256 << 10)
		var log bytes.Buffer
		o, err := open(fs, slog.New(slog.NewTextHandler(&log, nil)), 16<<10)
		if err != nil {
			t.Fatal(err)
		}
		for o.journal.Backlog() == 0 {
			mustKeep(t, o, Post{Target: "bob", Encoded: make([]byte, 1000)})
			synctest.Wait()
		}
		for range 9 {
			mustKeep(t, o, Post{Target: "bob", Encoded: make([]byte, 1000)})
		}
		posted := o.Waiting()
		if err := o.Close(context.Background()); !errors.Is(err, disk.ErrNoSpace) {
			t.Error(err)
		}
		if !strings.Contains(log.String(), "posts=10 ") {
			t.Error(log.String())
		}
		fs.SetCapacity(1 << 20)
		if n := mustOpen(t, fs).Waiting(); n != posted-10 {
			t.Errorf("%d of %d are there", n, posted)
		}
	})
}

// A file that was cut short, or has gone, since the node ended in good order is no torn tail: posts are missing, and that is told.
func TestWhatHasGoneSinceACloseIsTold(t *testing.T) {
	for what, change := range map[string]func(t *testing.T, fs *disk.Mem, oldest, newest string, end int64){
		"nothing": func(*testing.T, *disk.Mem, string, string, int64) {},
		"the end of the newest file": func(t *testing.T, fs *disk.Mem, _, newest string, end int64) {
			file, err := fs.Open(newest)
			if err := errors.Join(err, file.Truncate(end)); err != nil {
				t.Fatal(err)
			}
		},
		"the newest file": func(t *testing.T, fs *disk.Mem, _, newest string, _ int64) { remove(t, fs, newest) },
		"the oldest file": func(t *testing.T, fs *disk.Mem, oldest, _ string, _ int64) { remove(t, fs, oldest) },
	} {
		t.Run(what, func(t *testing.T) {
			fs := disk.NewMem()
			o := mustOpen(t, fs)
			var tickets []uint64
			for range 100 {
				tickets = append(tickets, mustKeep(t, o, Post{Target: "bob", Encoded: make([]byte, 1000)}))
			}
			if err := o.Close(context.Background()); err != nil {
				t.Fatal(err)
			}
			segments := segmentsOf(t, fs)
			oldest, newest := segments[0], segments[len(segments)-1]
			var base uint64
			if _, err := fmt.Sscanf(newest, "%x.seg", &base); err != nil {
				t.Fatal(err)
			}
			change(t, fs, oldest, newest, int64(4096+tickets[len(tickets)-1]-base))
			var log bytes.Buffer
			o, err := open(fs, slog.New(slog.NewTextHandler(&log, nil)), 16<<10)
			if err != nil {
				t.Fatal(err)
			}
			defer o.Close(context.Background())
			lost := len(tickets) - o.Waiting()
			if told := strings.Contains(log.String(), "level=ERROR") && strings.Contains(log.String(), "missing"); told != (lost > 0) || lost > 0 == (what == "nothing") {
				t.Errorf("%d posts are lost, and the log says\n%s", lost, log.String())
			}
		})
	}
}

// A record that makes no sense keeps no others from being sent on, and its bytes are kept.
func TestAPostThatCannotBeReadIsPutAside(t *testing.T) {
	fs := disk.NewMem()
	o := mustOpen(t, fs)
	mustKeep(t, o, Post{Target: "bob", Encoded: []byte("before")})
	bad := o.journal.Append(kindPosted, true, []byte("no post"))
	o.journal.Append(kindDone, false, []byte("no tickets"))
	mustKeep(t, o, Post{Target: "bob", Encoded: []byte("behind")})
	if err := o.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	o, err := open(fs, slog.New(slog.NewTextHandler(&log, nil)), 16<<10)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close(context.Background())
	if got := o.Take("bob"); len(got) != 2 || string(got[0].Encoded) != "before" || string(got[1].Encoded) != "behind" {
		t.Errorf("%+v", got)
	}
	if st := o.journal.Stats(); st.LiveRecords != 2 {
		t.Errorf("%d records hold the disk, want those of two posts", st.LiveRecords)
	}
	name := fmt.Sprintf("quarantine/0000000000001000.seg-%d.bin", bad)
	file, err := fs.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	raw := make([]byte, 64)
	if n, _ := file.ReadAt(raw, 0); !bytes.Contains(raw[:n], []byte("no post")) {
		t.Errorf("put aside was %q", raw[:n])
	}
	for _, want := range []string{"cannot be read and is not sent on", "dir=mem:", name, "cannot be read that they were delivered"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %q:\n%s", want, log.String())
		}
	}
}

// A post that could not be put aside is there at the next start, which says so again.
func TestAPostThatCannotBePutAsideStays(t *testing.T) {
	fs := disk.NewMem()
	o := mustOpen(t, fs)
	o.journal.Append(kindPosted, true, []byte("no post"))
	if err := o.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		var log bytes.Buffer
		o, err := open(disk.NewFaulty(fs, func(op disk.Op) error {
			if strings.HasPrefix(op.Name, "quarantine/") {
				return disk.ErrNoSpace
			}
			return nil
		}, nil), slog.New(slog.NewTextHandler(&log, nil)), 16<<10)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(log.String(), "it stays in the outbox") || o.journal.Stats().LiveRecords != 1 {
			t.Error(log.String())
		}
		if err := o.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
}

// What a later version has written is not passed over: it may be posts, or what became of them.
func TestARecordOfALaterVersionIsNotPassedOver(t *testing.T) {
	fs := disk.NewMem()
	o := mustOpen(t, fs)
	lsn := o.journal.Append(77, false, []byte("what is to come"))
	if err := o.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	for range 2 { // nothing is changed by the first
		_, err := open(fs, quiet, 16<<10)
		for _, want := range []string{"0000000000001000.seg of mem:", fmt.Sprint("at offset ", lsn), "kind 77", "use the version that wrote it"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q does not say %q", err, want)
			}
		}
	}
}

func segmentsOf(t *testing.T, fs disk.FS) (names []string) {
	t.Helper()
	all, err := fs.List(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range all {
		if strings.HasSuffix(name, ".seg") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func remove(t *testing.T, fs disk.FS, name string) {
	t.Helper()
	if err := fs.Remove(name); err != nil {
		t.Fatal(err)
	}
}
