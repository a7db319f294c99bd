package route

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/postrider-mq/postrider/amqp"
)

var rewrite = flag.Bool("rewrite", false, "rewrite what the scripts expect with what happens")

// A script is a table's story: each command is followed by what came of it, on lines that begin with "> ".
// An empty word is written as ”; a destination that begins with @ is an exchange; a JSON object is a table.
//
//	queue NAME                 unqueue NAME
//	exchange NAME KIND [durable] [auto-delete] [internal] [TABLE]
//	passive NAME               delete NAME [if-unused]
//	bind FROM TO KEY [TABLE]   unbind FROM TO KEY [TABLE]
//	route EXCHANGE KEY [TABLE] forward EXCHANGE KEY [TABLE]    KEY may be KEY|KEY|…
//	list                       the exchanges that are not predeclared, and the bindings
type script struct{ table *Table[string] }

func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/script/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { runScript(t, file) })
	}
}

func runScript(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := script{New[string]("/")}
	var out strings.Builder
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, ">") {
			continue
		}
		out.WriteString(line)
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			for _, result := range s.run(t, line) {
				fmt.Fprintln(&out, ">", result)
			}
		}
	}
	if *rewrite {
		if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	compareLines(t, file, string(text), out.String())
}

func compareLines(t *testing.T, file, want, got string) {
	t.Helper()
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			t.Fatalf("%s:%d: want %q, got %q", file, i+1, w[i], g[i])
		}
	}
	if len(w) != len(g) {
		t.Fatalf("%s: want %d lines, got %d", file, len(w), len(g))
	}
}

func (s *script) run(t *testing.T, line string) (out []string) {
	line, args := splitTable(t, line)
	words := strings.Fields(line)
	for i, w := range words {
		words[i] = strings.TrimSuffix(w, "''")
	}
	words = append(words, "", "")
	name := words[1]
	var err error
	var gone Removed
	switch words[0] {
	case "queue":
		s.table = s.table.AddQueue(name, "<"+name+">")
	case "unqueue":
		s.table, gone = s.table.RemoveQueue(name)
	case "exchange":
		s.table, err = s.table.Declare(Exchange{
			Name: name, Kind: Kind(words[2]), Args: args,
			Durable:    slices.Contains(words, "durable"),
			AutoDelete: slices.Contains(words, "auto-delete"),
			Internal:   slices.Contains(words, "internal"),
		})
		if err == nil && Kind(words[2]) == Delayed {
			s.table = s.table.WithStore(name, "[later by "+name+"]")
		}
	case "passive":
		var x Exchange
		if x, err = s.table.Lookup(name); err == nil {
			out = append(out, string(x.Kind))
		}
	case "delete":
		s.table, gone, err = s.table.Delete(name, words[2] == "if-unused")
	case "bind":
		var changed bool
		s.table, changed, err = s.table.Bind(bindingOf(words, args))
		if err == nil && !changed {
			out = append(out, "there already")
		}
	case "unbind":
		s.table, gone, err = s.table.Unbind(bindingOf(words, args))
	case "route":
		var to []string
		to, err = s.table.Route(name, letterOf(words[2], args), nil)
		out = append(out, inOrder(to, err)...)
	case "forward":
		out = inOrder(s.table.Forward(name, letterOf(words[2], args), nil), nil)
	case "list":
		out = s.list()
	default:
		t.Fatalf("unknown command %q", line)
	}
	if err != nil {
		e := err.(*amqp.Error)
		return append(out, fmt.Sprint(e.Code, " ", e.ReplyText()))
	}
	return append(out, describeRemoved(gone)...)
}

// letterOf is a message with the keys given.
func letterOf(keys string, headers amqp.Table) *Letter {
	all := strings.Split(keys, "|")
	return &Letter{Key: all[0], Also: all[1:], Headers: headers}
}

func inOrder(queues []string, err error) []string {
	if err != nil {
		return nil
	}
	slices.Sort(queues)
	return []string{"to " + strings.Join(queues, " ")}
}

func bindingOf(words []string, args amqp.Table) Binding {
	name, toExchange := strings.CutPrefix(words[2], "@")
	return Binding{Source: words[1], Destination: name, ToQueue: !toExchange, Key: words[3], Args: args}
}

func describeRemoved(gone Removed) (out []string) {
	for _, b := range gone.Bindings {
		out = append(out, "gone: "+show(b))
	}
	slices.Sort(out)
	for _, x := range gone.Exchanges {
		out = append(out, "gone: exchange "+x.Name)
	}
	return out
}

func show(b Binding) string {
	at := ""
	if !b.ToQueue {
		at = "@"
	}
	s := fmt.Sprintf("%s -> %s%s %q", b.Source, at, b.Destination, b.Key)
	if len(b.Args) > 0 {
		s += fmt.Sprint(" ", b.Args)
	}
	return s
}

func (s *script) list() (out []string) {
	for x := range s.table.Exchanges() {
		if x.Name != "" && !strings.HasPrefix(x.Name, "amq.") {
			out = append(out, "exchange "+x.Name)
		}
	}
	for b := range s.table.Bindings() {
		out = append(out, show(b))
	}
	slices.Sort(out)
	return out
}

// splitTable cuts a JSON object off the end of line. Its whole numbers are 32 bits wide if they fit, as clients send them.
func splitTable(t *testing.T, line string) (string, amqp.Table) {
	head, text, ok := strings.Cut(line, "{")
	if !ok {
		return line, nil
	}
	return head, parseTable(t, "{"+text)
}

func parseTable(t *testing.T, text string) amqp.Table {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return typed(m).(amqp.Table)
}

func typed(v any) any {
	switch v := v.(type) {
	case map[string]any:
		table := amqp.Table{}
		for k, e := range v {
			table[k] = typed(e)
		}
		return table
	case []any:
		for i := range v {
			v[i] = typed(v[i])
		}
	case float64:
		if v != float64(int32(v)) {
			return int64(v)
		}
		return int32(v)
	}
	return v
}
