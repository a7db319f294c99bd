package house

import (
	"fmt"
	"slices"
	"strings"
)

// importRule judges one import between two packages of the module: from the
// room of folder dir to folder target. It returns what is wrong, or "".
//
// Tests may look sideways, for a client's tests need a broker to talk to, but
// never up.
func (p plan) importRule(dir, target string, inTest bool) string {
	from, _ := p.find(dir)
	to, known := p.find(target)
	switch {
	case target == dir: // an external test
		return ""
	case !known:
		return fmt.Sprintf("%s is on no floor", target)
	case to.tests && (inTest || from.tests && slices.Contains(from.beside, target)):
		return ""
	case to.tests:
		return fmt.Sprintf("%s is for tests only", target)
	case to.floor > from.floor:
		return fmt.Sprintf("up: %s (floor %d) imports %s (floor %d)", dir, from.floor, target, to.floor)
	case inTest:
		return ""
	case to.floor == from.floor && !slices.Contains(from.beside, target):
		return fmt.Sprintf("sideways: %s imports %s on floor %d", dir, target, to.floor)
	case from.guest && !public(target):
		return fmt.Sprintf("%s is out of users' reach, and so of %s", target, dir)
	case from.pure && !to.pure:
		return fmt.Sprintf("pure package %s imports %s, which is not pure", dir, target)
	}
	return ""
}

// foreignRule judges an import from outside the module.
func (p plan) foreignRule(dir, path string, inTest bool) string {
	from, _ := p.find(dir)
	switch {
	case inTest:
		return ""
	case from.pure && !slices.Contains(pureImports, path):
		return fmt.Sprintf("pure package %s imports %s", dir, path)
	case slices.Contains(heavy, path):
		return fmt.Sprintf("%s imports %s, which makes the program a seventh larger", dir, path)
	}
	return ""
}

// heavy is what no program of ours has in it: since a template may name any method, all that are exported stay in the program.
var heavy = []string{"text/template", "html/template"}

// within returns the folder of an import path of the given module.
func within(module, path string) (dir string, ok bool) {
	if path == module {
		return ".", true
	}
	return strings.CutPrefix(path, module+"/")
}
