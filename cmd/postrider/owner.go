package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/postrider-mq/postrider/internal/admin"
)

// owner asks the broker whose local socket the flags name, as its owner.
type owner struct {
	dir    string
	socket string
	json   bool
}

// flags are those of every verb that administers.
func (o *owner) flags(cmd *cobra.Command) {
	f := cmd.PersistentFlags()
	f.StringVar(&o.dir, "dir", "./postrider-data", "data `directory` of the broker")
	f.StringVar(&o.socket, "admin-socket", "", "`path` of the broker's local socket (default admin.sock in --dir)")
	f.BoolVar(&o.json, "json", false, "print JSON")
}

func (o *owner) path() string {
	if o.socket != "" {
		return o.socket
	}
	return filepath.Join(o.dir, admin.SocketName)
}

// askTime is how long an answer may take.
const askTime = time.Minute

// resource joins segments to the path of a resource. A name of dots is no step up.
func resource(segments ...string) string {
	var b strings.Builder
	b.WriteString("/api")
	for _, s := range segments {
		s = url.PathEscape(s)
		if s == "." || s == ".." {
			s = strings.ReplaceAll(s, ".", "%2E")
		}
		b.WriteString("/" + s)
	}
	return b.String()
}

// ask makes one request. body is sent as JSON unless it is nil, into filled from JSON unless it is nil. made says that
// something new came of it.
func (o *owner) ask(ctx context.Context, method, path string, body, into any) (made bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	var content io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return false, err
		}
		content = bytes.NewReader(b)
	}
	answer, err := o.send(ctx, method, path, "", content)
	if err != nil {
		return false, err
	}
	defer answer.Body.Close()
	if into != nil {
		err = json.NewDecoder(answer.Body).Decode(into)
	}
	return answer.StatusCode == http.StatusCreated, err
}

// send makes one request and returns an answer that is no refusal, for the caller to read and close.
func (o *owner) send(ctx context.Context, method, path, accept string, content io.Reader) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://broker"+path, content)
	if err != nil {
		return nil, err
	}
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return admin.DialLocal(ctx, o.path()) },
	}}
	answer, err := client.Do(r)
	if err != nil {
		if ctx.Err() == context.Canceled {
			return nil, errInterrupted
		}
		return nil, o.unreachable(err)
	}
	if answer.StatusCode >= 400 {
		defer answer.Body.Close()
		return nil, refusal(answer)
	}
	return answer, nil
}

// unreachable says why there is nobody at the socket, and what to do.
func (o *owner) unreachable(err error) error {
	where := o.dir
	start := "postrider serve --dir " + o.dir
	if o.socket != "" {
		where, start = o.socket, "postrider serve --admin-socket "+o.socket
	}
	var asked *url.Error // by what method and path is not the reader's
	if errors.As(err, &asked) {
		err = asked.Err
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return remedied{fmt.Errorf("the broker on %s does not answer", where), "see that it is not stopped or overloaded, and try again"}
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return fmt.Errorf("the broker on %s ended before it answered", where)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return remedied{fmt.Errorf("no broker is running on %s", where), fmt.Sprintf("start one with %q, or name another with --dir", start)}
	case errors.Is(err, fs.ErrPermission):
		return remedied{fmt.Errorf("%s: %w", o.path(), cause(err)), "be the user who runs the broker, who alone may open it"}
	}
	return fmt.Errorf("asking the broker on %s: %w", where, err)
}

// errAbsent is what the broker says of a thing that is not there.
var errAbsent = errors.New("not found")

// answered is a refusal that tells why.
type answered struct {
	status int
	reason string
}

func (a answered) Error() string { return a.reason }

// refusal is what the broker says is wrong.
func refusal(answer *http.Response) error {
	var p struct{ Error, Reason, Plain string }
	if err := json.NewDecoder(answer.Body).Decode(&p); err != nil {
		return fmt.Errorf("the broker answers %s", answer.Status)
	}
	if answer.StatusCode == http.StatusNotFound {
		return errAbsent
	}
	return answered{answer.StatusCode, cmp.Or(p.Plain, p.Reason)}
}

// absent words errAbsent.
func absent(err error, format string, args ...any) error {
	if errors.Is(err, errAbsent) {
		return fmt.Errorf(format, args...)
	}
	return err
}

// column is one of a listing: its title, and the field of the JSON, "a.b" within another.
type column struct{ title, field string }

// only asks for what columns show, and the fields that others of them are made of; where JSON is printed, for all.
func (o *owner) only(path string, columns []column, besides ...string) string {
	if o.json {
		return path
	}
	fields := besides
	for _, c := range columns {
		fields = append(fields, c.field)
	}
	return path + "?columns=" + strings.Join(fields, ",")
}

// list prints what is at a path, as a table or as JSON, one object a line.
func (o *owner) list(cmd *cobra.Command, path string, columns ...column) error {
	var items []map[string]any
	if _, err := o.ask(cmd.Context(), http.MethodGet, path, nil, &items); err != nil {
		return err
	}
	return o.print(cmd.OutOrStdout(), items, columns...)
}

func (o *owner) print(w io.Writer, items []map[string]any, columns ...column) error {
	if o.json {
		encoder := json.NewEncoder(w)
		for _, item := range items {
			if err := encoder.Encode(item); err != nil {
				return err
			}
		}
		return nil
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	titles := make([]string, len(columns))
	for i, c := range columns {
		titles[i] = c.title
	}
	fmt.Fprintln(table, strings.Join(titles, "\t"))
	for _, item := range items {
		cells := make([]string, len(columns))
		for i, c := range columns {
			cells[i] = cell(item, c.field)
		}
		fmt.Fprintln(table, strings.Join(cells, "\t"))
	}
	return table.Flush()
}

// cell is a value as people read it.
func cell(item map[string]any, field string) string {
	var v any = item
	for key := range strings.SplitSeq(field, ".") {
		inner, ok := v.(map[string]any)
		if !ok {
			return ""
		}
		v = inner[key]
	}
	switch v := v.(type) {
	case nil:
		return ""
	case float64:
		return fmt.Sprintf("%.0f", v)
	case bool:
		return map[bool]string{true: "yes", false: "no"}[v]
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = fmt.Sprint(v[i])
		}
		return printable(strings.Join(parts, ","))
	}
	return printable(fmt.Sprint(v))
}

// printable is text that a stranger may have chosen, for a terminal.
func printable(s string) string { return tamed(s, unseen) }

// unseen is a character that is not seen itself: it moves the cursor, turns text around, or makes two names look alike.
func unseen(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point)
}

// inText is what is wild in a text of many lines, which may have tabs, too.
func inText(wild func(rune) bool) func(rune) bool {
	return func(r rune) bool { return wild(r) && r != '\n' && r != '\t' }
}

// tamed is text that shows where it has characters that a terminal is not to get.
func tamed(s string, wild func(rune) bool) string {
	return strings.Map(func(r rune) rune {
		if wild(r) {
			return '�'
		}
		return r
	}, s)
}

// newPassword is the password of a user: from the file of --password-file, the environment, or stdin.
func newPassword(cmd *cobra.Command, file string) (string, error) {
	if file != "" {
		return readPassword(file)
	}
	if p := os.Getenv(passwordVariable); p != "" {
		return p, nil
	}
	b, err := readAll(cmd.Context(), io.LimitReader(cmd.InOrStdin(), 8<<10))
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(b), "\n")
	if line = strings.TrimSuffix(line, "\r"); line == "" {
		return "", usagef("no password: set %s, name a file with --password-file, or write it to stdin", passwordVariable)
	}
	return line, nil
}
