package house

import (
	"go/ast"
	"go/token"
	"path"
	"strconv"
)

// pureImports is all that a pure package may import from outside the module.
// It lists what is allowed, not what is forbidden, so that nothing slips by. Of cryptography it is what computes; that crypto/hpke draws an
// ephemeral key by itself, nobody can help.
var pureImports = []string{
	"bytes", "cmp", "container/heap", "container/list", "crypto", "crypto/aes", "crypto/cipher", "crypto/ecdh", "crypto/ecdsa", "crypto/ed25519",
	"crypto/elliptic", "crypto/hkdf", "crypto/hpke", "crypto/sha256", "crypto/x509", "encoding/binary", "encoding/hex", "errors", "fmt",
	"hash", "hash/crc32", "hash/fnv", "iter", "maps", "math", "math/bits", "net/url", "slices", "sort", "strconv", "strings",
	"time", "unicode", "unicode/utf8",
}

// worldly names what reaches the world from packages that are otherwise allowed.
var worldly = map[string][]string{
	"time": {
		"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick",
		"NewTicker", "NewTimer", "Local", "LoadLocation",
	},
	"fmt": {"Print", "Printf", "Println", "Scan", "Scanf", "Scanln"},
}

// impurities calls report for each piece of a pure package's file that touches
// goroutines, channels, the clock or a terminal.
func impurities(file *ast.File, report func(token.Pos, string)) {
	banned := bannedNames(file, report)
	ast.Inspect(file, func(n ast.Node) bool {
		if what := impurity(n, banned); what != "" {
			report(n.Pos(), what)
		}
		return true
	})
}

func impurity(n ast.Node, banned map[string]bool) string {
	switch n := n.(type) {
	case *ast.GoStmt:
		return "starts a goroutine"
	case *ast.SelectStmt:
		return "selects"
	case *ast.SendStmt:
		return "sends on a channel"
	case *ast.ChanType:
		return "has a channel"
	case *ast.UnaryExpr:
		if n.Op == token.ARROW {
			return "receives from a channel"
		}
	case *ast.SelectorExpr:
		if x, ok := n.X.(*ast.Ident); ok && banned[x.Name+"."+n.Sel.Name] {
			return "uses " + x.Name + "." + n.Sel.Name
		}
	case *ast.CallExpr:
		if f, ok := n.Fun.(*ast.Ident); ok && (f.Name == "print" || f.Name == "println") {
			return "prints"
		}
	}
	return ""
}

// bannedNames returns the worldly names as this file would write them, given
// the names under which it imports their packages.
func bannedNames(file *ast.File, report func(token.Pos, string)) map[string]bool {
	banned := map[string]bool{}
	for _, spec := range file.Imports {
		from, _ := strconv.Unquote(spec.Path.Value)
		local := path.Base(from)
		if spec.Name != nil {
			local = spec.Name.Name
		}
		if local == "." && worldly[from] != nil {
			report(spec.Pos(), "imports "+from+" without a name, which hides what it uses")
		}
		for _, name := range worldly[from] {
			banned[local+"."+name] = true
		}
	}
	return banned
}
