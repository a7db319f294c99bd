package house

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
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
	var want []string
	err = filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || d.Name() == "node_modules" || path != "../.." && hasModule(path)):
			return filepath.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		code, err := os.ReadFile(path)
		if bytes.Contains(code, []byte("if testing.Short()")) || bytes.Contains(code, []byte("if raceEnabled")) {
			if dir, _ := filepath.Rel("../..", filepath.Dir(path)); dir == "." {
				want = append(want, dir)
			} else {
				want = append(want, "./"+filepath.ToSlash(dir))
			}
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

func hasModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}
