package core

import (
	"encoding/hex"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/postrider-mq/postrider/internal/disk"
	"github.com/postrider-mq/postrider/internal/journal"
)

// TestEveryKindIsDescribed finds the constants in the source: a kind without a description cannot be inspected.
func TestEveryKindIsDescribed(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "records.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	ast.Inspect(f, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok || len(spec.Values) == 0 || !strings.HasPrefix(spec.Names[0].Name, "kind") {
			return true
		}
		n++
		number, err := strconv.Atoi(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		if want, got := strings.TrimPrefix(spec.Names[0].Name, "kind"), KindName(journal.Kind(number)); got != want {
			t.Errorf("kind %d, %s, has no entry of that name in kinds (describe.go)", number, want)
		}
		return true
	})
	if n != len(kinds) {
		t.Errorf("records.go has %d kinds, kinds has %d", n, len(kinds))
	}
}

func document(t *testing.T) string {
	b, err := os.ReadFile("../../docs/JOURNAL.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestTheDocumentKnowsEveryKind compares the table in the document with the one in the code.
func TestTheDocumentKnowsEveryKind(t *testing.T) {
	rows := regexp.MustCompile(`(?m)^\| (\d+) \| (\w+) \| (.*) \|$`).FindAllStringSubmatch(document(t), -1)
	if len(rows) == 0 {
		t.Fatal("there is no table of kinds")
	}
	seen := map[journal.Kind]bool{}
	for _, row := range rows {
		number, _ := strconv.Atoi(row[1])
		kind := journal.Kind(number)
		seen[kind] = true
		if want, ok := kinds[kind]; !ok || want.name != row[2] || want.fields != row[3] {
			t.Errorf("docs/JOURNAL.md says of kind %d: %s: %s\nthe code says:                 %s: %s", number, row[2], row[3], want.name, want.fields)
		}
	}
	for kind, info := range kinds {
		if !seen[kind] {
			t.Errorf("docs/JOURNAL.md does not know kind %d, %s: %s", kind, info.name, info.fields)
		}
	}
}

// TestTheDocumentsExampleIsAJournal makes a segment of the document's bytes, and has it read.
func TestTheDocumentsExampleIsAJournal(t *testing.T) {
	_, example, _ := strings.Cut(document(t), "```hex\n")
	example, rest, _ := strings.Cut(example, "```")
	var b []byte
	for line := range strings.Lines(example) {
		digits, _, _ := strings.Cut(line, "   ")
		raw, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		b = append(b, raw...)
	}
	const fields, checksum, header, capacity = 56, 4, 4096, 4 << 20
	segment := make([]byte, header+capacity)
	copy(segment, b[:fields])
	copy(segment[header-checksum:], b[fields:][:checksum])
	copy(segment[header:], b[fields+checksum:])

	mem := disk.NewMem()
	f, err := mem.Create("0000000000001000.seg")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(segment, 0); err != nil {
		t.Fatal(err)
	}
	var lines []string
	report, err := journal.Inspect(mem, func(e journal.Entry) error {
		line := fmt.Sprintf("lsn %d  %s  live  %d bytes", e.LSN, KindName(e.Kind), e.Size)
		for _, field := range Describe(e.Record).Fields {
			line += "  " + field.Name + " " + field.Value
		}
		lines = append(lines, line+fmt.Sprintf("  %s+%d", e.Segment, e.Offset))
		return nil
	}, nil)
	if err != nil || len(report.Damaged) != 0 || report.Torn != 0 || report.Contents[0].Batches != 1 || report.ID != "000102030405060708090a0b0c0d0e0f" {
		t.Fatalf("%+v, %v", report, err)
	}
	_, want, _ := strings.Cut(rest, "```text\n")
	want, _, _ = strings.Cut(want, "\n```")
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("the example reads\n%s\nthe document says\n%s", got, want)
	}
}

func TestDescribe(t *testing.T) {
	m := &Message{Address: &Address{Exchange: "x", Key: "k"}, Props: []byte{0, 0}, Body: []byte("body")}
	enqueued := append(append(appendEnqueued(nil, []place{{queue: 1, pos: 2}, {queue: 3, pos: 4}}, m), m.Props...), m.Body...)
	for _, test := range []struct {
		rec  journal.Record
		want string
	}{
		{journal.Record{Kind: kindEnqueued, Body: enqueued},
			`Enqueued [{places[0].queue 1} {places[0].position 2} {places[1].queue 3} {places[1].position 4} {exchange "x"} {key "k"} {properties 2 bytes} {body 4 bytes}] [1 3] <nil>`},
		{journal.Record{Kind: kindSettled, Body: appendSettled(nil, 7, []span{{first: 1, count: 2}})},
			`Settled [{queue 7} {spans[0].first 1} {spans[0].count 2}] [7] <nil>`},
		{journal.Record{Kind: kindSettled, Body: []byte{7, 200}}, `Settled [{queue 7}] [7] record ends early`},
		{journal.Record{Kind: 200}, `kind 200 [] [] <nil>`},
	} {
		d := Describe(test.rec)
		if got := fmt.Sprint(d.Kind, " ", d.Fields, " ", d.Queues, " ", d.Err); got != test.want {
			t.Errorf("Describe = %s\nwant       %s", got, test.want)
		}
	}
}

// FuzzDescribe describes bodies that are not what they should be.
func FuzzDescribe(f *testing.F) {
	for kind := range kinds {
		f.Add(uint8(kind), []byte{3, 1, 2, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1})
	}
	f.Fuzz(func(_ *testing.T, kind uint8, body []byte) {
		Describe(journal.Record{Kind: journal.Kind(kind), Body: body})
	})
}
