// Command gen writes the *_gen.go files of package amqp from methods.txt.
//
// Run it through `go generate ./amqp`; its working directory is then the package's.
package main

import (
	"fmt"
	"os"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run() error {
	text, err := os.ReadFile("methods.txt")
	if err != nil {
		return err
	}
	files, err := generate(string(text))
	if err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(name, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// generate returns the content of each generated file by name.
func generate(text string) (map[string][]byte, error) {
	classes, err := parse(text)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	if files["methods_gen.go"], err = emitTable(classes); err != nil {
		return nil, err
	}
	for _, c := range classes {
		if files[c.Name+"_gen.go"], err = emitClass(c); err != nil {
			return nil, err
		}
	}
	return files, nil
}
