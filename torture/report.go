package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const preface = "# Torture\n\nWhat `make torture` wrote last; [torture/README.md](../torture/README.md) says how it is done.\n"

// writeSection writes one part's report in place of its last one; those of other parts stay.
func writeSection(path, title, text string) error {
	path = filepath.Clean(path)
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.WriteFile(path, []byte(withSection(string(old), title, time.Now().UTC().Format(time.DateOnly)+"\n\n"+text)), 0o644)
}

const heading = "\n## "

// withSection is a report with another text under one title.
func withSection(old, title, text string) string {
	_, rest, _ := strings.Cut(old, heading)
	var out strings.Builder
	out.WriteString(preface)
	written := false
	section := func(title, text string) {
		out.WriteString(heading + title + "\n\n" + strings.TrimSpace(text) + "\n")
	}
	for _, s := range strings.Split(rest, heading) {
		of, body, _ := strings.Cut(s, "\n")
		switch {
		case of == title:
			section(title, text)
			written = true
		case of != "":
			section(of, body)
		}
	}
	if !written {
		section(title, text)
	}
	return out.String()
}
