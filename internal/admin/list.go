package admin

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/postrider-mq/postrider/internal/pattern"
)

// listing is many things of a kind; anything that is JSON of an object. A caller may ask for
//
//	columns=a,b.c           some fields only
//	sort=a&sort_reverse=true
//	page=1&page_size=100    a page, with name=…&use_regex=true to choose by name
type listing []any

// list makes a listing of a slice.
func list[T any](items []T) listing {
	l := make(listing, len(items))
	for i := range items {
		l[i] = items[i]
	}
	return l
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

func (l listing) shape(q url.Values) (any, error) {
	columns, sort := q.Get("columns"), q.Get("sort")
	if columns == "" && sort == "" && q.Get("page") == "" {
		return l, nil
	}
	items, err := l.objects()
	if err != nil {
		return nil, err
	}
	total := len(items)
	if items, err = filter(items, q); err != nil {
		return nil, err
	}
	if sort != "" {
		sortBy(items, strings.Split(sort, "."), q.Get("sort_reverse") == "true")
	}
	p, err := paged(items, q)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return choose(items, columns), nil
	}
	p.TotalCount = total
	p.Items = choose(slices.Clone(p.Items), columns)
	return p, nil
}

// objects are the items as whoever reads the JSON sees them.
func (l listing) objects() ([]any, error) {
	b, err := json.Marshal(l)
	if err != nil {
		return nil, err
	}
	var items []any
	return items, json.Unmarshal(b, &items)
}

func filter(items []any, q url.Values) ([]any, error) {
	name := q.Get("name")
	if q.Get("page") == "" || name == "" {
		return items, nil
	}
	match := func(s string) bool { return strings.Contains(s, name) }
	if q.Get("use_regex") == "true" {
		p, err := pattern.Compile(name)
		if err != nil {
			return nil, badRequest("name=%s: %v", name, err)
		}
		match = p.Match
	}
	chosen, began := items[:0], time.Now()
	for _, v := range items {
		if s, _ := field(v, []string{"name"}).(string); match(s) {
			chosen = append(chosen, v)
		}
		if time.Since(began) > maxSearch {
			return nil, badRequest("name=%s: to look for it takes too long", name)
		}
	}
	return chosen, nil
}

// maxSearch bounds how long names are searched for a pattern: some take the longest that there is for each of them.
const maxSearch = time.Second

func paged(items []any, q url.Values) (*page, error) {
	if q.Get("page") == "" {
		return nil, nil
	}
	n, err := number(q, "page", 1, math.MaxInt32)
	if err != nil {
		return nil, err
	}
	size := defaultPage
	if q.Get("page_size") != "" {
		if size, err = number(q, "page_size", 1, maxPage); err != nil {
			return nil, err
		}
	}
	pages := max(1, (len(items)+size-1)/size)
	if n > pages {
		return nil, &problem{400, "page_out_of_range", fmt.Sprintf("page out of range, page: %d page size: %d, len: %d", n, size, len(items))}
	}
	part := items[(n-1)*size : min(n*size, len(items))]
	return &page{len(items), len(part), part, n, pages, size, 0}, nil
}

func number(q url.Values, key string, low, high int) (int, error) {
	n, err := strconv.Atoi(q.Get(key))
	if err != nil || n < low || n > high {
		return 0, badRequest("%s=%s: want %d to %d", key, q.Get(key), low, high)
	}
	return n, nil
}

// field finds what a path leads to; nil if nothing is there.
func field(v any, path []string) any {
	for _, key := range path {
		object, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = object[key]
	}
	return v
}

func sortBy(items []any, path []string, reverse bool) {
	slices.SortStableFunc(items, func(a, b any) int {
		c := compare(field(a, path), field(b, path))
		if reverse {
			return -c
		}
		return c
	})
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
	return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b))
}

func rank(v any) int {
	if v == nil {
		return 0
	}
	return 1
}

// choose keeps the columns that were asked for.
func choose(items []any, columns string) []any {
	if columns == "" {
		return items
	}
	for i, v := range items {
		kept := map[string]any{}
		for column := range strings.SplitSeq(columns, ",") {
			path := strings.Split(column, ".")
			if value := field(v, path); value != nil {
				put(kept, path, value)
			}
		}
		items[i] = kept
	}
	return items
}

func put(object map[string]any, path []string, value any) {
	for _, key := range path[:len(path)-1] {
		inner, ok := object[key].(map[string]any)
		if !ok {
			inner = map[string]any{}
			object[key] = inner
		}
		object = inner
	}
	object[path[len(path)-1]] = value
}
