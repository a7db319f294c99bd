package disk

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// What cannot be written past the cache is written through it: where the file system does not open a file that way, and where it says so only
// when it is written to, as one with larger blocks than ours does.
func TestBlocksWhereTheFileSystemDoesNotTakeThem(t *testing.T) {
	picky := func() *os.File { // takes no bytes but those of a number
		f, err := os.OpenFile("/proc/self/oom_score_adj", os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt([]byte("nothing"), 0); !errors.Is(err, syscall.EINVAL) {
			t.Fatalf("the file that is to refuse what is written says %v", err)
		}
		return f
	}
	for name, direct := range map[string]*os.File{"at the opening": nil, "at the first write": picky()} {
		path := filepath.Join(t.TempDir(), "a")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		o := newOSFile(f)
		o.once.Do(func() { o.direct = direct })
		x, y := Blocks(Block), Blocks(2*Block)
		copy(x, bytes.Repeat([]byte("x"), Block))
		copy(y, bytes.Repeat([]byte("y"), 2*Block))
		for _, write := range []struct {
			b  []byte
			at int64
		}{{x, 0}, {y, Block}} {
			if n, err := o.WriteBlocks(write.b, write.at); n != len(write.b) || err != nil {
				t.Errorf("%s: WriteBlocks = %d, %v", name, n, err)
			}
		}
		if err := errors.Join(o.Sync(), o.Close()); err != nil {
			t.Error(err)
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, append(x, y...)) {
			t.Errorf("%s: the file has %d bytes, which are not those that were written; %v", name, len(got), err)
		}
	}
}
