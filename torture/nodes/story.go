package nodes

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// story keeps all that was told in a file, to tell that of one message.
type story struct {
	mu   sync.Mutex
	file *os.File
	to   *bufio.Writer
}

func newStory(path string) (*story, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	return &story{file: f, to: bufio.NewWriterSize(f, 1<<16)}, nil
}

// line keeps what a node told.
func (s *story) line(name string, number int, raw []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.to, "%s.%d %s", name, number, raw)
}

// note keeps what the parent did.
func (s *story) note(at time.Duration, text string) {
	raw, _ := json.Marshal(struct {
		At   time.Duration `json:"at"`
		Note string        `json:"note"`
	}{at, text})
	s.line("parent", 0, append(raw, '\n'))
}

func (s *story) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return cmp.Or(s.to.Flush(), s.file.Close())
}

// of is all that was told of some messages, and when nodes and the broker began and ended meanwhile, in the order of time.
func (s *story) of(messages ...string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.to.Flush()
	f, err := os.Open(s.file.Name())
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	type entry struct {
		at   time.Duration
		text string
		note bool
	}
	var all []entry
	for lines := bufio.NewReader(f); ; {
		raw, err := lines.ReadBytes('\n')
		if err != nil {
			break
		}
		note := bytes.HasPrefix(raw, []byte("parent"))
		if !note && !slices.ContainsFunc(messages, func(m string) bool { return m != "" && bytes.Contains(raw, []byte(m+`"`)) }) {
			continue
		}
		var when struct {
			At time.Duration `json:"at"`
		}
		_, rest, _ := bytes.Cut(raw, []byte(" "))
		_ = json.Unmarshal(rest, &when)
		all = append(all, entry{when.At, strings.TrimSpace(string(raw)), note})
	}
	slices.SortStableFunc(all, func(a, b entry) int { return cmp.Compare(a.at, b.at) })
	from := slices.IndexFunc(all, func(e entry) bool { return !e.note })
	var b strings.Builder
	for i, e := range all {
		if i >= from-8 {
			fmt.Fprintln(&b, e.text)
		}
	}
	return b.String()
}
