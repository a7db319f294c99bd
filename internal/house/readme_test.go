package house

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The README's Go code is code that runs: each of its blocks stands, line for
// line, in a file of examples/.
func TestTheReadmesCodeIsTested(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	sources := exampleSources(t)
	blocks := goBlocks(string(readme))
	if len(blocks) < 5 {
		t.Fatalf("found %d blocks of Go in README.md, want the four ways at least", len(blocks))
	}
	for _, block := range blocks {
		if !strings.Contains(sources, block) {
			t.Errorf("README.md shows code that no example has:\n%s", block)
		}
	}
}

func goBlocks(text string) (blocks []string) {
	for _, part := range strings.Split(text, "\n```go\n")[1:] {
		block, _, _ := strings.Cut(part, "```")
		blocks = append(blocks, block)
	}
	return blocks
}

func exampleSources(t *testing.T) string {
	var all strings.Builder
	err := filepath.WalkDir("../../examples", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" {
			return err
		}
		b, err := os.ReadFile(path)
		all.Write(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

var code = regexp.MustCompile("`[^`\n]+`")

var links = regexp.MustCompile(`\]\(([^)]+)\)`)

// prose is text without its code, in blocks and in lines.
func prose(text string) string {
	var b strings.Builder
	for i, part := range strings.Split(text, "```") {
		if i%2 == 0 {
			b.WriteString(part)
		}
	}
	return code.ReplaceAllString(b.String(), "code")
}

// Links of the documents to files of the repository lead somewhere.
func TestTheDocumentsLinksLeadSomewhere(t *testing.T) {
	var documents []string
	for _, pattern := range []string{"*.md", "*/*.md", "docs/*/*.md"} {
		found, err := filepath.Glob("../../" + pattern)
		if err != nil || len(found) == 0 {
			t.Fatal(pattern, found, err)
		}
		documents = append(documents, found...)
	}
	for _, doc := range documents {
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, link := range links.FindAllStringSubmatch(prose(string(text)), -1) {
			target, _, _ := strings.Cut(link[1], "#")
			if target == "" || strings.Contains(target, "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(doc), target)); err != nil {
				t.Errorf("%s links to %s: %v", doc, target, err)
			}
		}
	}
}
