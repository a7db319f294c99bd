package house

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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
		if tests[name] == nil {
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

// testPlaces are the directories of tests by their names.
type testPlaces map[string][]string

// has reports whether a package, or one below it, has a test of that name.
func (p testPlaces) has(name, place string) bool {
	return slices.ContainsFunc(p[name], func(dir string) bool {
		if place == "postrider" {
			return dir == "."
		}
		return dir == place || strings.HasPrefix(dir, place+"/")
	})
}

func allTests(t *testing.T) testPlaces {
	tests := testPlaces{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") || d.IsDir() {
			return err
		}
		dir, err := filepath.Rel("../..", filepath.Dir(path))
		if err != nil {
			return err
		}
		b, err := os.ReadFile(path)
		for _, m := range defined.FindAllSubmatch(b, -1) {
			tests[string(m[1])] = append(tests[string(m[1])], filepath.ToSlash(dir))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests
}

// A test that is named behind a package is one of that package.
func TestTheGuaranteesSayWhereTheirTestsAre(t *testing.T) {
	text, err := os.ReadFile("../../docs/GUARANTEES.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := allTests(t)
	var usual []string // of the table
	seen := 0
	for row := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimSpace(row), "|")
		if len(cells) != 4 {
			continue
		}
		if strings.HasPrefix(cells[2], " held by") {
			usual = quoted.FindAllString(cells[2], -1)
			if usual == nil {
				usual = []string{"`postrider`"}
			}
			continue
		}
		where := usual
		for _, word := range namedPlace.FindAllString(cells[2], -1) {
			if place, isPlace := strings.CutSuffix(word, ":"); isPlace {
				where = []string{place}
				continue
			}
			seen++
			if !slices.ContainsFunc(where, func(place string) bool { return tests.has(word, strings.Trim(place, "`")) }) {
				t.Errorf("%s is not one of %v but of %v, in the row: %s", word, where, tests[word], cells[1])
			}
		}
	}
	if seen < 80 {
		t.Errorf("found the places of %d tests: GUARANTEES.md is not read as it is written", seen)
	}
}

var (
	quoted     = regexp.MustCompile("`[a-z/]+`")
	namedPlace = regexp.MustCompile("`[a-z/]+`:|" + named.String())
)

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
