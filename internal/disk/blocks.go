package disk

import (
	"fmt"
	"io/fs"
	"unsafe"
)

// Block is the unit of WriteBlocks, in bytes: no disk that is in use has larger ones.
const Block = 4096

// Blocks returns room for n bytes, up to the next whole block, that begins at a multiple of Block in memory.
func Blocks(n int) []byte {
	n = (n + Block - 1) / Block * Block
	return Aligned(make([]byte, n+Block-1))
}

// Aligned returns the whole blocks of memory that lie in b.
func Aligned(b []byte) []byte {
	b = b[min(-address(b)&(Block-1), len(b)):]
	n := len(b) &^ (Block - 1)
	return b[:n:n]
}

func address(b []byte) int { return int(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) }

// checkBlocks refuses what no system would write past its cache.
func checkBlocks(name string, p []byte, off int64) error {
	if address(p)%Block != 0 || len(p)%Block != 0 || off%Block != 0 {
		return &fs.PathError{Op: "write blocks", Path: name, Err: fmt.Errorf("%w: %d bytes at offset %d are no whole blocks, or do not lie on them in memory", fs.ErrInvalid, len(p), off)}
	}
	return nil
}
