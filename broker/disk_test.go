package broker_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/broker"
)

func TestDurableQueuesAndPersistentMessagesSurvive(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	c := dial(t, b)
	declare(t, c, broker.QueueOptions{Name: "lasting", Durable: true})
	declare(t, c, broker.QueueOptions{Name: "passing"})
	if err := c.DeclareExchange(t.Context(), broker.ExchangeOptions{Name: "x", Kind: "fanout", Durable: true}); err != nil {
		t.Fatal(err)
	}
	if err := c.BindQueue(t.Context(), "lasting", "x", "", nil); err != nil {
		t.Fatal(err)
	}
	publish(t, c, "lasting", persistent, "a", "b")
	publish(t, c, "lasting", transient, "gone")
	publish(t, c, "passing", persistent, "gone")
	in := consume(t, c, "lasting", broker.ConsumeOptions{})
	ack(t, in.want(t, "a", "b", "gone")[0])
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}

	c = dial(t, open(t, dir))
	_, err := c.DeclareQueue(t.Context(), broker.QueueOptions{Name: "passing", Passive: true})
	wantCode(t, err, amqp.NotFound)
	if err := send(t, c, &broker.Publishing{Exchange: "x", Mandatory: true, Body: []byte("new")}); err != nil {
		t.Fatal("the binding is lost:", err)
	}
	consume(t, c, "lasting", broker.ConsumeOptions{}).want(t, "b again", "new")
}

func TestADirectoryInUseIsRefusedByNameAndWithARemedy(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	_, err := broker.Open(broker.Config{Dir: dir})
	wantSays(t, err, dir, "already open", "close it first, or choose another directory")
	b.Close()
	open(t, dir)
}

func TestADirectoryThatCannotBeMadeIsNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := broker.Open(broker.Config{Dir: filepath.Join(file, "data")})
	wantSays(t, err, file, "not a directory")
	_, err = broker.Open(broker.Config{Dir: file})
	wantSays(t, err, file, "not a directory")
}

func TestADirectoryThatMustNotBeWrittenIsNamedWithARemedy(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(dir, 0o700) })
	_, err := broker.Open(broker.Config{Dir: dir})
	wantSays(t, err, dir, "write permission", "choose another directory")
}

func TestAConfigThatMakesNoSenseIsRefused(t *testing.T) {
	for _, size := range []int{-1, 128<<20 + 1} {
		_, err := broker.Open(broker.Config{MaxMessage: size})
		wantSays(t, err, "MaxMessage")
	}
}

func wantSays(t *testing.T, err error, what ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, s := range what {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%q does not say %q", err, s)
		}
	}
}

// A crash may leave anything behind the last sync; it must not cost what is before it.
func TestADamagedTailCostsNothingThatWasConfirmed(t *testing.T) {
	bodies, last := numbered(20), strings.Repeat("z", 10_000)
	for name, story := range map[string]struct {
		damage func(written, unused []byte) []byte
		torn   bool // the last message was being written
	}{
		"garbage behind the file":   {damage: func(w, u []byte) []byte { return slices.Concat(w, u, garbage) }},
		"garbage behind the record": {damage: func(w, u []byte) []byte { return slices.Concat(w, garbage, u) }},
		"end cut off":               {damage: func(w, u []byte) []byte { return w }},
		"last record cut off":       {damage: func(w, u []byte) []byte { return w[:max(0, len(w)-len(last)/2)] }, torn: true},
		"last record with garbage": {damage: func(w, u []byte) []byte {
			return slices.Concat(w[:max(0, len(w)-len(last)/2)], garbage, u)
		}, torn: true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			c := dial(t, open(t, dir))
			declare(t, c, broker.QueueOptions{Name: "q", Durable: true})
			publish(t, c, "q", persistent, bodies...)
			publish(t, c, "q", persistent, last)
			crashed := copyOf(t, dir) // as a killed process leaves it
			damageJournal(t, crashed, story.damage)

			c = dial(t, open(t, crashed))
			in := consume(t, c, "q", broker.ConsumeOptions{})
			for _, body := range bodies {
				ack(t, in.want(t, body)...)
			}
			if !story.torn {
				in.want(t, last)
			}
			in.wantNone(t)
			publish(t, c, "q", persistent, "more")
			in.want(t, "more")
		})
	}
}

var garbage = []byte(strings.Repeat("garbage", 500))

// damageJournal damages the one file in dir that holds messages.
func damageJournal(t *testing.T, dir string, damage func(written, unused []byte) []byte) {
	t.Helper()
	damaged := 0
	for _, path := range filesIn(t, dir) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		used := len(bytes.TrimRight(b, "\x00"))
		if used < 10_000 {
			continue
		}
		used = min(len(b), (used+511)/512*512) // as disks write
		if err := os.WriteFile(path, damage(b[:used], b[used:]), 0o600); err != nil {
			t.Fatal(err)
		}
		damaged++
	}
	if damaged != 1 {
		t.Fatalf("damaged %d files, want 1", damaged)
	}
}

// filesIn are the paths of the files in a directory.
func filesIn(t *testing.T, dir string) (paths []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		paths = append(paths, filepath.Join(dir, e.Name()))
	}
	return paths
}

func copyOf(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	for _, path := range filesIn(t, dir) {
		b, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			continue // the next segment, that was given its name
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, filepath.Base(path)), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return to
}
