package main

import (
	"bytes"
	"fmt"
	"go/format"
	"strings"
)

const header = "// Code generated from methods.txt by internal/gen. DO NOT EDIT.\n\npackage amqp\n\n"

// emitter collects Go source; format adds the white space.
type emitter struct{ bytes.Buffer }

func (e *emitter) p(format string, args ...any) { fmt.Fprintf(e, format+"\n", args...) }

// emitTable writes what is said of the methods as a whole: numbers, facts, and the way from a number to a struct.
func emitTable(classes []*class) ([]byte, error) {
	e := &emitter{}
	e.WriteString(header)
	e.p("// The classes.\nconst (")
	for _, c := range classes {
		e.p("Class%s uint16 = %d", goName(c.Name), c.ID)
	}
	e.p(")\n")
	e.p("// The methods.\nconst (")
	each(classes, func(_ int, m *method) { e.p("%sID MethodID = %d<<16 | %d", m.goName(), m.Class.ID, m.ID) })
	e.p(")\n")
	e.p("// methodTable holds the facts of methods.txt in its order.\nvar methodTable = [...]Info{")
	each(classes, func(_ int, m *method) { e.p("%s,", m.info()) })
	e.p("}\n")
	e.p("// index returns the place of a method in methodTable, or -1.\nfunc (id MethodID) index() int {\nswitch id {")
	each(classes, func(i int, m *method) { e.p("case %sID: return %d", m.goName(), i) })
	e.p("}\nreturn -1\n}\n")
	e.p("// HasContent says whether content follows the method; false if it is unknown.")
	e.p("func (id MethodID) HasContent() bool {\nswitch id {\ncase %s:\nreturn true\n}\nreturn false\n}\n", contentIDs(classes))
	e.p("// NewMethod returns an empty method of this kind, or nil if there is none.")
	e.p("func NewMethod(id MethodID) Method {\nswitch id {")
	each(classes, func(_ int, m *method) { e.p("case %[1]sID: return new(%[1]s)", m.goName()) })
	e.p("}\nreturn nil\n}")
	return format.Source(e.Bytes())
}

func contentIDs(classes []*class) string {
	var ids []string
	each(classes, func(_ int, m *method) {
		if m.Content {
			ids = append(ids, m.goName()+"ID")
		}
	})
	return strings.Join(ids, ", ")
}

func each(classes []*class, f func(int, *method)) {
	i := 0
	for _, c := range classes {
		for _, m := range c.Methods {
			f(i, m)
			i++
		}
	}
}

func (m *method) info() string {
	s := fmt.Sprintf("{ID: %sID, Name: %q", m.goName(), m.wire())
	if m.From != "server" {
		s += ", FromClient: true"
	}
	if m.From != "client" {
		s += ", FromServer: true"
	}
	if m.Content {
		s += ", HasContent: true"
	}
	if len(m.Replies) > 0 {
		s += ", IsSync: true, Replies: []MethodID{"
		for _, r := range m.Replies {
			s += goName(m.Class.Name) + goName(r) + "ID, "
		}
		s = strings.TrimSuffix(s, ", ") + "}"
	}
	return s + "}"
}

// emitClass writes the structs of one class and their codec.
func emitClass(c *class) ([]byte, error) {
	body := &emitter{}
	for _, m := range c.Methods {
		m.emitStruct(body)
		m.emitAppend(body)
		m.emitParse(body)
	}
	e := &emitter{}
	e.WriteString(header)
	e.p("import \"encoding/binary\"\n")
	e.Write(body.Bytes())
	return format.Source(e.Bytes())
}

func (m *method) emitStruct(e *emitter) {
	name := m.goName()
	e.p("// %s %s\n//", name, m.Doc)
	from := map[string]string{"client": "the client", "server": "the server", "both": "either side"}[m.From]
	content := ""
	if m.Content {
		content = "; its content follows"
	}
	e.p("// It is %s, sent by %s%s.", m.wire(), from, content)
	e.p("type %s struct {", name)
	for _, f := range m.Fields {
		if f.Name != "" {
			e.p("%s %s", f.goName(), f.goType())
		}
	}
	e.p("}\n")
	e.p("// ID returns %sID.\nfunc (m *%s) ID() MethodID { return %sID }\n", name, name, name)
}

func (m *method) emitAppend(e *emitter) {
	name := m.goName()
	e.p("// Append implements Method.")
	e.p("func (m *%s) Append(dst []byte) ([]byte, error) {", name)
	for _, f := range m.Fields {
		if f.Name != "" && (f.Type == "shortstr" || f.Type == "longstr") {
			e.p("if len(m.%s) > max%s {\nreturn dst, tooLong(%sID, %q, len(m.%s))\n}",
				f.goName(), goName(f.Type), name, f.Name, f.goName())
		}
	}
	if m.hasTable() {
		e.p("start, err := len(dst), error(nil)")
	}
	e.p("dst = binary.BigEndian.AppendUint32(dst, uint32(%sID))", name)
	for i := 0; i < len(m.Fields); {
		n := m.bitsAt(i)
		if n > 0 {
			m.emitAppendBits(e, m.Fields[i:i+n])
			i += n
			continue
		}
		m.emitAppendField(e, m.Fields[i])
		i++
	}
	e.p("return dst, nil\n}\n")

	e.p("// AppendFrame implements Method.")
	e.p("func (m *%s) AppendFrame(dst []byte, channel uint16) ([]byte, error) {", name)
	e.p("start := len(dst)")
	e.p("dst, err := m.Append(beginFrame(dst, FrameMethod, channel))")
	e.p("if err != nil {\nreturn dst[:start], err\n}")
	e.p("return endFrame(dst, start), nil\n}\n")
}

func (m *method) hasTable() bool {
	for _, f := range m.Fields {
		if f.Type == "table" {
			return true
		}
	}
	return false
}

// bitsAt counts the bits, at most eight, that share the octet beginning with field i.
func (m *method) bitsAt(i int) int {
	n := 0
	for i+n < len(m.Fields) && n < 8 && m.Fields[i+n].Type == "bit" {
		n++
	}
	return n
}

func (m *method) emitAppendBits(e *emitter, bits []field) {
	var sum []string
	for i, f := range bits {
		if f.Name != "" {
			sum = append(sum, fmt.Sprintf("bit(m.%s, %d)", f.goName(), i))
		}
	}
	if len(sum) == 0 {
		sum = []string{"0"}
	}
	e.p("dst = append(dst, %s)", strings.Join(sum, "|"))
}

func (m *method) emitAppendField(e *emitter, f field) {
	if f.Name == "" {
		zeros := map[string]int{"octet": 1, "short": 2, "long": 4, "longlong": 8, "shortstr": 1, "longstr": 4, "table": 4}[f.Type]
		e.p("dst = append(dst, %s)", strings.TrimSuffix(strings.Repeat("0, ", zeros), ", "))
		return
	}
	v := "m." + f.goName()
	switch f.Type {
	case "octet":
		e.p("dst = append(dst, %s)", v)
	case "short":
		e.p("dst = binary.BigEndian.AppendUint16(dst, %s)", v)
	case "long":
		e.p("dst = binary.BigEndian.AppendUint32(dst, %s)", v)
	case "longlong":
		e.p("dst = binary.BigEndian.AppendUint64(dst, %s)", v)
	case "shortstr":
		e.p("dst = append(append(dst, uint8(len(%s))), %s...)", v, v)
	case "longstr":
		e.p("dst = append(binary.BigEndian.AppendUint32(dst, uint32(len(%s))), %s...)", v, v)
	case "table":
		e.p("if dst, err = AppendTable(dst, %s); err != nil {\nreturn dst[:start], inMethod(err, %sID)\n}", v, m.goName())
	}
}

func (m *method) emitParse(e *emitter) {
	e.p("// Parse implements Method.")
	e.p("func (m *%s) Parse(args []byte, in *Interner) error {", m.goName())
	e.p("r := reader{b: args}")
	for i := 0; i < len(m.Fields); {
		n := m.bitsAt(i)
		if n > 0 {
			m.emitParseBits(e, i, m.Fields[i:i+n])
			i += n
			continue
		}
		m.emitParseField(e, m.Fields[i])
		i++
	}
	e.p("return r.end(%sID)\n}\n", m.goName())
}

func (m *method) emitParseBits(e *emitter, at int, bits []field) {
	name, used := fmt.Sprintf("bits%d", at), false
	for _, f := range bits {
		used = used || f.Name != ""
	}
	if !used {
		e.p("r.octet()")
		return
	}
	e.p("%s := r.octet()", name)
	for i, f := range bits {
		if f.Name != "" {
			e.p("m.%s = %s&%d != 0", f.goName(), name, 1<<i)
		}
	}
}

func (m *method) emitParseField(e *emitter, f field) {
	call := map[string]string{
		"octet": "r.octet()", "short": "r.short()", "long": "r.long()", "longlong": "r.longlong()",
		"shortstr": "in.String(r.shortstr())", "longstr": "string(r.longstr())", "table": "r.table(in)",
	}[f.Type]
	if f.Name != "" {
		e.p("m.%s = %s", f.goName(), call)
		return
	}
	switch f.Type {
	case "shortstr":
		call = "r.shortstr()"
	case "longstr":
		call = "r.longstr()"
	}
	e.p("%s", call)
}
