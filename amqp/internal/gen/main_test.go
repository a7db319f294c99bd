package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestTheGeneratedFilesAreUpToDate(t *testing.T) {
	const dir = "../.."
	text, err := os.ReadFile(filepath.Join(dir, "methods.txt"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := generate(string(text))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what methods.txt says (%v): run go generate ./amqp", name, err)
		}
	}
	there, err := filepath.Glob(filepath.Join(dir, "*_gen.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range there {
		if files[filepath.Base(path)] == nil {
			t.Errorf("%s is no longer generated: remove it", path)
		}
	}
}

func TestBitsShareAnOctetEightAtATime(t *testing.T) {
	fields := strings.Repeat("  bit b\n", 9) + "  octet o\n  bit c\n"
	classes, err := parse("class c 1\n// does.\nm 1 both\n" + fields)
	if err != nil {
		t.Fatal(err)
	}
	m := classes[0].Methods[0]
	got := []int{m.bitsAt(0), m.bitsAt(8), m.bitsAt(9), m.bitsAt(10)}
	if !slices.Equal(got, []int{8, 1, 0, 1}) {
		t.Errorf("%v", got)
	}
}

func TestMistakesInTheTableAreNamed(t *testing.T) {
	const class = "class c 1\n"
	const m = "// does.\nm 1 client\n"
	for text, want := range map[string]string{
		"class c":                           "methods.txt:1: want: class NAME ID",
		"class c x":                         "invalid syntax",
		"m 1 client":                        "inside a class",
		class + "m 1 client":                "no comment says",
		class + "// does.\nm x client":      "methods.txt:3:",
		class + "// does.\nm 1 nobody":      `sent by "nobody"?`,
		class + "// does.\nm 1 client what": `unexpected ["what"]`,
		class + "  bit b":                   "inside a method",
		class + m + "  bits b":              `unknown type "bits"`,
		class + m + m:                       "used twice",
		class + "// does.\nm 1 client -> n": "no reply n",
	} {
		_, err := parse(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func TestGoNames(t *testing.T) {
	for name, want := range map[string]string{"delivery-tag": "DeliveryTag", "class-id": "ClassID", "get-ok": "GetOk"} {
		if got := goName(name); got != want {
			t.Errorf("%s becomes %s", name, got)
		}
	}
}
