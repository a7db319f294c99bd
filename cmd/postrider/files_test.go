package main

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// What cannot be written is told by the name that was given, not by that of the file beside it.
func TestAFileThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "nowhere")
	path := filepath.Join(dir, "x.json")
	err := writeWhole(path, []byte("{}"))
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path+": ") || strings.Count(err.Error(), dir) != 1 {
		t.Errorf("%v", err)
	}
}
