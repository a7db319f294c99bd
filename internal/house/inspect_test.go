package house

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// A finding is one breach of the plan.
type finding struct {
	file string
	line int
	text string
}

func (f finding) String() string { return fmt.Sprintf("%s:%d: %s", f.file, f.line, f.text) }

// An inspector walks the source tree of one module and collects findings.
type inspector struct {
	plan     plan
	tree     fs.FS
	module   string
	packages map[string]bool // folders with Go files in them
	findings []finding
}

// inspect holds the module at the root of tree against the plan. It returns
// the folders it found packages in, and what is wrong with them.
func inspect(tree fs.FS, p plan) (packages map[string]bool, findings []finding, err error) {
	in := &inspector{plan: p, tree: tree, packages: map[string]bool{}}
	if in.module, err = moduleName(tree); err != nil {
		return nil, nil, err
	}
	err = fs.WalkDir(tree, ".", in.visit)
	return in.packages, in.findings, err
}

func (in *inspector) visit(name string, entry fs.DirEntry, err error) error {
	switch {
	case err != nil:
		return err
	case entry.IsDir() && in.outside(name):
		return fs.SkipDir
	case !entry.IsDir() && path.Ext(name) == ".go":
		return in.readFile(name)
	}
	return nil
}

// outside reports whether a folder holds no package of this module.
func (in *inspector) outside(dir string) bool {
	if dir == "." {
		return false
	}
	base := path.Base(dir)
	if base == "testdata" || base == "node_modules" || base[0] == '.' || base[0] == '_' {
		return true
	}
	_, err := fs.Stat(in.tree, path.Join(dir, "go.mod"))
	return err == nil
}

// readFile parses one file, whatever its build tags, and applies all rules.
func (in *inspector) readFile(name string) error {
	text, err := fs.ReadFile(in.tree, name)
	if err != nil {
		return err
	}
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, text, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	report := func(at token.Pos, what string) {
		in.findings = append(in.findings, finding{name, set.Position(at).Line, what})
	}
	dir := path.Dir(name)
	in.place(dir, file, report)
	in.imports(dir, file, strings.HasSuffix(name, "_test.go"), report)
	return nil
}

// place checks, once a package, that it has a room.
func (in *inspector) place(dir string, file *ast.File, report func(token.Pos, string)) {
	if _, ok := in.plan.find(dir); !ok && !in.packages[dir] {
		report(file.Package, dir+" is on no floor")
	}
	in.packages[dir] = true
}

func (in *inspector) imports(dir string, file *ast.File, inTest bool, report func(token.Pos, string)) {
	for _, spec := range file.Imports {
		from, _ := strconv.Unquote(spec.Path.Value)
		wrong := in.plan.foreignRule(dir, from, inTest)
		if target, ok := within(in.module, from); ok {
			wrong = in.plan.importRule(dir, target, inTest)
		}
		if wrong != "" {
			report(spec.Pos(), wrong)
		}
	}
	if r, _ := in.plan.find(dir); r.pure && !inTest {
		impurities(file, report)
	}
}

var moduleLine = regexp.MustCompile(`(?m)^module\s+(\S+)`)

func moduleName(tree fs.FS) (string, error) {
	text, err := fs.ReadFile(tree, "go.mod")
	if err != nil {
		return "", err
	}
	m := moduleLine.FindSubmatch(text)
	if m == nil {
		return "", fmt.Errorf("go.mod names no module")
	}
	return string(m[1]), nil
}
