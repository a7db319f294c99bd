package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

type class struct {
	Name    string
	ID      uint16
	Methods []*method
}

type method struct {
	Class   *class
	Name    string
	ID      uint16
	Doc     string
	From    string // client, server or both
	Content bool
	Replies []string // names within the class
	Fields  []field
}

type field struct {
	Type string
	Name string // "" for a reserved field
}

var fieldTypes = []string{"bit", "octet", "short", "long", "longlong", "shortstr", "longstr", "table"}

// parse reads the whole table; an error names the line.
func parse(text string) ([]*class, error) {
	var p parser
	for i, line := range strings.Split(text, "\n") {
		if err := p.line(line); err != nil {
			return nil, fmt.Errorf("methods.txt:%d: %w", i+1, err)
		}
	}
	return p.classes, p.check()
}

type parser struct {
	classes []*class
	doc     string
}

func (p *parser) line(line string) error {
	words := strings.Fields(line)
	switch {
	case len(words) == 0 || words[0][0] == '#':
		return nil
	case words[0] == "//":
		p.doc = strings.TrimSpace(strings.TrimPrefix(line, "//"))
		return nil
	case words[0] == "class":
		return p.class(words[1:])
	case line[0] == ' ':
		return p.field(words)
	default:
		return p.method(words)
	}
}

func (p *parser) class(words []string) error {
	if len(words) != 2 {
		return fmt.Errorf("want: class NAME ID")
	}
	id, err := strconv.ParseUint(words[1], 10, 16)
	p.classes = append(p.classes, &class{Name: words[0], ID: uint16(id)})
	return err
}

func (p *parser) method(words []string) error {
	if len(words) < 3 || len(p.classes) == 0 {
		return fmt.Errorf("want: NAME ID FROM, inside a class")
	}
	id, err := strconv.ParseUint(words[1], 10, 16)
	if err != nil {
		return err
	}
	c := p.classes[len(p.classes)-1]
	m := &method{Class: c, Name: words[0], ID: uint16(id), From: words[2], Doc: p.doc}
	p.doc = ""
	c.Methods = append(c.Methods, m)
	if !slices.Contains([]string{"client", "server", "both"}, m.From) {
		return fmt.Errorf("%s: sent by %q?", m.Name, m.From)
	}
	if m.Doc == "" {
		return fmt.Errorf("%s: no comment says what it does", m.Name)
	}
	rest := words[3:]
	if len(rest) > 0 && rest[0] == "content" {
		m.Content, rest = true, rest[1:]
	}
	if len(rest) > 0 && rest[0] == "->" {
		m.Replies, rest = rest[1:], nil
	}
	if len(rest) > 0 {
		return fmt.Errorf("%s: unexpected %q", m.Name, rest)
	}
	return nil
}

func (p *parser) field(words []string) error {
	if len(words) != 2 || len(p.classes) == 0 || len(p.classes[len(p.classes)-1].Methods) == 0 {
		return fmt.Errorf("want: TYPE NAME, inside a method")
	}
	if !slices.Contains(fieldTypes, words[0]) {
		return fmt.Errorf("unknown type %q", words[0])
	}
	f := field{Type: words[0], Name: words[1]}
	if f.Name == "-" {
		f.Name = ""
	}
	methods := p.classes[len(p.classes)-1].Methods
	m := methods[len(methods)-1]
	m.Fields = append(m.Fields, f)
	return nil
}

// check finds replies that do not exist and numbers used twice.
func (p *parser) check() error {
	for _, c := range p.classes {
		names, ids := map[string]bool{}, map[uint16]bool{}
		for _, m := range c.Methods {
			if names[m.Name] || ids[m.ID] {
				return fmt.Errorf("%s.%s %d: name or number used twice", c.Name, m.Name, m.ID)
			}
			names[m.Name], ids[m.ID] = true, true
		}
		for _, m := range c.Methods {
			for _, r := range m.Replies {
				if !names[r] {
					return fmt.Errorf("%s.%s: no reply %s in its class", c.Name, m.Name, r)
				}
			}
		}
	}
	return nil
}

// goName turns delivery-tag into DeliveryTag and class-id into ClassID.
func goName(name string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(name, "-") {
		if word == "id" {
			b.WriteString("ID")
			continue
		}
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

func (m *method) goName() string { return goName(m.Class.Name) + goName(m.Name) }
func (m *method) wire() string   { return m.Class.Name + "." + m.Name }
func (f field) goName() string   { return goName(f.Name) }

func (f field) goType() string {
	switch f.Type {
	case "bit":
		return "bool"
	case "octet":
		return "uint8"
	case "short":
		return "uint16"
	case "long":
		return "uint32"
	case "longlong":
		return "uint64"
	case "table":
		return "Table"
	}
	return "string"
}
