package main

import (
	"os"

	"github.com/mattn/go-isatty"
)

// isTerminal reports whether somebody sees what is written there at once.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}
