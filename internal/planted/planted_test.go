package planted

import (
	"encoding/json"
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var allFlag = flag.Bool("all", false, "try every bug, not just a few")

// few is how many bugs are tried, drawn anew each time, when not all are.
const few = 2

const root = "../.."

// bug is one patch.
type bug struct {
	name, what string
	pkg, test  string
	edits      []edit
}

// edit is what a bug does to one place of a file.
type edit struct{ file, old, new string }

func TestEveryBugApplies(t *testing.T) {
	list := bugs(t)
	if len(list) < 145 {
		t.Errorf("there are only %d bugs", len(list))
	}
	for _, b := range list {
		if _, err := b.apply(t.TempDir()); err != nil {
			t.Errorf("%s: %v", b.name, err)
		}
	}
}

// TestEveryBugIsCaught lets the named test loose on each bug; it must fail.
func TestEveryBugIsCaught(t *testing.T) {
	list := bugs(t)
	if !*allFlag {
		rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		list = slices.DeleteFunc(list, bug.mayTakeLong)[:few]
	}
	for _, b := range list {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			overlay, err := b.apply(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			b.mustBeCaught(t, overlay)
		})
	}
}

// mayTakeLong reports whether the bug is found by what runs until it happens to.
func (b bug) mayTakeLong() bool { return b.pkg == "./internal/sim" }

func (b *bug) mustBeCaught(t *testing.T, overlay string) {
	args := []string{"test", "-count=1", "-timeout=120s", "-overlay=" + overlay, "-run=^" + b.test + "$", b.pkg}
	if b.mayTakeLong() {
		args = append(args, "-for=60s", "-shrink=false")
	}
	cmd := exec.Command("go", args...)
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	said := string(out)
	switch {
	case err == nil && strings.Contains(said, "no tests to run"):
		t.Errorf("there is no test %s in %s", b.test, b.pkg)
	case err == nil:
		t.Errorf("%s\nIt was not caught by %s %s.", b.what, b.pkg, b.test)
	case !errors.As(err, new(*exec.ExitError)) || strings.Contains(said, "[build failed]") || strings.Contains(said, "[setup failed]"):
		t.Errorf("it does not build: %v\n%s", err, said)
	default:
		t.Logf("%s\nCaught by %s %s:\n%s", b.what, b.pkg, b.test, tail(said))
	}
}

// tail is the end of what a test said.
func tail(said string) string {
	lines := strings.Split(strings.TrimSpace(said), "\n")
	return strings.Join(lines[max(0, len(lines)-6):], "\n")
}

// changed is the text of each file with the bug in it.
func (b *bug) changed() (map[string]string, error) {
	changed := map[string]string{}
	for _, e := range b.edits {
		text, ok := changed[e.file]
		if !ok {
			raw, err := os.ReadFile(filepath.Join(root, e.file))
			if err != nil {
				return nil, err
			}
			text = string(raw)
		}
		if n := strings.Count(text, e.old); n != 1 {
			return nil, errors.New("in " + e.file + " this is not there exactly once:\n" + e.old)
		}
		changed[e.file] = strings.Replace(text, e.old, e.new, 1)
	}
	return changed, nil
}

// apply writes the changed files into dir, and for the go command a file that says which replaces which.
func (b *bug) apply(dir string) (overlay string, err error) {
	changed, err := b.changed()
	if err != nil {
		return "", err
	}
	abs, err := filepath.Abs(root)
	if err != nil {
		return "", err
	}
	replace := map[string]string{}
	for file, text := range changed {
		to := filepath.Join(dir, strings.ReplaceAll(file, "/", "_"))
		if err := os.WriteFile(to, []byte(text), 0o600); err != nil {
			return "", err
		}
		replace[filepath.Join(abs, file)] = to
	}
	raw, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay = filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, raw, 0o600)
}

// bugs reads testdata.
func bugs(t *testing.T) (list []bug) {
	t.Helper()
	names, err := filepath.Glob("testdata/*.patch")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		b, err := parse(string(raw))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		b.name = strings.TrimSuffix(filepath.Base(name), ".patch")
		list = append(list, b)
	}
	return list
}

func parse(text string) (b bug, err error) {
	for line := range strings.Lines(text) {
		last := len(b.edits) - 1
		caught, isTest := strings.CutPrefix(line, "caught by: ")
		file, isFile := strings.CutPrefix(line, "file: ")
		switch {
		case isTest:
			b.pkg, b.test, _ = strings.Cut(strings.TrimSpace(caught), " ")
		case isFile:
			b.edits = append(b.edits, edit{file: strings.TrimSpace(file)})
		case last < 0:
			b.what += line
		case line[0] == '-':
			b.edits[last].old += line[1:]
		case line[0] == '+':
			b.edits[last].new += line[1:]
		case line[0] == ' ':
			b.edits[last].old += line[1:]
			b.edits[last].new += line[1:]
		default:
			return b, errors.New("what is this line: " + line)
		}
	}
	if b.what == "" || b.test == "" || len(b.edits) == 0 {
		return b, errors.New("it has no description, no test or no lines")
	}
	b.what = strings.TrimSpace(b.what)
	return b, nil
}
