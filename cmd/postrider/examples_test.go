package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every command line that the help and the documents show can be typed as it stands: its verb and its flags are there, and take what they are given.
func TestTheCommandLinesThatAreShownMakeSense(t *testing.T) {
	shown := make(map[string]string) // where, by the line
	for _, verb := range verbsBelow(newRoot()) {
		cmd, _, err := newRoot().Find(strings.Fields(verb)[1:])
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(cmd.Example) {
			shown[line] = verb + " --help"
		}
	}
	documents, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(documents, "../../README.md") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(strings.TrimSpace(line), "postrider ") {
				shown[line] = path
			}
		}
	}
	tried := 0
	for line, where := range shown {
		for _, args := range commandLines(line) {
			if args[0] == "postrider" {
				tried++
				if err := understand(args[1:]); err != nil {
					t.Errorf("%s shows %q: %v", where, strings.TrimSpace(line), err)
				}
			}
		}
	}
	if tried < 80 {
		t.Errorf("found %d command lines: they are not read as they are written", tried)
	}
}

func TestACommandLineThatMakesNoSenseIsFoundAmongThoseShown(t *testing.T) {
	for _, line := range []string{"postrider sned mailbox:jobs x", "seq 3 | postrider send mailbox:jobs --file-of x", "postrider dead show jobs", "postrider peers --wait soon"} {
		lines := commandLines(line)
		if err := understand(lines[len(lines)-1][1:]); err == nil {
			t.Errorf("nothing is wrong with %s", line)
		}
	}
}

// understand takes a command line as far as that goes without doing what it says.
func understand(args []string) error {
	root := newRoot()
	root.SetOut(io.Discard)
	cmd, rest, err := root.Find(args)
	if err != nil {
		return err
	}
	if err := cmd.ParseFlags(rest); err != nil {
		return err
	}
	return cmd.ValidateArgs(cmd.Flags().Args())
}

// commandLines are the commands of a line for a shell, each as its words, without what is set before it and where its input and output are.
func commandLines(line string) (all [][]string) {
	var words []string
	end := func() {
		for len(words) > 0 && strings.Contains(words[0], "=") {
			words = words[1:]
		}
		if len(words) > 0 {
			all = append(all, words)
		}
		words = nil
	}
	for rest := strings.TrimSpace(line); rest != ""; rest = strings.TrimSpace(rest) {
		var word string
		switch rest[0] {
		case '#':
			end()
			return all
		case '"', '\'':
			word, rest, _ = strings.Cut(rest[1:], rest[:1])
			words = append(words, word)
			continue
		}
		word, rest, _ = strings.Cut(rest, " ")
		switch word {
		case "|", "&&", ";":
			end()
		case ">", "<":
			_, rest, _ = strings.Cut(strings.TrimSpace(rest), " ")
		default:
			words = append(words, word)
		}
	}
	end()
	return all
}
