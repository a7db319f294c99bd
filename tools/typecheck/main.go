// Command typecheck type-checks packages, with their tests, as they are for other systems. It reads sources, so that nothing of the
// standard library and of dependencies is compiled for these systems: go vet takes twenty times as long where that was not done before.
//
//	typecheck DIRECTORY GOOS[/GOARCH][,GOOS[/GOARCH]…] PATTERN…
package main

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/tools/go/packages"
)

func main() {
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr, "usage: typecheck DIRECTORY GOOS[/GOARCH][,GOOS[/GOARCH]…] PATTERN…")
		os.Exit(2)
	}
	wrong := 0
	for system := range strings.SplitSeq(os.Args[2], ",") {
		goos, goarch, ok := strings.Cut(system, "/")
		environment := append(os.Environ(), "CGO_ENABLED=0", "GOOS="+goos)
		if ok {
			environment = append(environment, "GOARCH="+goarch)
		}
		found, err := packages.Load(&packages.Config{
			Mode:  packages.NeedName | packages.NeedFiles | packages.NeedImports | packages.NeedDeps | packages.NeedTypes | packages.NeedSyntax | packages.NeedTypesInfo,
			Dir:   os.Args[1],
			Env:   environment,
			Tests: true,
		}, os.Args[3:]...)
		if err != nil {
			fmt.Fprintf(os.Stderr, "typecheck: %s: %v\n", system, err)
			os.Exit(1)
		}
		fmt.Printf("%s: %d packages\n", system, len(found))
		wrong += packages.PrintErrors(found)
	}
	if wrong > 0 {
		os.Exit(1)
	}
}
