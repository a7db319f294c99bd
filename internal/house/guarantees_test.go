package house

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	named   = regexp.MustCompile(`\b(Test|Fuzz)[A-Z0-9]\w*`)
	defined = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
)

// A promise without a test is not made: every test that docs/GUARANTEES.md names exists, and every row names one or says
// where it is.
func TestEveryTestThatTheGuaranteesNameExists(t *testing.T) {
	text, err := os.ReadFile("../../docs/GUARANTEES.md")
	if err != nil {
		t.Fatal(err)
	}
	names := named.FindAllString(string(text), -1)
	if len(names) < 80 {
		t.Fatalf("found the names of %d tests in GUARANTEES.md: it is not read as it is written", len(names))
	}
	tests := allTests(t)
	for _, name := range names {
		if !tests[name] {
			t.Errorf("GUARANTEES.md names %s, and there is no such test", name)
		}
	}
	for row := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimSpace(row), "|")
		if len(cells) == 4 && strings.TrimSpace(cells[2]) == "" {
			t.Errorf("a promise without a test: %s", cells[1])
		}
	}
}

func allTests(t *testing.T) map[string]bool {
	tests := map[string]bool{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		for _, m := range defined.FindAllSubmatch(b, -1) {
			tests[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests
}

// A newcomer finds every package on the map, and a doc.go in it.
func TestEveryPackageIsOnTheMapAndHasADocument(t *testing.T) {
	text, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	packages, err := filepath.Glob("../../internal/*/*.go")
	if err != nil || len(packages) == 0 {
		t.Fatal(packages, err)
	}
	seen := map[string]bool{}
	for _, file := range packages {
		dir := filepath.Dir(file)
		if seen[dir] {
			continue
		}
		seen[dir] = true
		name := "internal/" + filepath.Base(dir)
		if !strings.Contains(string(text), "`"+name+"`") {
			t.Errorf("ARCHITECTURE.md does not show %s", name)
		}
		if _, err := os.Stat(filepath.Join(dir, "doc.go")); err != nil {
			t.Errorf("%s has no doc.go", name)
		}
	}
}
