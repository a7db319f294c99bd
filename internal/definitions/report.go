package definitions

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
)

// Report is what became of an import.
type Report struct {
	Imported map[string]int `json:"imported"` // how many of each part are as the file says, or were there already
	Problems []Note         `json:"problems"` // what could not be imported, in the order of the file
	Warnings []Note         `json:"warnings"` // what was left out or has no effect
	More     int            `json:"more,omitempty"`
}

// Note is something about one place of the file.
type Note struct {
	Place string `json:"place"` // as in: queues[3] 'orders' in vhost '/'
	Text  string `json:"text"`

	part, index int // the order
}

func (n Note) String() string { return n.Place + ": " + n.Text }

// maxNotes bounds the notes of a report; More counts the rest.
const maxNotes = 1000

// Error says that there were problems, and the first of them.
func (r *Report) Error() string {
	text := r.Problems[0].String()
	if n := len(r.Problems) - 1 + r.More; n > 0 {
		text += fmt.Sprintf(" (and %d more)", n)
	}
	return text
}

// Err is the report as an error, if there were problems.
func (r *Report) Err() error {
	if len(r.Problems) == 0 {
		return nil
	}
	return r
}

// notes gathers what a report will say. It is safe for concurrent use.
type notes struct {
	mu     sync.Mutex
	report Report
}

func newNotes() *notes {
	return &notes{report: Report{Imported: map[string]int{}, Problems: []Note{}, Warnings: []Note{}}}
}

func (n *notes) problem(note Note) { n.add(&n.report.Problems, note) }
func (n *notes) warning(note Note) { n.add(&n.report.Warnings, note) }

func (n *notes) add(list *[]Note, note Note) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(*list) == maxNotes {
		n.report.More++
		return
	}
	*list = append(*list, note)
}

func (n *notes) imported(part string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.report.Imported[part]++
}

// done is the report, its notes in the order of the file.
func (n *notes) done() *Report {
	order := func(a, b Note) int { return cmp.Or(cmp.Compare(a.part, b.part), cmp.Compare(a.index, b.index)) }
	slices.SortStableFunc(n.report.Problems, order)
	slices.SortStableFunc(n.report.Warnings, order)
	return &n.report
}
