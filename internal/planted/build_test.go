package planted

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"testing"
)

// TestEveryBugBuilds has the package of each bug checked by Go's own rules, in this
// process: a bug that does not build is caught by nobody. What a package imports is
// taken as it was compiled, so a bug costs no more than its own package's check.
func TestEveryBugBuilds(t *testing.T) {
	list := bugs(t)
	in := listed(t, list)
	for _, b := range list {
		changed, err := b.changed()
		if err != nil {
			t.Errorf("%s: %v", b.name, err)
			continue
		}
		for dir := range dirs(changed) {
			if err := in.check(dir, changed); err != nil {
				t.Errorf("%s does not build: %v", b.name, err)
			}
		}
	}
}

func TestABugThatDoesNotBuildIsFound(t *testing.T) {
	b := bugs(t)[0]
	file := b.edits[0].file
	in := listed(t, []bug{b})
	changed, err := b.changed()
	if err != nil {
		t.Fatal(err)
	}
	for what, more := range map[string]string{
		"a name that is not there":    "var _ = nobodyHasThisName\n",
		"a value of another type":     "var _ string = 1\n",
		"a variable that is not used": "func _() { unused := 1 }\n",
		"a line that is no Go":        "this is no Go\n",
	} {
		broken := map[string]string{file: changed[file] + "\n" + more}
		if in.check(path.Dir(file), broken) == nil {
			t.Errorf("%s was not found", what)
		}
	}
}

// builder knows the packages that bugs are in, and what they import.
type builder struct {
	files   map[string][]string // of each directory below root: its files on this system, as bugs name them
	other   map[string][]string // and those for other systems
	fset    *token.FileSet
	parsed  map[string]*ast.File // without a bug
	imports types.Importer
}

// listed asks the go command, which compiles what is not in its cache.
func listed(t *testing.T, list []bug) *builder {
	t.Helper()
	of := map[string]bool{}
	for _, b := range list {
		for _, e := range b.edits {
			of["./"+path.Dir(e.file)] = true
		}
	}
	args := []string{"list", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles,IgnoredGoFiles"}
	cmd := exec.Command("go", append(args, slices.Sorted(maps.Keys(of))...)...)
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		if exit := new(exec.ExitError); errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	abs, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	b := &builder{
		files: map[string][]string{}, other: map[string][]string{},
		fset: token.NewFileSet(), parsed: map[string]*ast.File{},
	}
	exports := map[string]string{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath, Dir, Export string
			GoFiles, IgnoredGoFiles []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		exports[p.ImportPath] = p.Export
		if dir, err := filepath.Rel(abs, p.Dir); err == nil {
			dir = filepath.ToSlash(dir)
			b.files[dir] = within(dir, p.GoFiles)
			b.other[dir] = within(dir, p.IgnoredGoFiles)
		}
	}
	b.imports = importer.ForCompiler(b.fset, "gc", func(name string) (io.ReadCloser, error) { return os.Open(exports[name]) })
	return b
}

func within(dir string, names []string) (files []string) {
	for _, name := range names {
		files = append(files, path.Join(dir, name))
	}
	return files
}

// check type-checks the package in a directory with what was changed.
func (b *builder) check(dir string, changed map[string]string) error {
	for file := range changed {
		if path.Dir(file) == dir && !slices.Contains(b.files[dir], file) && !slices.Contains(b.other[dir], file) {
			return fmt.Errorf("%s is not a file of its package", file)
		}
	}
	var files []*ast.File
	for _, file := range b.files[dir] {
		f, err := b.parse(file, changed)
		if err != nil {
			return err
		}
		files = append(files, f)
	}
	_, err := (&types.Config{Importer: b.imports}).Check(dir, b.fset, files, nil)
	return err
}

func (b *builder) parse(file string, changed map[string]string) (*ast.File, error) {
	if text, ok := changed[file]; ok {
		return parser.ParseFile(b.fset, file, text, parser.SkipObjectResolution)
	}
	if f, ok := b.parsed[file]; ok {
		return f, nil
	}
	text, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		return nil, err
	}
	f, err := parser.ParseFile(b.fset, file, text, parser.SkipObjectResolution)
	b.parsed[file] = f
	return f, err
}

// dirs are the directories of files.
func dirs(files map[string]string) map[string]bool {
	of := map[string]bool{}
	for file := range files {
		of[path.Dir(file)] = true
	}
	return of
}
