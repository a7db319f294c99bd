package house

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/doc/comment"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const module = "github.com/postrider-mq/postrider"

// imported are the packages that users import, by their directories.
var imported = []string{".", "amqp", "broker", "brokerprom", "coord", "postridertest", "postriderotel", "postriderprom"}

// The Go code in the documentation of the public packages, and in docs/, fits what the packages offer: it compiles, but for what it leaves out and for
// names of the reader's own.
func TestTheCodeInTheDocumentationCompiles(t *testing.T) {
	if testing.Short() {
		t.Skip("asks the go command")
	}
	s := newSnippets(t)
	for _, dir := range imported {
		for place, code := range codeOf(t, dir) {
			s.check(t, place, code)
		}
	}
	documents, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(documents) == 0 {
		t.Fatal(documents, err)
	}
	for _, path := range documents {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, code := range goBlocks(string(text)) {
			s.check(t, path, code)
		}
	}
	if s.checked < 25 {
		t.Errorf("found %d pieces of Go: the documentation is not read as it is written", s.checked)
	}
}

// What does not compile is found out.
func TestCodeThatDoesNotCompileIsFound(t *testing.T) {
	if testing.Short() {
		t.Skip("asks the go command")
	}
	s := newSnippets(t)
	for _, code := range []string{
		`err := n.Peer("bob").Sent(ctx, "x")`,
		`n, err := postrider.Begin(ctx, postrider.Config{})`,
		`n, err := postrider.Start(ctx, postrider.Config{Nmae: "bob"})`,
		`err := n.Peer("bob").Send("x")`,
		`err := n.Handle(ctx, n.Inbox(), func(m *postrider.Message) error { return nil })`,
		`b, err := broker.Open("data"`,
		`Brokers: "amqp://mq",`,
	} {
		if s.problem(code) == nil {
			t.Errorf("nothing is wrong with %s", code)
		}
	}
}

// codeOf is the code in a package's documentation, by the name of what that is about.
func codeOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	fset := token.NewFileSet()
	paths, err := filepath.Glob(filepath.Join("../..", dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	found := make(map[string]string)
	for _, f := range files {
		for _, group := range f.Comments {
			place := fset.Position(group.Pos())
			for i, block := range new(comment.Parser).Parse(group.Text()).Content {
				if c, ok := block.(*comment.Code); ok {
					found[fmt.Sprintf("%s, block %d", place, i)] = c.Text
				}
			}
		}
	}
	return found
}

// snippets checks pieces of code.
type snippets struct {
	importer types.Importer
	checked  int
}

// newSnippets has the go command compile the public packages and what they need, or find out where that is.
func newSnippets(t *testing.T) *snippets {
	t.Helper()
	args := []string{"list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}", "testing/synctest"}
	for _, dir := range imported {
		args = append(args, "./"+dir)
	}
	list := exec.Command("go", args...)
	list.Dir = "../.."
	var said bytes.Buffer
	list.Stderr = &said
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, said.String())
	}
	exports := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		exports[path] = file
	}
	open := func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) }
	return &snippets{importer: importer.ForCompiler(token.NewFileSet(), "gc", open)}
}

// check checks a piece of code, unless it is none: a drawing, a table, a command line.
func (s *snippets) check(t *testing.T, place, code string) {
	t.Helper()
	err := s.problem(code)
	var strange notGo
	if errors.As(err, &strange) && !strings.Contains(code, ":=") && !strings.Contains(code, "func(") && !strings.Contains(code, "ctx") {
		return
	}
	s.checked++
	if err != nil {
		t.Errorf("%s: %v:\n%s", place, err, code)
	}
}

// notGo is what cannot be read as Go.
type notGo struct{ error }

// names are what a piece of code may use that other pieces have made.
const names = "ctx context.Context, n, node, shop, warehouse *postrider.Node, m *postrider.Message, b *broker.Broker, t *testing.T"

// around is what may stand around a piece of code: nothing, a function, and a configuration.
var around = [][2]string{
	{"", ""},
	{"func _(" + names + ") error {\n", "\nreturn nil\n}\n"},
	{"func _(" + names + ", net *postridertest.Network, mq *postridertest.Broker) error {\n", "\nreturn nil\n}\n"},
	{"var _ = postrider.Config{\n", "\n}\n"},
}

// problem is why a piece of code does not compile, in none of the ways in which it may be meant.
func (s *snippets) problem(code string) error {
	code = strings.ReplaceAll(code, "…", "")
	var first error
	for _, a := range around {
		err := s.compile(preamble + a[0] + code + a[1])
		if err == nil {
			return nil
		}
		if _, strange := err.(notGo); first == nil || !strange { // the last that is Go says most
			first = err
		}
	}
	return first
}

var preamble = `package reader

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"` + module + `"
	"` + module + `/amqp"
	"` + module + `/broker"
	"` + module + `/brokerprom"
	"` + module + `/coord"
	"` + module + `/postridertest"
	"` + module + `/postriderotel"
	"` + module + `/postriderprom"
)
`

func (s *snippets) compile(source string) error {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "reader.go", source, 0)
	if err != nil {
		return notGo{err}
	}
	var problem error
	cfg := types.Config{Importer: s.importer, Error: func(err error) {
		e := err.(types.Error)
		name, undefined := strings.CutPrefix(e.Msg, "undefined: ")
		if e.Soft || undefined && !strings.Contains(name, ".") || e.Msg == "missing return" || problem != nil {
			return // what is not used, names of the reader's own, and what is left out
		}
		problem = errors.New(e.Msg)
	}}
	_, _ = cfg.Check("reader", fset, []*ast.File{f}, nil)
	return problem
}
