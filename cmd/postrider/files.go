package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// filesIn are the paths of the files in a directory whose names end so, in order.
func filesIn(dir, ending string) (paths []string, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ending) {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths, err
}

// writeWhole writes a file that its owner alone can read; it never leaves half of one.
func writeWhole(path string, text []byte) error { return write(path, text, os.Rename) }

// writeNew is writeWhole for a file that must not be there yet: else it fails with fs.ErrExist.
func writeNew(path string, text []byte) error {
	return write(path, text, func(from, to string) error {
		err := os.Link(from, to)
		if err == nil || errors.Is(err, fs.ErrExist) {
			return errors.Join(err, os.Remove(from))
		}
		if _, err := os.Lstat(to); err == nil { // some file systems have no links
			return fs.ErrExist
		}
		return os.Rename(from, to)
	})
}

// write writes a file beside the path, and moves it there.
func write(path string, text []byte, move func(from, to string) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", path, cause(err)) // the other name means nothing to who named this one
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = move(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
