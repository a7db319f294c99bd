package house

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Tests that try a part of their cases under the race detector, or nothing, run whole without it: the Makefile names each package that has such.
func TestWhatRunsInPartRunsWholeToo(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	whole := regexp.MustCompile(`(?m)^WHOLE +:= (.+)$`).FindSubmatch(makefile)
	if whole == nil {
		t.Fatal("the Makefile has no WHOLE")
	}
	tree := os.DirFS("../..")
	module := inspector{tree: tree}
	var want []string
	err = fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && module.outside(name):
			return fs.SkipDir
		case !strings.HasSuffix(name, "_test.go"):
			return nil
		}
		code, err := fs.ReadFile(tree, name)
		if bytes.Contains(code, []byte("if testing.Short()")) || bytes.Contains(code, []byte("if raceEnabled")) {
			want = append(want, strings.TrimSuffix("./"+path.Dir(name), "/."))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	if want, got := slices.Compact(want), strings.Fields(string(whole[1])); !slices.Equal(got, want) {
		t.Errorf("the Makefile's WHOLE is %q, and the packages with tests that run in part are %q", got, want)
	}
}
