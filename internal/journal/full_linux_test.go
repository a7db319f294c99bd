package journal

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/postrider-mq/postrider/internal/disk"
)

// TestAFullFileSystemCanBeEmptied is TestAFullDiskCanBeEmptied on file systems of 24 MiB.
func TestAFullFileSystemCanBeEmptied(t *testing.T) {
	dir := smallFileSystem(t)
	fullDiskStory(t, disk.OS(dir), 2<<20, func() {}, func(fs disk.FS) disk.FS {
		// A process that was killed leaves what the system has. The one that goes on here keeps its lock: so look at a copy.
		dir := smallFileSystem(t)
		copyFiles(t, fs.String(), dir)
		return disk.OS(dir)
	})
}

func smallFileSystem(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=24m"); err != nil {
		t.Skipf("NOT TESTED: what happens on a file system that is full, for want of the right to mount one: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func copyFiles(t *testing.T, from, to string) {
	t.Helper()
	entries, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(entries) // the oldest segments last: they may be being deleted
	for _, e := range entries {
		if e.IsDir() || e.Name() == lockName {
			continue
		}
		copyFile(t, filepath.Join(from, e.Name()), filepath.Join(to, e.Name()))
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if os.IsNotExist(err) {
		return // it was being made
	}
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
}
