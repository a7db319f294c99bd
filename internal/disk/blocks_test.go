package disk

import (
	"bytes"
	"errors"
	"io/fs"
	"strings"
	"testing"
)

// TestBlocks are read as they were written, by whichever way; what are no whole blocks is refused.
func TestBlocks(t *testing.T) {
	both(t, func(t *testing.T, d FS) {
		f := createT(t, d, "a", "")
		reserved, err := f.Preallocate(4 * Block)
		if n, _ := f.Size(); reserved && n != 4*Block || err != nil {
			t.Errorf("Preallocate = %v, %v, and the file has %d bytes", reserved, err, n)
		}
		if _, err := f.WriteAt(bytes.Repeat([]byte("."), 2*Block), Block/2); err != nil {
			t.Fatal(err)
		}
		if err := d.Rename("a", "b"); err != nil {
			t.Fatal(err)
		}
		b := Blocks(Block + 1)
		copy(b, bytes.Repeat([]byte("x"), len(b)))
		if n, err := f.WriteBlocks(b, Block); n != 2*Block || err != nil {
			t.Errorf("WriteBlocks = %d, %v", n, err)
		}
		if _, err := f.WriteAt([]byte("yy"), 2*Block-1); err != nil {
			t.Fatal(err)
		}
		want := strings.Repeat("\x00", Block/2) + strings.Repeat(".", Block/2) + strings.Repeat("x", Block-1) + "yy" + strings.Repeat("x", Block-1)
		if got := content(t, d, "b"); strings.TrimRight(got, "\x00") != want {
			t.Errorf("it holds %d bytes, which are not those that were written", len(got))
		}
		for name, bad := range map[string]func() (int, error){
			"of memory": func() (int, error) { return f.WriteBlocks(Blocks(2 * Block)[8:][:Block], 0) },
			"of length": func() (int, error) { return f.WriteBlocks(b[:512], 0) },
			"of offset": func() (int, error) { return f.WriteBlocks(b, 512) },
		} {
			if _, err := bad(); !errors.Is(err, fs.ErrInvalid) {
				t.Errorf("WriteBlocks at no multiple %s = %v", name, err)
			}
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			t.Error(err)
		}
	})
}

func TestAlignedMemory(t *testing.T) {
	if n := len(Blocks(0)); n != 0 {
		t.Errorf("Blocks(0) has %d bytes", n)
	}
	for n := range 3 * Block {
		if got := len(Aligned(make([]byte, n))); got > n || got%Block != 0 || n >= 2*Block && got == 0 {
			t.Fatalf("%d bytes hold %d of whole blocks", n, got)
		}
	}
}
