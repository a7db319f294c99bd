package admin

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/postrider-mq/postrider/internal/pattern"
)

// listing is many things of a kind, in order. A caller may ask for
//
//	columns=a,b.c           some fields only
//	sort=a&sort_reverse=true
//	page=1&page_size=100    a page, with name=…&use_regex=true to choose by name
//
// There may be a hundred thousand. So a thing becomes a row only when it is written or looked at, and is forgotten after that.
type listing struct {
	len    int
	row    func(i int, c columns) any // a struct that is an object in JSON; what no column asks for may be missing from it
	fields fields                     // of every row
}

// list makes a listing of rows.
func list[R any](rows []R) *listing {
	return listOf(rows, func(row R, _ columns) R { return row })
}

// listOf makes a listing of things that become rows.
func listOf[T, R any](things []T, row func(T, columns) R) *listing {
	return &listing{len(things), func(i int, c columns) any { return row(things[i], c) }, fieldsOf[R]()}
}

const (
	defaultPage = 100
	maxPage     = 500
)

// page is RabbitMQ's form of a page.
type page struct {
	FilteredCount int   `json:"filtered_count"`
	ItemCount     int   `json:"item_count"`
	Items         []any `json:"items"`
	Page          int   `json:"page"`
	PageCount     int   `json:"page_count"`
	PageSize      int   `json:"page_size"`
	TotalCount    int   `json:"total_count"`
}

// reply answers with what the caller asks for. Things are known by their numbers until they are written.
func (l *listing) reply(w http.ResponseWriter, q url.Values) error {
	c, err := columnsOf(q.Get("columns"))
	if err != nil {
		return err
	}
	things, err := l.filter(q)
	if err != nil {
		return err
	}
	if by := q.Get("sort"); by != "" {
		l.sort(things, strings.Split(by, "."), q.Get("sort_reverse") == "true")
	}
	if q.Get("page") == "" {
		return l.write(w, things, c)
	}
	p, part, err := paged(things, q)
	if err != nil {
		return err
	}
	p.TotalCount = l.len
	for _, i := range part {
		p.Items = append(p.Items, l.shown(i, c))
	}
	body, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, body)
}

// pieces is how much of a list is sent at once, in bytes.
const pieces = 32 << 10

// write sends a list, one thing after the other. After an error the answer is cut off where it is.
func (l *listing) write(w http.ResponseWriter, things []int, c columns) error {
	asJSON(w, http.StatusOK)
	out := bufio.NewWriterSize(w, pieces)
	_ = out.WriteByte('[')
	for n, i := range things {
		if n > 0 {
			_ = out.WriteByte(',')
		}
		b, err := json.Marshal(l.shown(i, c))
		if err != nil {
			return cutOff{err}
		}
		if _, err := out.Write(b); err != nil {
			return nil // whoever asked is gone: his affair
		}
	}
	_, _ = out.WriteString("]\n")
	_ = out.Flush()
	return nil
}

// shown is what is sent of a thing.
func (l *listing) shown(i int, c columns) any {
	row := l.row(i, c)
	if c == nil {
		return row
	}
	return l.fields.choose(row, c)
}

// look is what a path leads to in a thing.
func (l *listing) look(i int, path []string) any {
	return l.fields.value(l.row(i, columns{path}), path)
}

// filter chooses by name, if a page is asked for.
func (l *listing) filter(q url.Values) ([]int, error) {
	things := make([]int, l.len)
	for i := range things {
		things[i] = i
	}
	name := q.Get("name")
	if q.Get("page") == "" || name == "" {
		return things, nil
	}
	match := func(s string) bool { return strings.Contains(s, name) }
	if q.Get("use_regex") == "true" {
		p, err := pattern.Compile(name)
		if err != nil {
			return nil, badRequest("name=%s: %v", name, err)
		}
		match = p.Match
	}
	chosen, began := things[:0], time.Now()
	for _, i := range things {
		if s, _ := l.look(i, []string{"name"}).(string); match(s) {
			chosen = append(chosen, i)
		}
		if time.Since(began) > maxSearch {
			return nil, badRequest("name=%s: to look for it takes too long", name)
		}
	}
	return chosen, nil
}

// maxSearch bounds how long names are searched for a pattern: some take the longest that there is for each of them.
const maxSearch = time.Second

// paged is the page that is asked for, still empty, and what is to be on it.
func paged(things []int, q url.Values) (*page, []int, error) {
	n, err := number(q, "page", 1, math.MaxInt32)
	if err != nil {
		return nil, nil, err
	}
	size := defaultPage
	if q.Get("page_size") != "" {
		if size, err = number(q, "page_size", 1, maxPage); err != nil {
			return nil, nil, err
		}
	}
	pages := max(1, (len(things)+size-1)/size)
	if n > pages {
		return nil, nil, &problem{400, "page_out_of_range", fmt.Sprintf("page out of range, page: %d page size: %d, len: %d", n, size, len(things))}
	}
	part := things[(n-1)*size : min(n*size, len(things))]
	return &page{len(things), len(part), []any{}, n, pages, size, 0}, part, nil
}

func number(q url.Values, key string, low, high int) (int, error) {
	n, err := strconv.Atoi(q.Get(key))
	if err != nil || n < low || n > high {
		return 0, badRequest("%s=%s: want %d to %d", key, q.Get(key), low, high)
	}
	return n, nil
}

// sort orders things by what a path leads to now.
func (l *listing) sort(things []int, path []string, reverse bool) {
	keys := make([]any, l.len)
	for _, i := range things {
		keys[i] = sortKey(l.look(i, path))
	}
	slices.SortStableFunc(things, func(a, b int) int {
		c := compare(keys[a], keys[b])
		if reverse {
			return -c
		}
		return c
	})
}

// sortKey is nothing, a number or a text.
func sortKey(v any) any {
	switch v.(type) {
	case nil, float64:
		return v
	}
	return text(v)
}

func text(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return fmt.Sprint(v)
}

// compare puts nothing before numbers before the rest.
func compare(a, b any) int {
	x, okX := a.(float64)
	y, okY := b.(float64)
	switch {
	case okX && okY:
		return cmp.Compare(x, y)
	case a == nil || b == nil:
		return cmp.Compare(rank(a), rank(b))
	}
	return strings.Compare(text(a), text(b))
}

func rank(v any) int {
	if v == nil {
		return 0
	}
	return 1
}
