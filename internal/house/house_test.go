package house

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestImportsGoDownwardAndPureStaysPure(t *testing.T) {
	packages, findings, err := inspect(os.DirFS(filepath.Join("..", "..")), floors)
	if err != nil {
		t.Fatal(err)
	}
	if !packages["internal/house"] {
		t.Fatalf("the inspection did not even find itself, only %v", slices.Sorted(maps.Keys(packages)))
	}
	for _, f := range findings {
		t.Error(f)
	}
}

// The house in testdata/bad breaks every rule. Each line that does says in a
// comment what the inspection must find there, and it must find nothing else.
func TestEveryBreachIsFound(t *testing.T) {
	tree := os.DirFS(filepath.Join("testdata", "bad"))
	_, findings, err := inspect(tree, floors)
	if err != nil {
		t.Fatal(err)
	}
	wanted := wantedFindings(t, tree)
	for _, f := range findings {
		if i := slices.Index(wanted, f); i >= 0 {
			wanted = slices.Delete(wanted, i, i+1)
		} else {
			t.Errorf("not expected: %v", f)
		}
	}
	for _, f := range wanted {
		t.Errorf("not found: %v", f)
	}
}

func TestAGoodHouseIsLeftAlone(t *testing.T) {
	packages, findings, err := inspect(os.DirFS(filepath.Join("testdata", "good")), floors)
	if err != nil {
		t.Fatal(err)
	}
	if len(packages) < 5 {
		t.Errorf("found only %v", slices.Sorted(maps.Keys(packages)))
	}
	for _, f := range findings {
		t.Errorf("not expected: %v", f)
	}
}

func TestTheSourceMustParse(t *testing.T) {
	broken := fstest.MapFS{
		"go.mod":       {Data: []byte("module example.test/house\n")},
		"amqp/amqp.go": {Data: []byte("package amqp\n\nfunc {\n")},
	}
	if _, _, err := inspect(broken, floors); err == nil {
		t.Error("a file that does not parse went unnoticed")
	}
	if _, _, err := inspect(os.DirFS("testdata"), floors); err == nil {
		t.Error("a tree without go.mod went unnoticed")
	}
}

var wantComment = regexp.MustCompile(`// want: (.+)$`)

// wantedFindings collects the comments "// want: text; text" of a tree.
func wantedFindings(t *testing.T, tree fs.FS) (wanted []finding) {
	t.Helper()
	err := fs.WalkDir(tree, ".", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, ".go") {
			return err
		}
		text, err := fs.ReadFile(tree, name)
		for i, line := range strings.Split(string(text), "\n") {
			if m := wantComment.FindStringSubmatch(line); m != nil {
				for _, what := range strings.Split(m[1], "; ") {
					wanted = append(wanted, finding{name, i + 1, what})
				}
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(wanted) == 0 {
		t.Fatal("the bad samples want nothing")
	}
	return wanted
}
