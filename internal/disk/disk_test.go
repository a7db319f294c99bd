package disk

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// both runs a test on a directory of the operating system and on one in memory: they must not be told apart.
func both(t *testing.T, test func(t *testing.T, d FS)) {
	t.Run("os", func(t *testing.T) { test(t, OS(t.TempDir())) })
	t.Run("mem", func(t *testing.T) { test(t, NewMem()) })
	t.Run("faulty without faults", func(t *testing.T) { test(t, NewFaulty(NewMem(), nil, nil)) })
}

func createT(t *testing.T, d FS, name, content string) File {
	t.Helper()
	f, err := d.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	if _, err := f.WriteAt([]byte(content), 0); err != nil {
		t.Fatal(err)
	}
	return f
}

// content returns a file's contents, or "-" when there is no such file.
func content(t *testing.T, d FS, name string) string {
	t.Helper()
	f, err := d.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "-"
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n, err := f.Size()
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(io.NewSectionReader(f, 0, n))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestFiles(t *testing.T) {
	both(t, func(t *testing.T, d FS) {
		f := createT(t, d, "a", "hello")
		if _, err := f.WriteAt([]byte("world"), 8); err != nil {
			t.Fatal(err)
		}
		if got := content(t, d, "a"); got != "hello\x00\x00\x00world" {
			t.Errorf("a = %q", got)
		}
		b := make([]byte, 10)
		if n, err := f.ReadAt(b, 8); n != 5 || err != io.EOF {
			t.Errorf("ReadAt past the end = %d, %v", n, err)
		}
		_, err := f.Preallocate(100)
		if err := errors.Join(f.Truncate(3), err, f.Sync()); err != nil {
			t.Error(err)
		}
		createT(t, d, "sub/b", "below")
		if err := errors.Join(d.Rename("a", "c"), d.SyncDir("."), d.SyncDir("sub")); err != nil {
			t.Error(err)
		}
		names, err := d.List(".")
		if err != nil || !slices.Equal(names, []string{"c"}) {
			t.Errorf("List(.) = %q, %v", names, err)
		}
		names, err = d.List("sub")
		if err != nil || !slices.Equal(names, []string{"b"}) {
			t.Errorf("List(sub) = %q, %v", names, err)
		}
		names, err = d.List("nowhere")
		if err != nil || len(names) != 0 {
			t.Errorf("List(nowhere) = %q, %v", names, err)
		}
		if got := content(t, d, "c") + content(t, d, "a"); !strings.HasPrefix(got, "hel") || !strings.HasSuffix(got, "-") {
			t.Errorf("c and a = %q", got)
		}
		if err := d.Remove("c"); err != nil {
			t.Error(err)
		}
		if err := d.Remove("c"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Remove of nothing = %v", err)
		}
		if free, err := d.Free(); free <= 0 || err != nil {
			t.Errorf("Free = %d, %v", free, err)
		}
	})
}

func TestLock(t *testing.T) {
	both(t, func(t *testing.T, d FS) {
		lock, err := d.Lock("LOCK")
		if err != nil {
			t.Fatal(err)
		}
		var locked *LockedError
		if _, err := d.Lock("LOCK"); !errors.As(err, &locked) || !locked.Self {
			t.Errorf("the second Lock = %v", err)
		}
		if err := lock.Close(); err != nil {
			t.Error(err)
		}
		lock, err = d.Lock("LOCK")
		if err != nil {
			t.Fatal(err)
		}
		_ = lock.Close()
	})
}

// TestLockOfAnotherProcess has a second process hold the lock: this very test, run again.
func TestLockOfAnotherProcess(t *testing.T) {
	if dir := os.Getenv("POSTRIDER_TEST_LOCK"); dir != "" {
		if _, err := OS(dir).Lock("LOCK"); err != nil {
			os.Exit(1)
		}
		os.Stdout.WriteString("locked\n")
		_, _ = io.ReadAll(os.Stdin)
		os.Exit(0)
	}
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestLockOfAnotherProcess$")
	cmd.Env = append(os.Environ(), "POSTRIDER_TEST_LOCK="+dir)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, len("locked\n"))
	if _, err := io.ReadFull(out, line); err != nil {
		t.Fatal(err)
	}
	var locked *LockedError
	_, err = OS(dir).Lock("LOCK")
	if !errors.As(err, &locked) || locked.Self || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("Lock = %v", err)
	}
	_ = cmd.Process.Kill()
	_ = in.Close()
	_ = cmd.Wait()
	lock, err := OS(dir).Lock("LOCK")
	if err != nil {
		t.Fatalf("after the other process was killed: %v", err)
	}
	_ = lock.Close()
}

func TestWhatWasSyncedSurvivesEveryCrash(t *testing.T) {
	m := NewMem()
	f := createT(t, m, "a", "safe")
	if err := errors.Join(f.Sync(), m.SyncDir(".")); err != nil {
		t.Fatal(err)
	}
	big := strings.Repeat("new!", 1024)
	if _, err := f.WriteAt([]byte(big), 4); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for seed := range uint64(500) {
		got := content(t, m.Crash(seed), "a")
		if !strings.HasPrefix(got, "safe") {
			t.Fatalf("seed %d: %.10q", seed, got)
		}
		for i := 0; i < len(got); i += sector {
			piece := got[i:min(i+sector, len(got))]
			if want := ("safe" + big)[i:min(i+sector, len(got))]; piece != want && strings.Trim(piece[min(4, len(piece)):], "\x00") != "" {
				t.Fatalf("seed %d: the sector at %d is %.20q: neither old nor new", seed, i, piece)
			}
		}
		seen[got] = true
	}
	if len(seen) < 20 {
		t.Errorf("500 crashes left only %d different disks", len(seen))
	}
}

func TestNamesAreSafeOnlyAfterSyncDir(t *testing.T) {
	m := NewMem()
	for _, name := range []string{"a", "b"} {
		if err := createT(t, m, name, "of "+name).Sync(); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.SyncDir("."); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(m.Remove("a"), m.Rename("b", "c"), createT(t, m, "d", "of d").Sync()); err != nil {
		t.Fatal(err)
	}
	states := map[string]int{}
	for seed := range uint64(300) {
		c := m.Crash(seed)
		b := content(t, c, "b") + content(t, c, "c")
		if b != "of b-" && b != "-of b" {
			t.Fatalf("seed %d: the rename was torn: %q", seed, b)
		}
		states[content(t, c, "a")+b+content(t, c, "d")]++
	}
	if len(states) != 8 {
		t.Errorf("three changes of names should leave 8 states, left %v", states)
	}
}

func TestAFailedSyncLosesWhatCanStillBeRead(t *testing.T) {
	m := NewMem()
	fail := false
	d := NewFaulty(m, func(op Op) error {
		if fail && op.Kind == OpSync {
			return io.ErrUnexpectedEOF
		}
		return nil
	}, nil)
	f := createT(t, d, "a", "old")
	if err := errors.Join(f.Sync(), d.SyncDir(".")); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("new"), 0); err != nil {
		t.Fatal(err)
	}
	fail = true
	if err := f.Sync(); err != io.ErrUnexpectedEOF {
		t.Fatalf("Sync = %v", err)
	}
	fail = false
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	if got := content(t, m, "a"); got != "new" {
		t.Errorf("before the crash a = %q", got)
	}
	for seed := range uint64(20) {
		if got := content(t, m.Crash(seed), "a"); got != "old" {
			t.Errorf("after a crash a = %q", got)
		}
	}
}

func TestAFailedWriteWritesHalf(t *testing.T) {
	m, fail := NewMem(), false
	d := NewFaulty(m, func(op Op) error {
		if fail && op.Kind == OpWrite {
			return ErrNoSpace
		}
		return nil
	}, nil)
	f := createT(t, d, "a", "")
	fail = true
	if n, err := f.WriteAt([]byte("12345678"), 0); n != 4 || !errors.Is(err, ErrNoSpace) {
		t.Errorf("WriteAt = %d, %v", n, err)
	}
	if got := content(t, m, "a"); got != "1234" {
		t.Errorf("a = %q", got)
	}
}

func TestCapacity(t *testing.T) {
	m := NewMem()
	m.SetCapacity(1000)
	f := createT(t, m, "a", "")
	if _, err := f.WriteAt(bytes.Repeat([]byte{1}, 1001), 0); !errors.Is(err, ErrNoSpace) {
		t.Errorf("WriteAt = %v", err)
	}
	if _, err := f.Preallocate(2000); !errors.Is(err, ErrNoSpace) {
		t.Errorf("Preallocate = %v", err)
	}
	if _, err := f.WriteAt(bytes.Repeat([]byte{1}, 1000), 0); err != nil {
		t.Error(err)
	}
	if free, _ := m.Free(); free != 0 {
		t.Errorf("Free = %d", free)
	}
}

// TestADirectoryThatCannotBeMade names the path, whatever is in the way.
func TestADirectoryThatCannotBeMade(t *testing.T) {
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OS(file + "/dir").Lock("LOCK"); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("Lock = %v", err)
	}
}

func TestErrorsNameTheRemedy(t *testing.T) {
	err := explain(&fs.PathError{Op: "open", Path: "/data/x", Err: fs.ErrPermission})
	if s := err.Error(); !strings.Contains(s, "/data/x") || !strings.Contains(s, "write permission") {
		t.Errorf("error = %q", s)
	}
	err = explain(&fs.PathError{Op: "open", Path: "/data/x", Err: syscall.EMFILE})
	if s := err.Error(); !errors.Is(err, ErrNoFiles) || !strings.Contains(s, "/data/x") || !strings.Contains(s, "LimitNOFILE") {
		t.Errorf("error = %q", s)
	}
}
