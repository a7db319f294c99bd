package session

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/postrider-mq/postrider/amqp"
)

var update = flag.Bool("update", false, "rewrite what the scripts in testdata expect")

// The scripts in testdata tell what one side does. A line at the margin is
// what happens to it; the indented lines below it are what it does about that:
//
//	server channel_max=2                      a fresh server; or: client
//	ready                                     the handshake is done, unseen
//	> bytes AMQP\x00\x00\x09\x01              bytes arrive
//	> 1 basic.publish routing-key=q           a method arrives on channel 1
//	> 1 header 60 5                           a content header: class, body size
//	> 1 body hello                            a piece of a body
//	> 0 heartbeat
//	accept-login, accept-open, fail 1 404 …   the shell decides
//	later                                     what crossed a close-ok has come
//	limits                                    what was negotiated
//	    event publish 1 basic.publish routing-key=q "hello"
//	    reply 1 channel.open-ok
//
// Run with -update to write down what happens now; then read the difference.
func TestScripts(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) { runScript(t, path) })
	}
}

func runScript(t *testing.T, path string) {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	p := &player{t: t}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "\t"):
			continue
		case line == "" || strings.HasPrefix(line, "#"):
			p.out.WriteString(line + "\n")
		default:
			p.out.WriteString(line + "\n")
			p.play(line)
		}
	}
	if *update {
		if err := os.WriteFile(path, p.out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if p.out.String() != string(text) {
		t.Errorf("%s: what happens differs from what is written:\n%s", path, firstDifference(p.out.String(), string(text)))
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("line %d\n got %s\nwant %s", i+1, g[i], w[i])
		}
	}
	return "one is longer"
}

// player plays one script.
type player struct {
	t      *testing.T
	server *Server
	client *Client
	in     []byte
	ready  bool // past the protocol header
	out    bytes.Buffer
}

func (p *player) play(line string) {
	p.t.Helper()
	verb, rest, _ := strings.Cut(line, " ")
	switch verb {
	case "server":
		p.in, p.ready, p.client = nil, false, nil
		p.server = NewServer(ServerConfig{Limits: limits(rest), Mechanisms: "PLAIN AMQPLAIN"})
	case "client":
		p.in, p.ready, p.server = nil, true, nil
		p.client = NewClient(ClientConfig{Limits: limits(rest), VHost: "/"})
		p.client.Hello()
	case "ready":
		p.handshake()
	case ">":
		p.arrive(encode(p.t, rest))
	case "accept-login":
		p.reply(p.server.AcceptLogin())
	case "accept-open":
		p.reply(p.server.AcceptOpen())
	case "respond":
		reply, err := p.client.Respond("PLAIN", rest)
		p.fault(err)
		p.reply(reply)
	case "open-channel":
		n, reply, err := p.client.OpenChannel()
		p.fault(err)
		if err == nil {
			p.printf("opens %d", n)
		}
		p.reply(reply)
	case "later":
		p.server.At(crossingTime)
	case "close-channel":
		p.reply(p.client.CloseChannel(uint16(number(p.t, rest))))
	case "close":
		p.reply(p.client.Close())
	case "limits":
		e := p.endpoint()
		p.printf("frame_max=%d channel_max=%d heartbeat=%d", e.FrameMax(), e.ChannelMax(), e.Heartbeat())
	case "fail":
		f := strings.SplitN(rest, " ", 3)
		p.fail(uint16(number(p.t, f[0])), amqp.Errorf(uint16(number(p.t, f[1])), "%s", f[2]))
	default:
		p.t.Fatalf("no such step: %s", line)
	}
}

func (p *player) handshake() {
	ends := p.out.Len()
	if p.client != nil {
		p.arrive(encode(p.t, "0 connection.start mechanisms=PLAIN"))
		p.client.Respond("PLAIN", "")
		p.arrive(encode(p.t, "0 connection.tune frame-max=131072"))
		p.arrive(encode(p.t, "0 connection.open-ok"))
	} else {
		p.arrive(amqp.ProtocolHeader[:])
		p.arrive(encode(p.t, "0 connection.start-ok mechanism=PLAIN"))
		p.server.AcceptLogin()
		p.arrive(encode(p.t, "0 connection.tune-ok"))
		p.arrive(encode(p.t, "0 connection.open"))
		p.server.AcceptOpen()
	}
	p.out.Truncate(ends)
}

// arrive lets bytes reach the side that the script is about.
func (p *player) arrive(b []byte) {
	p.t.Helper()
	p.in = append(p.in, b...)
	if !p.ready {
		rest, reply, ok, err := p.server.Preamble(p.in)
		p.in, p.ready = rest, ok
		if err != nil {
			p.printf("error %v", err)
			p.printf("reply %q", reply)
			p.in = nil
			return
		}
		p.reply(reply)
	}
	for p.ready {
		most := p.endpoint().FrameMax()
		if p.server != nil {
			most = p.server.FrameMost()
		}
		rest, f, ok, err := amqp.ParseFrame(p.in, most)
		if err != nil {
			p.fail(0, err.(*amqp.Error))
			p.in = nil
			return
		}
		if !ok {
			return
		}
		p.in = rest
		p.receive(f)
	}
}

func (p *player) endpoint() *endpoint {
	if p.client != nil {
		return &p.client.endpoint
	}
	return &p.server.endpoint
}

func (p *player) receive(f amqp.Frame) {
	var e Event
	var err error
	if p.client != nil {
		e, err = p.client.Receive(f)
	} else {
		e, err = p.server.Receive(f)
	}
	if err != nil {
		p.fail(f.Channel, err.(*amqp.Error))
		return
	}
	if e.Kind != None {
		p.printf("event %s", describe(e))
	}
	p.reply(e.Reply)
}

func (p *player) fault(err error) {
	if err != nil {
		p.printf("error %v", err)
	}
}

func (p *player) fail(n uint16, err *amqp.Error) {
	if p.client != nil {
		p.reply(p.client.Fail(n, err))
		return
	}
	p.reply(p.server.Fail(n, err))
	if p.server.Closed() {
		p.printf("hangs up")
	}
}

// reply writes down what is sent.
func (p *player) reply(b []byte) {
	p.t.Helper()
	for len(b) > 0 {
		rest, f, ok, err := amqp.ParseFrame(b, 0)
		if !ok || err != nil {
			p.t.Fatalf("the reply is no frame: %q", b)
		}
		m, err := amqp.ParseMethod(f.Payload, nil)
		if err != nil {
			p.t.Fatal(err)
		}
		p.printf("reply %d %s", f.Channel, spell(m))
		b = rest
	}
}

func (p *player) printf(format string, args ...any) {
	fmt.Fprintf(&p.out, "\t"+format+"\n", args...)
}

func describe(e Event) string {
	s := fmt.Sprintf("%s %d", e.Kind, e.Channel)
	if e.Method != nil {
		s += " " + spell(e.Method)
	}
	if e.Content != nil {
		s += fmt.Sprintf(" %q", e.Content.Body)
	}
	if e.Err != nil {
		s += fmt.Sprintf(" because %v", e.Err)
	}
	return s
}

// spell writes a method as scripts do: its name and the fields that are not zero.
func spell(m amqp.Method) string {
	s := m.ID().String()
	v := reflect.ValueOf(m).Elem()
	for i := range v.NumField() {
		f := v.Field(i)
		if f.IsZero() {
			continue
		}
		value := fmt.Sprint(f.Interface())
		if f.Kind() == reflect.Map {
			value = fmt.Sprintf("{%d}", f.Len())
		}
		if f.Kind() == reflect.String && strings.ContainsAny(value, " \x00") {
			value = strconv.Quote(value)
		}
		s += " " + fieldName(v.Type().Field(i).Name) + "=" + value
	}
	return s
}

// fieldName turns RoutingKey into routing-key and ClassID into class-id.
func fieldName(s string) string {
	s = strings.ReplaceAll(s, "ID", "Id")
	var b strings.Builder
	for i, r := range s {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte('-')
		}
		b.WriteString(strings.ToLower(string(r)))
	}
	return b.String()
}

// encode turns "1 basic.ack delivery-tag=7" and its like into bytes.
func encode(t *testing.T, s string) []byte {
	t.Helper()
	first, rest, _ := strings.Cut(s, " ")
	if first == "bytes" {
		return unquote(t, rest)
	}
	n := uint16(number(t, first))
	verb, rest, _ := strings.Cut(rest, " ")
	switch verb {
	case "header":
		class, size, _ := strings.Cut(rest, " ")
		return amqp.AppendHeaderFrame(nil, n, uint16(number(t, class)), number(t, size), nil)
	case "body":
		return rawFrame(amqp.FrameBody, n, unquote(t, rest))
	case "method":
		return rawFrame(amqp.FrameMethod, n, unquote(t, rest))
	case "heartbeat":
		return rawFrame(amqp.FrameHeartbeat, n, nil)
	}
	b, err := method(t, verb, rest).AppendFrame(nil, n)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func rawFrame(kind byte, n uint16, payload []byte) []byte {
	size := len(payload)
	b := []byte{kind, byte(n >> 8), byte(n), byte(size >> 24), byte(size >> 16), byte(size >> 8), byte(size)}
	return append(append(b, payload...), amqp.FrameEnd)
}

// method makes the method of that name, with the fields given as name=value.
func method(t *testing.T, name, fields string) amqp.Method {
	t.Helper()
	for _, id := range amqp.MethodIDs() {
		if id.String() != name {
			continue
		}
		m := amqp.NewMethod(id)
		for _, f := range strings.Fields(fields) {
			key, value, _ := strings.Cut(f, "=")
			setField(t, reflect.ValueOf(m).Elem(), key, value)
		}
		return m
	}
	t.Fatalf("no method %s", name)
	return nil
}

func setField(t *testing.T, v reflect.Value, key, value string) {
	t.Helper()
	for i := range v.NumField() {
		if fieldName(v.Type().Field(i).Name) != key {
			continue
		}
		switch f := v.Field(i); f.Kind() {
		case reflect.String:
			f.SetString(string(unquote(t, value)))
		case reflect.Bool:
			f.SetBool(value == "true")
		case reflect.Map:
			f.Set(reflect.ValueOf(amqp.Table{"capabilities": amqp.Table{value: true}}))
		default:
			f.SetUint(number(t, value))
		}
		return
	}
	t.Fatalf("no field %s", key)
}

// limits reads "channel_max=2 max_message=10".
func limits(s string) (l Limits) {
	for _, f := range strings.Fields(s) {
		key, value, _ := strings.Cut(f, "=")
		n, _ := strconv.ParseUint(value, 10, 64)
		switch key {
		case "frame_max":
			l.FrameMax = uint32(n)
		case "channel_max":
			l.ChannelMax = uint16(n)
		case "heartbeat":
			l.Heartbeat = uint16(n)
		case "max_message":
			l.MaxMessage = n
		}
	}
	return l
}

func unquote(t *testing.T, s string) []byte {
	t.Helper()
	u, err := strconv.Unquote(`"` + strings.ReplaceAll(s, `"`, `\"`) + `"`)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return []byte(u)
}

func number(t *testing.T, s string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
